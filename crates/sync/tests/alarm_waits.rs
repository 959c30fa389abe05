//! Which waits a thread's alarm ends, and which it does not.

mod common;

use std::time::{Duration, Instant};

use common::alarmed::{until_asleep, with_thread};
use common::share;
use multiproc_sync::interrupt::Alarm;
use multiproc_sync::{
    AcquireError, Barrier, BarrierError, BoundedSemaphore, Condvar, Doorbell, Event, Latch, Lock, LockError,
    Mutex, Once, OnceError, OnceLock, Pace, ReentrantMutex, ReentrantMutexGuard, RobustSemaphore, RwLock,
    Semaphore, WaitError, WaitGroup, WaitGroupError,
};
use multiproc_testkit::Watchdog;

fn of_lock<G>(result: Result<G, LockError<G>>) -> Option<WaitError> {
    match result {
        Ok(_) => None,
        Err(LockError::TimedOut) => Some(WaitError::TimedOut),
        Err(LockError::Interrupted) => Some(WaitError::Interrupted),
        Err(_) => panic!("neither"),
    }
}

type Wait = Box<dyn Fn(Option<Instant>) -> Option<WaitError> + Sync>;

/// Each kind of wait for what never comes, and how it ends, in both kinds of memory.
fn waits() -> Vec<(&'static str, Wait)> {
    let mut waits: Vec<(&'static str, Wait)> = Vec::new();
    let leak = |is_shared| -> &'static Event {
        if is_shared { share(Event::new()) } else { Box::leak(Box::new(Event::new())) }
    };
    for event in [false, true].map(leak) {
        let wait = |end: Option<Instant>| match end {
            Some(end) => event.wait_deadline(end).err(),
            None => event.wait().err(),
        };
        waits.push(("event", Box::new(wait)));
    }
    let bell = |end| Doorbell::new().wait(&Pace::new(), end, || None::<()>).err();
    waits.push(("doorbell", Box::new(bell)));
    let semaphore = share(Semaphore::new(0));
    waits.push((
        "semaphore",
        Box::new(|end| match end {
            Some(end) => semaphore.acquire_deadline(end).err(),
            None => semaphore.acquire().err(),
        }),
    ));
    let bounded = share(BoundedSemaphore::new(1));
    bounded.acquire().unwrap();
    waits.push((
        "bounded semaphore",
        Box::new(|end| match end {
            Some(end) => bounded.acquire_deadline(end).err(),
            None => bounded.acquire().err(),
        }),
    ));
    let unowned = share(Lock::new());
    unowned.acquire().unwrap();
    waits.push((
        "unowned lock",
        Box::new(|end| match end {
            Some(end) => unowned.acquire_deadline(end).err(),
            None => unowned.acquire().err(),
        }),
    ));
    for permits in [share(RobustSemaphore::<1>::new()), Box::leak(Box::new(RobustSemaphore::new()))] {
        std::mem::forget(permits.permit().unwrap());
        waits.push((
            "robust semaphore",
            Box::new(|end| {
                match end.map_or_else(|| permits.permit(), |end| permits.permit_deadline(end)).unwrap_err() {
                    AcquireError::Interrupted => Some(WaitError::Interrupted),
                    AcquireError::TimedOut => Some(WaitError::TimedOut),
                    error => panic!("{error}"),
                }
            }),
        ));
    }
    let latch = share(Latch::new(1));
    waits.push((
        "latch",
        Box::new(|end| match end {
            Some(end) => latch.wait_deadline(end).err(),
            None => latch.wait().err(),
        }),
    ));
    let places: [(&'static Mutex<u64>, &'static Condvar); 2] = [
        (share(Mutex::new(0)), share(Condvar::new())),
        (Box::leak(Box::new(Mutex::new(0))), Box::leak(Box::new(Condvar::new()))),
    ];
    for (mutex, told) in places {
        waits.push((
            "condvar",
            Box::new(|end| {
                let guard = mutex.lock().unwrap();
                let ended = match end {
                    Some(end) => {
                        of_lock(told.wait_deadline_while(guard, end, |_| true).and_then(|(guard, result)| {
                            if result.timed_out() { Err(LockError::TimedOut) } else { Ok((guard, result)) }
                        }))
                    }
                    None => of_lock(told.wait_while(guard, |_| true)),
                };
                drop(mutex.lock().unwrap());
                ended
            }),
        ));
    }
    let (nested, told): (&ReentrantMutex<u64>, &Condvar) =
        (share(ReentrantMutex::new(0)), share(Condvar::new()));
    waits.push((
        "condvar of a reentrant mutex",
        Box::new(|end| {
            let outer = nested.lock().unwrap();
            let inner = nested.lock().unwrap();
            let ended = match end {
                Some(end) => match told.wait_deadline_while(inner, end, |_| true) {
                    Ok((_guard, result)) if result.timed_out() => Some(WaitError::TimedOut),
                    other => of_lock(other),
                },
                None => of_lock(told.wait_while(inner, |_| true)),
            };
            assert_eq!(ReentrantMutexGuard::depth(&outer), 1, "the outer guard holds again");
            ended
        }),
    ));
    waits.push((
        "barrier",
        Box::new(|end| {
            let barrier = Barrier::new(2).unwrap();
            match end.map_or_else(|| barrier.wait(), |end| barrier.wait_deadline(end)).unwrap_err() {
                BarrierError::Interrupted => {
                    assert_eq!(barrier.wait(), Err(BarrierError::Broken), "others are told");
                    Some(WaitError::Interrupted)
                }
                BarrierError::TimedOut => Some(WaitError::TimedOut),
                error => panic!("{error}"),
            }
        }),
    ));
    let group = share(WaitGroup::new());
    group.add(1).unwrap();
    waits.push((
        "wait group",
        Box::new(|end| match end.map_or_else(|| group.wait(), |end| group.wait_deadline(end)).unwrap_err() {
            WaitGroupError::Interrupted => Some(WaitError::Interrupted),
            WaitGroupError::TimedOut => Some(WaitError::TimedOut),
            error => panic!("{error}"),
        }),
    ));
    let once = share(Once::new());
    waits
        .push(("once", Box::new(|end| end.map_or_else(|| once.wait(), |end| once.wait_deadline(end)).err())));
    let cell: &OnceLock<u64> = share(OnceLock::new());
    waits.push((
        "once lock",
        Box::new(|end| end.map_or_else(|| cell.wait(), |end| cell.wait_deadline(end)).err()),
    ));
    waits
}

#[test]
fn a_raised_alarm_ends_waits_asleep_and_awake() {
    let _watchdog = Watchdog::with_limit(60);
    let far = || Instant::now() + Duration::from_secs(3600);
    for (name, wait) in waits() {
        for end in [None, Some(far())] {
            let asleep = with_thread(
                || wait(end),
                |alarm, number| {
                    until_asleep(number);
                    alarm.raise();
                },
            );
            assert_eq!(asleep, Some(WaitError::Interrupted), "{name}, asleep");
            let awake = with_thread(|| wait(end), |alarm, _| alarm.raise());
            assert_eq!(awake, Some(WaitError::Interrupted), "{name}, wherever it is");
        }
        // And one that is lowered again is as one that was never raised.
        let alarm = Alarm::of_this_thread();
        alarm.raise();
        assert_eq!(wait(None), Some(WaitError::Interrupted), "{name}");
        alarm.lower();
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(wait(Some(soon)), Some(WaitError::TimedOut), "{name}, in its time");
    }
}

/// Which may take as long as it likes.
#[test]
fn a_wait_for_anothers_initialiser_ends() {
    let _watchdog = Watchdog::with_limit(60);
    for once in [Box::leak(Box::new(Once::new())), share(Once::new())] {
        let mut ended = None;
        let initialise = || {
            ended = Some(with_thread(
                || once.call_once(|| ()),
                |alarm, number| {
                    until_asleep(number);
                    alarm.raise();
                },
            ));
        };
        once.call_once(initialise).unwrap();
        assert_eq!(ended, Some(Err(OnceError::Interrupted)));
        assert!(once.is_completed());
    }
}

/// What the thread waits for here it gets, once `release` is called, however its alarm stands.
fn goes_on<G>(lock: impl Fn() -> Result<G, LockError<G>> + Sync, hold: impl FnOnce() -> Box<dyn FnOnce()>) {
    let release = hold();
    let ended = with_thread(
        || of_lock(lock()),
        |alarm, number| {
            until_asleep(number);
            alarm.raise();
            // It has been woken for nothing, or not at all.
            until_asleep(number);
            release();
        },
    );
    assert_eq!(ended, None);
}

#[test]
fn a_lock_is_had_however_the_alarm_stands() {
    fn keep<G: 'static>(guard: G) -> Box<dyn FnOnce()> {
        Box::new(move || drop(guard))
    }
    let _watchdog = Watchdog::with_limit(60);
    for mutex in [share(Mutex::new(0_u64)), Box::leak(Box::new(Mutex::new(0)))] {
        goes_on(|| mutex.lock(), || keep(mutex.lock().unwrap()));
    }
    for mutex in [share(ReentrantMutex::new(0_u64)), Box::leak(Box::new(ReentrantMutex::new(0)))] {
        goes_on(|| mutex.lock(), || keep(mutex.lock().unwrap()));
    }
    for lock in [share(RwLock::<u64>::new(0)), Box::leak(Box::new(RwLock::new(0)))] {
        goes_on(|| lock.read(), || keep(lock.write().unwrap()));
        goes_on(|| lock.write(), || keep(lock.read().unwrap()));
        goes_on(|| lock.write(), || keep(lock.write().unwrap()));
    }
}
