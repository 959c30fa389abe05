//! Models of a thread's alarm.

use std::sync::Arc;

use crate::interrupt::{Alarm, masked};
use crate::primitive::model::{check, thread};
use crate::{Condvar, Event, LockError, Mutex, Semaphore, WaitError};

fn raiser(alarm: &Alarm) -> thread::JoinHandle<()> {
    let alarm = alarm.clone();
    thread::spawn(move || alarm.raise())
}

/// Wherever the thread is when its alarm is raised.
#[test]
fn a_wait_ends() {
    check(|| {
        let event = Event::new();
        let raiser = raiser(&Alarm::of_this_thread());
        assert_eq!(event.wait(), Err(WaitError::Interrupted));
        raiser.join().unwrap();
    });
}

/// Of two who sleep at the same word, by one call.
#[test]
fn two_waits_end() {
    check(|| {
        let event = Arc::new(Event::new());
        let theirs = event.clone();
        let alarms = loom::sync::mpsc::channel();
        let tell = alarms.0;
        let other = thread::spawn(move || {
            tell.send(Alarm::of_this_thread()).unwrap();
            theirs.wait()
        });
        let mine = Alarm::of_this_thread();
        let raiser = thread::spawn(move || Alarm::raise_all(&[mine, alarms.1.recv().unwrap()]));
        assert_eq!(event.wait(), Err(WaitError::Interrupted));
        assert_eq!(other.join().unwrap(), Err(WaitError::Interrupted));
        raiser.join().unwrap();
    });
}

#[test]
fn a_masked_wait_goes_on() {
    check(|| {
        let event = Arc::new(Event::new());
        let raiser = raiser(&Alarm::of_this_thread());
        let theirs = event.clone();
        let setter = thread::spawn(move || theirs.set());
        assert_eq!(masked(|| event.wait()), Ok(()), "an alarm ended a masked wait");
        raiser.join().unwrap();
        setter.join().unwrap();
    });
}

/// A permit comes, and the alarm of one of two who wait for it is raised: the other gets it.
#[test]
fn no_permit_is_lost() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let [theirs, others] = [(); 2].map(|()| semaphore.clone());
        let other = thread::spawn(move || theirs.acquire());
        let alarm = Alarm::of_this_thread();
        let raiser = thread::spawn(move || {
            others.release(1).unwrap();
            alarm.raise();
        });
        if semaphore.acquire().is_ok() {
            semaphore.release(1).unwrap();
        }
        assert_eq!(other.join().unwrap(), Ok(()));
        raiser.join().unwrap();
    });
}

/// One of two is notified, and the alarm of one is raised: the other learns of it.
#[test]
fn no_notification_is_lost() {
    check(|| {
        let data = Arc::new((Mutex::new(false), Condvar::new()));
        let [theirs, others] = [(); 2].map(|()| data.clone());
        let wait = |(come, told): &(Mutex<bool>, Condvar)| {
            told.wait_while(come.lock().unwrap(), |come| !*come).map(drop).map_err(|error| match error {
                LockError::Interrupted => WaitError::Interrupted,
                error => panic!("{error}"),
            })
        };
        let other = thread::spawn(move || wait(&theirs));
        let alarm = Alarm::of_this_thread();
        let teller = thread::spawn(move || {
            *others.0.lock().unwrap() = true;
            others.1.notify_one();
            alarm.raise();
        });
        if wait(&data).is_ok() {
            data.1.notify_one();
        }
        assert_eq!(other.join().unwrap(), Ok(()));
        teller.join().unwrap();
    });
}
