//! A thread that waits, and its alarm.

use std::sync::mpsc;
use std::thread;

use multiproc_sync::interrupt::Alarm;
use multiproc_testkit::{eventually, state_of};

use super::thread_id;

/// A thread that runs `body`, its alarm, and its number.
pub(crate) fn with_thread<T: Send>(
    body: impl FnOnce() -> T + Send,
    meanwhile: impl FnOnce(&Alarm, u32),
) -> T {
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let thread = scope.spawn(move || {
            tell.send((Alarm::of_this_thread(), thread_id())).unwrap();
            body()
        });
        let (alarm, number) = told.recv().unwrap();
        meanwhile(&alarm, number);
        thread.join().unwrap()
    })
}

/// It has nothing to do but what it waits for.
pub(crate) fn until_asleep(number: u32) {
    eventually("the thread sleeps", || state_of(number) == Some('S'));
}
