//! What the kernel does for a pool, for the models: events, bells, one poller inside another, and time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use multiproc_sync::primitive::blocking::{Condvar, Mutex, MutexGuard};

/// A step of the clock: longer than any deadline, tick and pause.
pub(super) const STEP: Duration = Duration::from_secs(3600);

/// A step in which no tick passes, but the pause before a worker is started again.
pub(super) const SHORT_STEP: Duration = Duration::from_millis(1);

/// What a driver learns.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The answer of a task.
    Answer(usize),
    /// The end of a worker that had no task, in whose place one can be started.
    Death,
    /// The end of a worker that had no task, in whose place none can be started now.
    BadDeath,
}

/// A condition that is signalled, with the lock held, only if a thread waits for it: fewer orders to try.
#[derive(Debug)]
pub(super) struct Bed {
    condition: Condvar,
    taken: AtomicBool,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self { condition: Condvar::new(), taken: AtomicBool::new(false) }
    }

    pub(super) fn sleep<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.taken.store(true, Relaxed);
        self.condition.wait(guard).unwrap()
    }

    pub(super) fn wake(&self) {
        if self.taken.swap(false, Relaxed) {
            self.condition.notify_one();
        }
    }
}

#[derive(Debug, Default)]
struct Facts {
    /// Tasks that were handed to workers.
    requests: Vec<usize>,
    /// What the driver can take.
    events: Vec<Event>,
    /// The driver's bell.
    kicked: bool,
    /// Whether events wake the attendant.
    listening: bool,
    /// The attendant's bell.
    rung: bool,
    /// The attendant rests with a deadline.
    resting: bool,
    /// Time passes no more.
    stopped: bool,
}

#[derive(Debug)]
pub(super) struct Kernel {
    facts: Mutex<Facts>,
    /// The driver waits for events.
    driver: Bed,
    /// The attendant rests.
    attendant: Bed,
    /// A worker waits for a request.
    worker: Bed,
    /// The clock waits for the attendant to rest with a deadline.
    clock: Bed,
    /// Changed with the lock held; of the standard library, as it decides nothing by itself.
    nanoseconds: AtomicU64,
    start: Instant,
}

impl Kernel {
    pub(super) fn new(listening: bool) -> Self {
        Self {
            facts: Mutex::new(Facts { listening, ..Facts::default() }),
            driver: Bed::new(),
            attendant: Bed::new(),
            worker: Bed::new(),
            clock: Bed::new(),
            nanoseconds: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    /// The pool hands task `id` to a worker.
    pub(super) fn request(&self, id: usize) {
        let mut facts = self.lock();
        facts.requests.push(id);
        self.worker.wake();
    }

    /// A worker waits until task `id` has been handed over.
    pub(super) fn await_request(&self, id: usize) {
        let mut facts = self.lock();
        while !facts.requests.contains(&id) {
            facts = self.worker.sleep(facts);
        }
    }

    pub(super) fn happen(&self, event: Event) {
        let mut facts = self.lock();
        facts.events.push(event);
        self.driver.wake();
        if facts.listening {
            self.attendant.wake();
        }
    }

    /// The driver's wait.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Vec<Event> {
        let mut facts = self.lock();
        while facts.events.is_empty() && !facts.kicked && !self.has_come(deadline) {
            facts = self.driver.sleep(facts);
        }
        take(&mut facts)
    }

    /// What a driver can take without waiting.
    pub(super) fn look(&self) -> Vec<Event> {
        take(&mut self.lock())
    }

    /// The attendant's wait, and then the bell's silence: two system calls, between which anything can happen.
    pub(super) fn rest(&self, deadline: Option<Instant>) {
        let mut facts = self.lock();
        while !facts.rung
            && !(facts.listening && (facts.kicked || !facts.events.is_empty()))
            && !self.has_come(deadline)
        {
            facts.resting = deadline.is_some();
            if facts.resting {
                self.clock.wake();
            }
            facts = self.attendant.sleep(facts);
            facts.resting = false;
        }
        drop(facts);
        self.lock().rung = false;
    }

    pub(super) fn listen(&self, on: bool) {
        let mut facts = self.lock();
        facts.listening = on;
        self.attendant.wake();
    }

    pub(super) fn is_listening(&self) -> bool {
        self.lock().listening
    }

    pub(super) fn ring(&self) {
        let mut facts = self.lock();
        facts.rung = true;
        self.attendant.wake();
    }

    pub(super) fn kick(&self) {
        let mut facts = self.lock();
        facts.kicked = true;
        self.driver.wake();
        self.attendant.wake();
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanoseconds.load(Relaxed))
    }

    /// The clock makes a step: whoever waits looks whether that was his deadline.
    pub(super) fn step(&self, step: Duration) {
        self.step_with(&self.lock(), step);
    }

    fn step_with(&self, _facts: &MutexGuard<'_, Facts>, step: Duration) {
        let step = u64::try_from(step.as_nanos()).unwrap();
        self.nanoseconds.fetch_add(step, Relaxed);
        self.driver.wake();
        self.attendant.wake();
    }

    /// The clock makes a step when the attendant rests with a deadline; `false` if there will be no more.
    pub(super) fn step_at_rest(&self, step: Duration) -> bool {
        let mut facts = self.lock();
        while !facts.resting && !facts.stopped {
            facts = self.clock.sleep(facts);
        }
        if !facts.stopped {
            facts.resting = false;
            self.step_with(&facts, step);
        }
        !facts.stopped
    }

    pub(super) fn stop_the_clock(&self) {
        let mut facts = self.lock();
        facts.stopped = true;
        self.clock.wake();
    }

    fn has_come(&self, time: Option<Instant>) -> bool {
        time.is_some_and(|time| self.now() >= time)
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }
}

fn take(facts: &mut Facts) -> Vec<Event> {
    facts.kicked = false;
    std::mem::take(&mut facts.events)
}
