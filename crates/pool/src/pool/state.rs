//! What the pool knows: waiting tasks, workers, who has which. Every change is made here, under one lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use multiproc_ipc::Message;

use crate::error::Death;
use crate::pool::info::{PoolStats, WorkerInfo, WorkerState};
use crate::pool::job::{Job, Outcome, Slot};
use crate::pool::role::Role;
use crate::pool::transport::{NotHandedOver, Taken, Transport};
use crate::request::UNREADABLE;

/// Starts that fail in a row before the tasks that wait are given up: a program that dies at its start would be started
/// for ever.
pub(crate) const MAX_FAILED_STARTS: u32 = 5;

/// Pause after a start that failed; it doubles with each further one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Life below which a death without a task puts the next start off: whatever kills workers that early would be fed new
/// ones without pause.
const MIN_LIFE: Duration = Duration::from_secs(1);

/// How long a worker may take to get through its start: constructors, and what stands before the entry hook.
const TIME_TO_GREET: Duration = Duration::from_secs(60);

/// How long a worker may live after its socket was closed: the kernel does that late in a process's end.
const TIME_TO_END: Duration = Duration::from_secs(1);

/// A worker that lives, as far as the pool knows.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Never used again, so that an event of a worker that was replaced is known as such.
    pub(crate) key: u32,
    pub(crate) transport: Arc<dyn Transport>,
    since: Instant,
    /// It has greeted: it got through its start.
    ready: bool,
    /// The kernel said that it left a request unread.
    unread: bool,
    /// Since when its end of the socket is known to be closed: nothing can be handed over.
    gone: Option<Instant>,
    task: Option<(Box<Job>, Instant)>,
}

impl Worker {
    /// When it will have taken too long to start, or to end.
    fn overdue_at(&self) -> Option<Instant> {
        match self.gone {
            Some(since) => Some(since + TIME_TO_END),
            None => (!self.ready).then(|| self.since + TIME_TO_GREET),
        }
    }
}

/// What to expect of a worker after something was taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// There may be more now.
    More,
    /// Nothing more for now.
    Dry,
    /// Nothing more ever.
    Ended,
}

#[derive(Debug)]
pub(crate) struct State {
    queue: VecDeque<Box<Job>>,
    /// `None`: to be started (again).
    pub(crate) workers: Vec<Option<Worker>>,
    /// Workers without a task, the last one used on top: it may still be spinning.
    idle: Vec<usize>,
    retries: u32,
    /// New tasks are taken.
    pub(crate) open: bool,
    /// The pool has ended.
    pub(crate) ended: bool,
    /// Starts that failed since a worker last got through its own.
    failed_starts: u32,
    /// Pauses before starts since a worker was last of use.
    pauses: u32,
    /// No start is tried before.
    pub(crate) retry_at: Option<Instant>,
    /// Workers die at their start: nothing is tried until the next task comes.
    broken: Option<String>,
    next_task: u64,
    next_key: u32,
    pub(crate) stats: PoolStats,
    pub(crate) role: Role,
}

impl State {
    pub(crate) fn new(workers: usize, retries: u32) -> Self {
        Self {
            queue: VecDeque::new(),
            workers: (0..workers).map(|_| None).collect(),
            idle: Vec::with_capacity(workers),
            retries,
            open: true,
            ended: false,
            failed_starts: 0,
            pauses: 0,
            retry_at: None,
            broken: None,
            next_task: 0,
            next_key: 0,
            stats: PoolStats::default(),
            role: Role::default(),
        }
    }

    /// Whether workers have died at their start so often that none is started until the next task comes.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Takes a task in and hands it to an idle worker if there is one. Returns its number.
    pub(crate) fn submit(&mut self, mut request: Message, slot: Arc<Slot>) -> u64 {
        let id = self.next_task;
        self.next_task += 1;
        self.stats.submitted += 1;
        if self.broken.take().is_some() {
            // What kept workers from starting may have passed: a new task is worth new attempts.
            (self.failed_starts, self.retry_at) = (0, Some(Instant::now()));
        }
        request.set_tag(id);
        self.queue.push_back(Box::new(Job { id, request, attempts: 0, slot }));
        self.dispatch();
        id
    }

    /// Hands waiting tasks to idle workers.
    fn dispatch(&mut self) {
        while let Some(job) = self.queue.pop_front() {
            let Some(index) = self.idle.pop() else {
                self.queue.push_front(job);
                return;
            };
            // Invariant: an index in `idle` is a live worker without a task.
            let Some(worker) = self.workers[index].as_mut() else {
                debug_assert!(false, "an idle worker that is not there");
                self.queue.push_front(job);
                continue;
            };
            match worker.transport.hand_over(&job.request) {
                Ok(()) => worker.task = Some((job, Instant::now())),
                Err(NotHandedOver::Gone) => {
                    worker.gone = Some(Instant::now()); // its end is an event that will come
                    self.queue.push_front(job);
                }
                Err(NotHandedOver::Refused(e)) => {
                    self.idle.push(index);
                    job.slot.fill(Outcome::NotHandedOver(e));
                }
            }
        }
    }

    /// Puts a started worker in its place; returns its key.
    pub(crate) fn install(&mut self, index: usize, transport: Arc<dyn Transport>) -> u32 {
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        self.stats.workers_started += 1;
        self.workers[index] = Some(Worker {
            key,
            transport,
            since: Instant::now(),
            ready: false,
            unread: false,
            gone: None,
            task: None,
        });
        key
    }

    /// Takes in what worker `index` has sent.
    pub(crate) fn taken(&mut self, index: usize, taken: Taken) -> Flow {
        let Some(worker) = self.workers[index].as_mut() else {
            return Flow::Dry;
        };
        match taken {
            Taken::Nothing => return Flow::Dry,
            Taken::Unread => worker.unread = true,
            Taken::Gone => {
                worker.gone.get_or_insert_with(Instant::now);
                self.idle.retain(|i| *i != index);
                return Flow::Ended;
            }
            // The first message is the greeting: from now on the worker gets tasks.
            Taken::Answer(_) if !worker.ready => {
                worker.ready = true;
                (self.failed_starts, self.broken) = (0, None);
                self.idle.insert(0, index);
                self.dispatch();
            }
            Taken::Answer(answer) => {
                let tag = answer.tag();
                let asked = worker.task.as_ref().is_some_and(|(job, _)| job.id == tag || tag == UNREADABLE);
                if !asked {
                    // Nobody asked, or not for this: were it believed, each later answer would be that of another task.
                    worker.transport.signal(libc::SIGKILL);
                    return Flow::Dry;
                }
                self.complete(index, Outcome::Answer(answer));
            }
            Taken::Lost(reason) => {
                let pid = worker.transport.pid();
                self.complete(index, Outcome::AnswerLost { pid, reason });
            }
        }
        Flow::More
    }

    fn complete(&mut self, index: usize, outcome: Outcome) {
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        if let Some((job, _)) = worker.task.take() {
            self.stats.completed += 1;
            (self.pauses, self.retry_at) = (0, None);
            self.idle.push(index);
            job.slot.fill(outcome);
            self.dispatch();
        }
    }

    /// Buries a worker that has ended and whose last words have been taken. Its task is tried again if it was never
    /// begun or has attempts left; its place is to be filled.
    pub(crate) fn bury(&mut self, index: usize, death: Death) {
        let Some(worker) = self.workers[index].take() else {
            return;
        };
        self.idle.retain(|i| *i != index);
        let begun = worker.task.is_some() && worker.ready && !worker.unread;
        if begun {
            self.pauses = 0;
        } else if worker.ready && worker.since.elapsed() < MIN_LIFE {
            self.pause();
        } else if !worker.ready {
            let pid = worker.transport.pid();
            self.start_failed(&format!(
                "worker {pid} died {death}. What runs in this program before its entry hook?"
            ));
        }
        let Some((mut job, _)) = worker.task else { return };
        if !begun {
            self.requeue(job); // costs nothing
            return;
        }
        job.attempts += 1;
        self.stats.deaths += 1;
        if job.attempts <= self.retries {
            self.stats.retries += 1;
            self.requeue(job);
        } else {
            let (pid, attempts) = (worker.transport.pid(), job.attempts);
            job.slot.fill(Outcome::WorkerDied { pid, death, attempts });
        }
    }

    fn requeue(&mut self, job: Box<Job>) {
        match &self.broken {
            Some(reason) => job.slot.fill(Outcome::WorkersFail(reason.clone())),
            None => self.queue.push_front(job),
        }
        self.dispatch();
    }

    /// Notes that a start failed; after too many in a row nobody waits for the next.
    pub(crate) fn start_failed(&mut self, reason: &str) {
        self.failed_starts += 1;
        self.pause();
        if self.failed_starts >= MAX_FAILED_STARTS && self.workers.iter().all(Option::is_none) {
            self.broken = Some(reason.to_string());
            for job in self.queue.drain(..) {
                job.slot.fill(Outcome::WorkersFail(reason.to_string()));
            }
        }
    }

    /// Puts the next start off, longer each time.
    fn pause(&mut self) {
        self.pauses += 1;
        self.retry_at = Some(Instant::now() + FIRST_PAUSE * (1 << self.pauses.min(7)));
    }

    /// A place without a worker that is to be filled now; none once the pool has ended or given up.
    pub(crate) fn vacant(&self) -> Option<usize> {
        let pausing = self.retry_at.is_some_and(|at| Instant::now() < at);
        if self.ended || self.broken.is_some() || pausing {
            return None;
        }
        self.workers.iter().position(Option::is_none)
    }

    /// When there is something to do though nothing has happened: a start to be tried again, a worker to be killed.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let vacant = !self.ended && self.broken.is_none() && self.workers.iter().any(Option::is_none);
        let ends = self.workers.iter().flatten().filter_map(Worker::overdue_at);
        ends.chain(self.retry_at.filter(|_| vacant)).min()
    }

    /// Kills workers that do not get through their start, and those that have closed their socket and do not end: a task
    /// has closed what was not its own.
    pub(crate) fn kill_overdue(&mut self) {
        let now = Instant::now();
        for worker in self.workers.iter_mut().flatten() {
            if worker.overdue_at().is_some_and(|at| now >= at) {
                worker.transport.signal(libc::SIGKILL);
                worker.gone = Some(now); // and again, were it not to end
            }
        }
    }

    /// The worker in place `index`, if it is still the one with this key.
    pub(crate) fn worker(&self, index: usize, key: u32) -> Option<&Worker> {
        self.workers.get(index)?.as_ref().filter(|w| w.key == key)
    }

    /// Workers that have a task and may answer.
    pub(crate) fn answering(&self) -> impl Iterator<Item = (usize, &Worker)> {
        self.busy().filter(|(_, w)| w.gone.is_none())
    }

    /// Workers that have a task.
    fn busy(&self) -> impl Iterator<Item = (usize, &Worker)> {
        let workers = self.workers.iter().enumerate().filter_map(|(i, w)| Some((i, w.as_ref()?)));
        workers.filter(|(_, w)| w.task.is_some())
    }

    /// Whether any task is without an outcome.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.busy().next().is_some()
    }

    /// Drops the waiting tasks of one waiter: it has given up.
    pub(crate) fn forget(&mut self, waiter: &Arc<crate::pool::job::Waiter>) {
        self.queue.retain(|job| !Arc::ptr_eq(job.slot.waiter(), waiter));
    }

    /// Ends the pool: every task gets its outcome, the workers are given to the caller.
    pub(crate) fn end(&mut self) -> Vec<(Arc<dyn Transport>, bool)> {
        (self.open, self.ended) = (false, true);
        for job in self.queue.drain(..) {
            job.slot.fill(Outcome::PoolClosed);
        }
        self.idle.clear();
        let workers = self.workers.iter_mut().filter_map(Option::take);
        workers
            .map(|worker| {
                let busy = worker.task.is_some();
                if let Some((job, _)) = worker.task {
                    job.slot.fill(Outcome::PoolClosed);
                }
                (worker.transport, busy)
            })
            .collect()
    }

    pub(crate) fn worker_infos(&self) -> Vec<WorkerInfo> {
        let live = self.workers.iter().enumerate().filter_map(|(i, w)| Some((i, w.as_ref()?)));
        live.map(|(index, worker)| WorkerInfo {
            index,
            pid: worker.transport.pid(),
            state: match &worker.task {
                _ if !worker.ready => WorkerState::Starting,
                Some((job, since)) => WorkerState::Busy { task: job.id, since: *since },
                None => WorkerState::Idle,
            },
        })
        .collect()
    }
}
