//! A thread's alarm: raised by another, it ends waits of the thread, also one that sleeps.
//!
//! Before a sleep the thread looks at its alarm and says where it is about to sleep, as one; who raises the alarm looks there, as one with
//! that, and wakes all sleepers of the word. The thread says so again when it is awake, before it leaves the word: so what is woken is
//! never memory that has become something else. Others at the same word find themselves woken for nothing, which whoever sleeps has to
//! bear anyway.
//!
//! Between saying so and being asleep a wake-up is lost. So it is repeated for about a millisecond, as long as the thread is still in the same
//! sleep; one that is kept from its core for longer just then sleeps for a heartbeat at the most.
#![allow(clippy::disallowed_types)] // bookkeeping of one process, by the primitive's blocking lock

use std::cell::{Cell, RefCell};
use std::sync::{Arc, PoisonError};
#[cfg(not(multiproc_loom))]
use std::time::{Duration, Instant};

use super::mask::is_masked;
use crate::WaitError;
use crate::futex::Place;
use crate::origin::Origin;
use crate::planted::{Bug, planted};
use crate::primitive::blocking::{Mutex, MutexGuard};
use crate::primitive::thread_locals;

/// A handle to one thread's alarm, which ends that thread's waits as long as it is raised. The page of the
/// [module](crate::interrupt#alarms) says which.
///
/// ```
/// use multiproc_sync::interrupt::Alarm;
/// use multiproc_sync::{Event, WaitError};
///
/// let (never, alarms) = (Event::new(), std::sync::mpsc::channel());
/// std::thread::scope(|scope| {
///     let waiter = scope.spawn(|| {
///         alarms.0.send(Alarm::of_this_thread()).unwrap();
///         never.wait()
///     });
///     alarms.1.recv().unwrap().raise();
///     assert_eq!(waiter.join().unwrap(), Err(WaitError::Interrupted));
/// });
/// ```
///
/// It is a count: raised by two, it is down when both have lowered it. A handle may outlive its thread, and does nothing then.
///
/// # Forks
///
/// In a fork of the process it is nobody's: it does nothing there, and the thread that has forked has no alarm until it asks for one.
///
/// # Cost
///
/// A thread without an alarm looks at a thread-local before it sleeps. One that has asked for its own takes a lock of its own before and after
/// each such sleep, tens of nanoseconds, and sleeps no longer than a second at a time. Raising costs a lock, and, where the thread sleeps, the time
/// in which it wakes up: microseconds, or about a millisecond at the most where it does not get a core.
///
/// Not to be used in a signal handler.
#[derive(Clone, Debug)]
pub struct Alarm(Arc<Record>);

/// What a thread and those who may alarm it have in common.
#[derive(Debug)]
struct Record {
    origin: Origin,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By how many it is raised.
    raised: usize,
    /// The number of the latest sleep.
    sleeps: u64,
    /// Where the thread sleeps, or is about to.
    place: Option<Place>,
}

thread_locals! {
    /// The thread waits for what is no lock.
    static FOR_EVENT: Cell<bool> = Cell::new(false);
    /// The thread has asked for its alarm. Apart from that, so that who has not registers no destructor by the question.
    static HAS_ALARM: Cell<bool> = Cell::new(false);
    static MINE: RefCell<Option<Arc<Record>>> = RefCell::new(None);
    /// What is to be called before the thread's alarm is looked at.
    static ON_DEMAND: Cell<Option<fn()>> = Cell::new(None);
}

/// That of the calling thread, if it has one in this process that counts now.
fn mine() -> Option<Arc<Record>> {
    if is_masked() && !planted(Bug::AlarmUnmasked) {
        return None;
    }
    demand();
    if !HAS_ALARM.try_with(Cell::get).unwrap_or(false) {
        return None;
    }
    let mine = MINE.try_with(|mine| mine.borrow().clone()).ok().flatten();
    mine.filter(|record| record.origin.is_here())
}

/// The thread's alarm is about to be looked at.
fn demand() {
    if let Ok(Some(prepare)) = ON_DEMAND.try_with(Cell::take) {
        prepare();
    }
}

fn is_for_event() -> bool {
    FOR_EVENT.try_with(Cell::get).unwrap_or(false)
}

impl Alarm {
    /// That of the calling thread. Where thread-locals are destroyed already, as the thread ends, it is one that ends nothing.
    pub fn of_this_thread() -> Self {
        demand();
        let mine = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            match &*mine {
                Some(record) if record.origin.is_here() => record.clone(),
                _ => mine.insert(Record::new()).clone(),
            }
        });
        let _ = HAS_ALARM.try_with(|has| has.set(true));
        Self(mine.unwrap_or_else(|_| Record::new()))
    }

    /// Does `body`, and calls `prepare` in it once, in this thread, before its alarm is first asked for: by a wait that would have to sleep, by
    /// [`is_possible`](crate::interrupt::is_possible), or by [`of_this_thread`](Self::of_this_thread). So a thread that may be alarmed, and never waits, goes without an alarm, which costs memory and a destructor.
    ///
    /// Inside another `on_demand` that one's `prepare` is called at the beginning, if it was not yet.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::time::Duration;
    /// use multiproc_sync::{Event, WaitError};
    /// use multiproc_sync::interrupt::Alarm;
    ///
    /// thread_local!(static ALARM: Cell<Option<Alarm>> = const { Cell::new(None) });
    /// let prepare = || {
    ///     let alarm = Alarm::of_this_thread();
    ///     alarm.raise(); // as is known by now
    ///     ALARM.set(Some(alarm));
    /// };
    /// Alarm::on_demand(prepare, || {
    ///     assert!(ALARM.take().is_none());
    ///     assert_eq!(Event::new().wait_timeout(Duration::from_secs(60)), Err(WaitError::Interrupted));
    ///     ALARM.take().unwrap().lower();
    /// });
    /// ```
    #[doc(hidden)] // for the threads of `multiproc-thread`
    pub fn on_demand<T>(prepare: fn(), body: impl FnOnce() -> T) -> T {
        demand();
        // Where thread-locals are destroyed there are no alarms.
        let _ = ON_DEMAND.try_with(|on_demand| on_demand.set(Some(prepare)));
        let _over = DemandOver;
        body()
    }

    /// Raises it: the thread's waits end, the one in which it sleeps now too, until it is [lowered](Self::lower) as often.
    pub fn raise(&self) {
        Self::raise_all([self]);
    }

    /// Raises each of them, in about the time of one.
    pub fn raise_all<'a>(alarms: impl IntoIterator<Item = &'a Self>) {
        let ours = alarms.into_iter().map(|alarm| &*alarm.0).filter(|record| record.origin.is_here());
        insist(ours.filter_map(|record| Some((record, record.sound()?))).collect());
    }

    /// Takes back that it was raised, once. Nothing, if it is not.
    pub fn lower(&self) {
        if self.0.origin.is_here() {
            let mut state = self.0.lock();
            state.raised = state.raised.saturating_sub(1);
        }
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.origin.is_here() && self.0.is_raised()
    }
}

/// Ends [`Alarm::on_demand`], also by a panic.
struct DemandOver;

impl Drop for DemandOver {
    fn drop(&mut self) {
        let _ = ON_DEMAND.try_with(Cell::take);
    }
}

impl Record {
    fn new() -> Arc<Self> {
        Arc::new(Self { origin: Origin::here(), state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that panics is done with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_raised(&self) -> bool {
        self.lock().raised > 0
    }

    /// Raises the alarm and wakes its thread; gives which sleep that was in.
    fn sound(&self) -> Option<u64> {
        let mut state = self.lock();
        state.raised += 1;
        state.place.as_ref()?.wake_all();
        Some(state.sleeps)
    }

    /// Wakes the thread again, if it is in this sleep still, and is to be woken.
    fn sound_again(&self, sleep: u64) -> bool {
        let state = self.lock();
        let place = state.place.as_ref().filter(|_| state.raised > 0 && state.sleeps == sleep);
        place.inspect(|place| place.wake_all()).is_some()
    }

    #[cfg(not(multiproc_loom))]
    fn is_in(&self, sleep: u64) -> bool {
        let state = self.lock();
        state.place.is_some() && state.sleeps == sleep
    }
}

/// How often a thread is woken again that does not wake up, and how long after the last time.
#[cfg(not(multiproc_loom))]
const AGAIN: (u32, Duration) = (10, Duration::from_micros(50));

/// Wakes threads again until they have left these sleeps: one that was not yet in the kernel's queue has not been woken.
#[cfg(not(multiproc_loom))]
fn insist(mut asleep: Vec<(&Record, u64)>) {
    let end = Instant::now() + crate::SPIN_BUDGET;
    loop {
        asleep.retain(|(record, sleep)| record.is_in(*sleep));
        if asleep.is_empty() {
            return;
        }
        if Instant::now() >= end {
            break;
        }
        std::thread::yield_now();
    }
    let (times, pause) = AGAIN;
    for _ in 0..times {
        asleep.retain(|(record, sleep)| record.sound_again(*sleep));
        if asleep.is_empty() {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// In a model there is no time: for as long as it takes.
#[cfg(multiproc_loom)]
fn insist(mut asleep: Vec<(&Record, u64)>) {
    while !asleep.is_empty() && !planted(Bug::AlarmSoundedOnce) {
        asleep.retain(|(record, sleep)| record.sound_again(*sleep));
        loom::thread::yield_now();
    }
}

/// The thread sleeps, or is about to, at a place that its alarm knows until this is dropped.
#[derive(Debug)]
pub(crate) struct Asleep(Arc<Record>);

impl Drop for Asleep {
    fn drop(&mut self) {
        // In a fork, which a signal's handler may have made of the sleep, another thread may have left it locked for good.
        if self.0.origin.is_here() {
            self.0.lock().place = None;
        }
    }
}

/// Says that the calling thread is about to sleep there, in a wait that its alarm ends; `None`: no alarm ends it.
///
/// # Errors
///
/// [`WaitError::Interrupted`]: the alarm is raised.
pub(crate) fn fall_asleep(place: impl FnOnce() -> Place) -> Result<Option<Asleep>, WaitError> {
    let Some(record) = is_for_event().then(mine).flatten() else { return Ok(None) };
    if planted(Bug::AlarmSeenTooEarly) {
        if record.is_raised() {
            return Err(WaitError::Interrupted);
        }
        record.lock().place = Some(place());
        return Ok(Some(Asleep(record)));
    }
    let mut state = record.lock();
    if state.raised > 0 {
        return Err(WaitError::Interrupted);
    }
    state.sleeps += 1;
    state.place = Some(place());
    drop(state);
    Ok(Some(Asleep(record)))
}

/// Whether the alarm of the calling thread ends the wait in which it is.
#[cfg(not(multiproc_loom))]
pub(crate) fn ends_wait() -> bool {
    is_for_event() && would_end_event()
}

/// Whether the calling thread has an alarm that counts now.
#[cfg(not(multiproc_loom))]
pub(crate) fn has_alarm() -> bool {
    mine().is_some()
}

/// Whether the alarm of the calling thread would end a wait for what is no lock.
pub(crate) fn would_end_event() -> bool {
    mine().is_some_and(|record| record.is_raised())
}

/// The thread waits for what is no lock, until this is dropped, also by a panic of the hook's.
struct ForEvent {
    before: bool,
}

impl Drop for ForEvent {
    fn drop(&mut self) {
        let _ = FOR_EVENT.try_with(|for_event| for_event.set(self.before));
    }
}

/// Waits as `wait` does, as for what is no lock: the thread's alarm ends it.
pub(crate) fn as_event<T>(wait: impl FnOnce() -> T) -> T {
    let before = FOR_EVENT.try_with(|for_event| for_event.replace(true)).unwrap_or(true);
    let _for_event = ForEvent { before };
    wait()
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use std::sync::mpsc;

    use multiproc_testkit::Watchdog;
    use multiproc_testkit::fork::{fork, reap};

    use super::*;
    use crate::futex::{Futex, Scope};

    #[test]
    fn a_sleep_ends_in_a_fork_though_another_thread_had_its_alarm_locked() {
        let _watchdog = Watchdog::with_limit(60);
        let (alarm, word) = (Alarm::of_this_thread(), Futex::new(0));
        let mut asleep = as_event(|| fall_asleep(|| word.place(Scope::Private))).unwrap();
        assert!(asleep.is_some());
        let ((locks, locked), (opens, opened)) = (mpsc::channel(), mpsc::channel::<()>());
        let status = std::thread::scope(|scope| {
            let record = &alarm.0;
            scope.spawn(move || {
                let _state = record.lock();
                locks.send(()).unwrap();
                opened.recv().unwrap_err();
            });
            locked.recv().unwrap();
            let child = fork(|| {
                let (done, is_done) = mpsc::channel();
                std::thread::spawn(move || {
                    if is_done.recv_timeout(Duration::from_secs(10)).is_err() {
                        std::process::abort(); // it hangs
                    }
                });
                drop(asleep.take());
                let _ = done.send(());
            });
            let status = reap(child);
            drop(opens);
            status
        });
        assert_eq!(status, 0);
        drop(asleep);
    }
}
