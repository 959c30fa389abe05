//! Models of the account: what is reported done, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::primitive::AtomicU32;
use multiproc_sync::primitive::model::check;

use super::model::{locked, ring};
use crate::queue::account::TaskDoneError;

/// Two work, one waits for both, and sees what they did.
#[test]
fn one_waits_for_the_work_of_two() {
    check(|| {
        let (queue, works) = (locked(None), Arc::new([(); 2].map(|()| AtomicU32::new(0))));
        (0..2).for_each(|item| queue.put(item, None).unwrap());
        let workers = [(); 2].map(|()| {
            let works = works.clone();
            queue.spawn(move |queue| {
                let item = queue.get(None).unwrap();
                works[item as usize].store(1, Relaxed);
                queue.task_done().unwrap();
            })
        });
        let joiner = queue.spawn(move |queue| {
            queue.join(None).unwrap();
            let done: u32 = works.iter().map(|work| work.load(Relaxed)).sum();
            assert_eq!(done, 2, "who waited for the work does not see it");
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        joiner.join().unwrap();
    });
}

/// The work on an item makes another one: there is no moment at which all is done before both are.
#[test]
fn work_that_makes_work() {
    check(|| {
        let (queue, done) = (ring(2), Arc::new(AtomicU32::new(0)));
        queue.put(1, None).unwrap();
        let theirs = done.clone();
        let joiner = queue.spawn(move |queue| {
            queue.join(None).unwrap();
            assert_eq!(theirs.load(Relaxed), 1, "the wait for the work ended before it was done");
        });
        assert_eq!(queue.get(None), Ok(1));
        queue.put(2, None).unwrap();
        queue.task_done().unwrap();
        assert_eq!(queue.get(None), Ok(2));
        done.store(1, Relaxed);
        queue.task_done().unwrap();
        joiner.join().unwrap();
    });
}

/// Two report what they got, at once, and one of them once too often.
#[test]
fn one_reports_too_often() {
    check(|| {
        let queue = ring(2);
        (1..=2).for_each(|item| queue.put(item, None).unwrap());
        let work = |queue: &super::model::Queue<_>| {
            queue.get(None).unwrap();
            queue.task_done().unwrap();
        };
        let other = queue.spawn(work);
        work(&queue);
        other.join().unwrap();
        assert_eq!(queue.task_done(), Err(TaskDoneError), "a report too many was not seen");
        assert_eq!(queue.unfinished(), 0);
    });
}
