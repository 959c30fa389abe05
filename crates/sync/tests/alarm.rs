//! What an alarm is to its thread, to others, and to a fork.
#![allow(clippy::disallowed_types)] // what threads tell of themselves beside the locks

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::alarmed::{until_asleep, with_thread};
use common::{fork, reap};
use multiproc_sync::interrupt::{Alarm, masked};
use multiproc_sync::{Barrier, Condvar, Event, Mutex, OnceLock, Semaphore, WaitError};
use multiproc_testkit::{Watchdog, eventually};

/// Who was notified has its mutex again, and its notification.
#[test]
fn a_mutex_is_taken_again_however_the_alarm_stands() {
    let _watchdog = Watchdog::with_limit(60);
    let (come, told) = (Mutex::new(false), Condvar::new());
    let has_come = with_thread(
        || *told.wait_while(come.lock().unwrap(), |come| !*come).unwrap(),
        |alarm, number| {
            until_asleep(number);
            let mut guard = come.lock().unwrap();
            *guard = true;
            told.notify_one();
            alarm.raise();
            until_asleep(number);
            drop(guard);
        },
    );
    assert!(has_come);
}

#[test]
fn a_masked_wait_goes_on() {
    let _watchdog = Watchdog::with_limit(60);
    let (event, never) = (Event::new(), Event::new());
    let ended = with_thread(
        || (masked(|| event.wait()), never.wait()),
        |alarm, number| {
            until_asleep(number);
            alarm.raise();
            until_asleep(number);
            event.set();
        },
    );
    assert_eq!(ended, (Ok(()), Err(WaitError::Interrupted)));
}

#[test]
fn an_alarm_is_a_count() {
    let (alarm, event) = (Alarm::of_this_thread(), Event::new());
    let waits = || event.wait_timeout(Duration::from_millis(1)).unwrap_err();
    alarm.lower();
    assert_eq!(waits(), WaitError::TimedOut, "lowered too often");
    Alarm::raise_all([&alarm, &Alarm::of_this_thread()]);
    alarm.lower();
    assert!(alarm.is_raised());
    assert_eq!(waits(), WaitError::Interrupted);
    alarm.lower();
    assert!(!alarm.is_raised());
    assert_eq!(waits(), WaitError::TimedOut);
}

#[test]
fn what_is_there_is_taken_all_the_same() {
    let _watchdog = Watchdog::with_limit(60);
    let alarm = Alarm::of_this_thread();
    alarm.raise();
    let (semaphore, event, barrier) = (Semaphore::new(1), Event::new(), Barrier::new(1).unwrap());
    event.set();
    assert_eq!((semaphore.acquire(), event.wait()), (Ok(()), Ok(())));
    assert!(barrier.wait().is_ok());
    assert_eq!(OnceLock::new().get_or_init(|| 7).copied(), Ok(7));
    alarm.lower();
}

#[test]
fn that_of_a_thread_that_has_ended_does_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let alarm = thread::spawn(Alarm::of_this_thread).join().unwrap();
    alarm.raise();
    alarm.clone().lower();
    assert_eq!(Event::new().wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
}

/// Also where the alarm was asked for before the destructor's own thread-local.
#[test]
fn it_may_be_asked_for_as_its_thread_ends() {
    struct AtEnd;
    impl Drop for AtEnd {
        fn drop(&mut self) {
            Alarm::of_this_thread().raise();
            ENDED.fetch_add(1, SeqCst);
        }
    }
    static ENDED: AtomicU32 = AtomicU32::new(0);
    thread_local!(static AT_END: AtEnd = const { AtEnd });
    let _watchdog = Watchdog::with_limit(60);
    let early = || _ = (Alarm::of_this_thread(), AT_END.with(|_| ()));
    let late = || _ = (AT_END.with(|_| ()), Alarm::of_this_thread());
    thread::spawn(early).join().unwrap();
    thread::spawn(late).join().unwrap();
    assert_eq!(ENDED.load(SeqCst), 2);
}

#[test]
fn in_a_fork_it_is_nobodys() {
    let _watchdog = Watchdog::with_limit(60);
    let alarm = Alarm::of_this_thread();
    alarm.raise();
    let waits = || Event::new().wait_timeout(Duration::from_millis(1)).unwrap_err();
    let child = fork(|| {
        assert_eq!(waits(), WaitError::TimedOut);
        alarm.lower();
        alarm.raise();
        assert!(!alarm.is_raised());
        assert_eq!(waits(), WaitError::TimedOut);
        let own = Alarm::of_this_thread();
        own.raise();
        assert_eq!(waits(), WaitError::Interrupted);
        own.lower();
        assert_eq!(waits(), WaitError::TimedOut);
    });
    assert_eq!(reap(child), 0);
    assert_eq!(waits(), WaitError::Interrupted);
    alarm.lower();
    assert_eq!(waits(), WaitError::TimedOut, "nothing that was done in the fork counts");
}

/// Permits come while alarms are raised and lowered again: each is taken once, or is still there.
#[test]
fn no_permit_gets_lost_in_a_storm() {
    const ROUNDS: u32 = 2000;
    const WAITERS: usize = 3;
    let _watchdog = Watchdog::with_limit(120);
    let (semaphore, taken, is_over) = (Semaphore::new(0), AtomicU32::new(0), Event::new());
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..WAITERS {
            let (tell, semaphore, taken, is_over) = (tell.clone(), &semaphore, &taken, &is_over);
            scope.spawn(move || {
                tell.send(Alarm::of_this_thread()).unwrap();
                while !is_over.is_set() {
                    match semaphore.acquire() {
                        Ok(()) => _ = taken.fetch_add(1, SeqCst),
                        Err(error) => assert_eq!(error, WaitError::Interrupted),
                    }
                }
            });
        }
        let alarms: Vec<_> = told.iter().take(WAITERS).collect();
        for round in 0..ROUNDS {
            let alarm = &alarms[round as usize % WAITERS];
            alarm.raise();
            semaphore.release(1).unwrap();
            alarm.lower();
        }
        eventually("all are taken", || taken.load(SeqCst) == ROUNDS && semaphore.available() == 0);
        is_over.set();
        Alarm::raise_all(&alarms);
    });
}
