//! A thread that its family has no name for is not watched, and stands in nobody's way with what it had noted before. `unsafe`: a
//! registry's bytes.
#![allow(clippy::disallowed_types)] // words of the registry's
#![allow(unsafe_code)]

mod circles;
mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use circles::Meeting;
use common::{found_family, share};
use multiproc_sync::Mutex;
use multiproc_sync::registry::{MAX_PROCESSES, MAX_THREADS};
use multiproc_testkit::{Watchdog, eventually};

/// Fills the section of threads with copies of the first one's entry, which is the calling thread's.
fn take_all_names() {
    const USED_AT: usize = 36;
    const ENTRY: usize = 64;
    drop(share(Mutex::new(0)).lock().unwrap());
    let registry = found_family();
    // SAFETY: within the registry, whose threads come after a page and the processes; nobody else claims an entry meanwhile.
    unsafe {
        let threads = registry.add(4096 + MAX_PROCESSES * ENTRY);
        let used = AtomicU32::from_ptr(registry.add(USED_AT).cast().as_ptr());
        assert_eq!(used.swap(MAX_THREADS as u32, SeqCst), 1);
        (1..MAX_THREADS).for_each(|to| threads.add(to * ENTRY).copy_from_nonoverlapping(threads, ENTRY));
    }
}

/// The only test of its process: the family begins in the middle of it.
#[test]
fn what_a_thread_without_a_name_had_noted_is_struck_out() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [Mutex::new(0), Mutex::new(0)];
    let held = second.lock().unwrap();
    let (are_free, works) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let had = first.lock().unwrap();
            drop(second.lock().unwrap());
            drop(had);
            are_free.wait();
            let _work = first.lock().unwrap();
            works.wait();
            thread::sleep(Duration::from_millis(900)); // for the other one to look at who waits
        });
        eventually("it has the first lock", || first.is_locked());
        let pause = |time| {
            let begun = Instant::now();
            eventually("it has looked", || begun.elapsed() > Duration::from_millis(time));
        };
        pause(300);
        take_all_names();
        pause(600);
        drop(held);
        are_free.wait();
        let _held = second.lock().unwrap();
        works.wait();
        let meeting = Meeting::of(1);
        assert_eq!(meeting.note(first.lock()), None);
    });
}
