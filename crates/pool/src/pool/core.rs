//! The pool at work: what its driver does with the events of workers.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use multiproc_ipc::Message;
use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use multiproc_sync::{Generation, Pace};

use crate::entry::Entry;
use crate::error::{Death, PoolError};
use crate::pool::job::{Slot, Waiter};
use crate::pool::role::{After, Role};
use crate::pool::state::{Flow, State};
use crate::pool::transport::{Taken, Transport, VERY_LONG};
use crate::pool::wait::{self, Attended, Drive};
use crate::request::Hello;
use crate::supervisor::{self, Line};
use crate::sys::thread::{Affinity, block_all_signals};
use crate::sys::wait::{Bell, Poller};

/// Busy workers up to which a driver asks each one directly while it spins; above, it asks the kernel for all.
const SPIN_ON: usize = 4;

/// Turns without a look at the kernel's events after which one is due: deaths show only there.
const LOOK_EVERY: u32 = 32;

/// Keys of the poller that are no worker's.
const KICK: u64 = u64::MAX;

/// What the pool's handle, its tasks' handles and its attendant share.
#[derive(Debug)]
pub(crate) struct Core {
    /// The process that made the pool: a fork of it has the memory, not the workers.
    owner: Generation,
    entry: Entry,
    /// Of the thread that made the pool: its workers have it, whichever thread replaces them.
    affinity: Option<Affinity>,
    state: Mutex<State>,
    /// Events of the workers, for whoever has the role.
    events: Poller,
    /// Wakes the driver.
    kick: Bell,
    /// What the attendant waits for: `events` while the role is armed, and `bell`.
    attendant: Poller,
    bell: Bell,
    pace: Pace,
}

/// What a worker was found to have sent, outside the lock.
struct Found {
    index: usize,
    key: u32,
    taken: Taken,
}

impl Core {
    pub(crate) fn new(entry: Entry, workers: usize, retries: u32) -> io::Result<Self> {
        let (events, kick) = (Poller::new()?, Bell::new()?);
        let (attendant, bell) = (Poller::new()?, Bell::new()?);
        events.add(kick.as_fd(), KICK)?;
        attendant.add(bell.as_fd(), KICK)?;
        attendant.add(events.as_fd(), 0)?;
        let mut state = State::new(workers, retries);
        state.role.set_armed(true);
        let (owner, affinity) = (Generation::now(), Affinity::of_this_thread());
        let (state, pace) = (Mutex::new(state), Pace::new());
        Ok(Self { owner, entry, affinity, state, events, kick, attendant, bell, pace })
    }

    /// The state; nothing that can panic runs under the lock, so a poisoned one is whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process made the pool.
    pub(crate) fn is_ours(&self) -> bool {
        self.owner.is_ours()
    }

    /// Takes a task in.
    pub(crate) fn submit(
        &self,
        request: Message,
        waiter: &Arc<Waiter>,
    ) -> Result<(u64, Arc<Slot>), PoolError> {
        if !self.is_ours() {
            return Err(PoolError::Forked);
        }
        // A very long argument is copied now, and not while the pool is locked.
        let request =
            if request.len() > VERY_LONG { request.spill().map_err(PoolError::Kernel)? } else { request };
        let mut state = self.lock();
        if !state.open {
            return Err(PoolError::Closed);
        }
        let slot = Slot::new(waiter.clone());
        let was_broken = state.is_broken();
        let id = state.submit(request, slot.clone());
        if was_broken {
            wait::rouse(self, &mut state); // workers are to be started now
        }
        Ok((id, slot))
    }

    /// Has somebody drive the pool although the caller will not wait now.
    pub(crate) fn attend_to_it(&self) {
        wait::hand_on(self, &mut self.lock(), After::Leaves);
    }

    /// The life of the attendant thread.
    pub(crate) fn attend(&self) {
        block_all_signals();
        wait::attend(self);
    }

    /// Waits until no more than `target` of the waiter's tasks are without an outcome; `false` at the deadline. A fork of
    /// the pool's process does not wait: the answers are not for it.
    pub(crate) fn wait(&self, waiter: &Arc<Waiter>, target: usize, deadline: Option<Instant>) -> bool {
        !self.is_ours() || wait::wait(self, waiter, target, deadline, After::Leaves)
    }

    /// As [`wait`](Self::wait) without a deadline, for a caller who will be back as soon as it has handed in more.
    pub(crate) fn wait_and_come_back(&self, waiter: &Arc<Waiter>, target: usize) {
        wait::wait(self, waiter, target, None, After::ComesBack);
    }

    /// Sees to events of the kernel. Only who has the role takes answers, so none can overtake another; the lock is open
    /// while they are read.
    fn handle(&self, ready: &[u64]) {
        for event in ready {
            if *event == KICK {
                self.kick.silence();
                continue;
            }
            let (index, key, is_end) = unpack(*event);
            let Some(transport) = self.lock().worker(index, key).map(|w| w.transport.clone()) else {
                continue;
            };
            // All that it has sent comes first, also when it has ended.
            while self.take_in(index, key, transport.take()) == Flow::More {}
            if is_end && let Some(status) = transport.ended() {
                let mut state = self.lock();
                if state.worker(index, key).is_some() {
                    // Errors: not in the poller any more.
                    let _ = self.events.remove(transport.answers());
                    let _ = self.events.remove(transport.sentinel());
                    state.bury(index, Death(status));
                }
            }
        }
    }

    fn take_in(&self, index: usize, key: u32, taken: Taken) -> Flow {
        let mut state = self.lock();
        if state.worker(index, key).is_none() {
            return Flow::Ended; // the pool has ended meanwhile
        }
        let flow = state.taken(index, taken);
        if flow == Flow::Ended
            && let Some(worker) = state.worker(index, key)
        {
            // A closed socket would stay readable until the process has ended.
            let _ = self.events.remove(worker.transport.answers());
        }
        flow
    }

    /// Starts a worker for every place that has none. The lock is open while the kernel works.
    fn fill_places<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.kill_overdue();
        while let Some(index) = state.vacant() {
            drop(state);
            let started = self.start_worker();
            state = self.lock();
            match started {
                Ok(worker) if !state.ended => self.install(&mut state, index, worker),
                Ok(worker) => worker.shut_down(),
                Err(e) => state.start_failed(&e.to_string()),
            }
        }
        state
    }

    /// How many workers the pool has when it is whole.
    pub(crate) fn places(&self) -> usize {
        self.lock().workers.len()
    }

    /// Fills all places before anybody drives the pool, when a failure is the caller's to know.
    pub(crate) fn start_all(&self) -> io::Result<()> {
        let mut state = self.lock();
        while let Some(index) = state.vacant() {
            drop(state);
            let worker = self.start_worker()?;
            state = self.lock();
            self.install(&mut state, index, worker);
        }
        Ok(())
    }

    /// Starts a worker.
    fn start_worker(&self) -> io::Result<Arc<dyn Transport>> {
        let hello = Hello::message(false)?;
        Ok(Arc::new(supervisor::start(self.entry, self.affinity, Line::with(&[&hello])?)?))
    }

    /// Puts a worker in its place and listens to it.
    fn install(&self, state: &mut State, index: usize, worker: Arc<dyn Transport>) {
        let key = state.install(index, worker.clone());
        let listened = self.events.add(worker.answers(), pack(index, key, false));
        let listened = listened.and_then(|()| self.events.add(worker.sentinel(), pack(index, key, true)));
        if listened.is_err() {
            // Out of kernel memory: a worker that cannot be heard is none.
            let _ = self.events.remove(worker.answers());
            worker.signal(libc::SIGKILL);
            state.bury(index, Death(None));
        }
    }

    /// Ends the pool: every task gets its outcome, nobody waits any more. Gives the workers to the caller, with
    /// whether they are busy.
    pub(crate) fn end(&self) -> Vec<(Arc<dyn Transport>, bool)> {
        wait::end(self, |state| {
            let workers = state.end();
            for (worker, _) in &workers {
                let _ = self.events.remove(worker.answers());
                let _ = self.events.remove(worker.sentinel());
            }
            workers
        })
    }
}

impl Attended for State {
    fn role(&mut self) -> &mut Role {
        &mut self.role
    }

    fn has_work(&self) -> bool {
        self.has_work()
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn next_wake(&self) -> Option<Instant> {
        self.next_wake()
    }
}

impl Drive for Core {
    type State = State;

    fn lock(&self) -> MutexGuard<'_, State> {
        self.lock()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let look_due = state.role.count_turn().is_multiple_of(LOOK_EVERY);
        let focus = if look_due { Vec::new() } else { focus(&state) };
        let next_wake = state.next_wake();
        drop(state);
        let found = if focus.is_empty() {
            None
        } else {
            look(&focus).or_else(|| self.pace.spin(deadline, || look(&focus)))
        };
        drop(focus);
        let until = match (&found, look_due) {
            (None, false) => [deadline, next_wake].into_iter().flatten().min(),
            _ => Some(Instant::now()),
        };
        let ready = if found.is_none() { self.events.wait(until).unwrap_or_default() } else { Vec::new() };
        if let Some(found) = found {
            self.take_in(found.index, found.key, found.taken);
        }
        self.handle(&ready);
        self.fill_places(self.lock())
    }

    fn look_in<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        drop(state);
        self.handle(&self.events.wait(Some(Instant::now())).unwrap_or_default());
        self.fill_places(self.lock())
    }

    fn rest(&self, deadline: Option<Instant>) {
        let _ = self.attendant.wait(deadline);
        self.bell.silence();
    }

    fn listen(&self, on: bool) {
        let result = self.attendant.arm(self.events.as_fd(), 0, on);
        debug_assert!(result.is_ok(), "both pollers live as long as the pool");
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn kick(&self) {
        self.kick.ring();
    }
}

/// The busy workers, if they are few enough to be asked one by one.
fn focus(state: &State) -> Vec<(usize, u32, Arc<dyn Transport>)> {
    let busy = state.answering();
    let focus: Vec<_> =
        busy.take(SPIN_ON + 1).map(|(i, worker)| (i, worker.key, worker.transport.clone())).collect();
    if focus.len() > SPIN_ON { Vec::new() } else { focus }
}

fn look(focus: &[(usize, u32, Arc<dyn Transport>)]) -> Option<Found> {
    focus.iter().find_map(|(index, key, transport)| match transport.take() {
        Taken::Nothing => None,
        taken => Some(Found { index: *index, key: *key, taken }),
    })
}

/// An event's number in the poller: whose it is, and whether it is its end.
fn pack(index: usize, key: u32, is_end: bool) -> u64 {
    u64::from(key) << 32 | (index as u64) << 1 | u64::from(is_end)
}

fn unpack(event: u64) -> (usize, u32, bool) {
    (((event & u64::from(u32::MAX)) >> 1) as usize, (event >> 32) as u32, event & 1 == 1)
}
