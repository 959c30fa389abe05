//! Models of threads that wait for results and hand the role to each other.

use multiproc_sync::primitive::model::check;

use super::model::{Outcome, Pool, Task};
use crate::pool::waiter::Waiter;

/// Two threads call at once; the workers answer in this order.
fn two_callers(order: [usize; 2]) {
    check(move || {
        let pool = Pool::new();
        let callers = [(); 2].map(|()| pool.spawn(Pool::call));
        let worker = pool.worker(order);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        worker.join().unwrap();
        pool.assert_attended_to();
    });
}

#[test]
fn two_callers_first_answered_first() {
    two_callers([0, 1]);
}

#[test]
fn two_callers_last_answered_first() {
    two_callers([1, 0]);
}

/// Three, so that one who is called can be done already while another still sleeps.
#[test]
fn three_waiters() {
    check(|| {
        let pool = Pool::new();
        let waiters = [(); 3].map(|()| {
            let waiter = Waiter::new();
            let task = pool.submit(&waiter);
            pool.waiting(waiter, task)
        });
        let worker = pool.worker([0, 1, 2]);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        worker.join().unwrap();
        pool.assert_attended_to();
    });
}

/// Two threads are done while a task is under way that nobody waits for.
#[test]
fn a_task_that_nobody_waits_for_is_left() {
    check(|| {
        let pool = Pool::new();
        let waiters = [(); 2].map(|()| Waiter::new());
        let tasks = [0, 1].map(|i| pool.submit(&waiters[i]));
        let left = pool.submit_and_leave();
        let mut threads: Vec<_> =
            waiters.into_iter().zip(tasks).map(|(waiter, task)| pool.waiting(waiter, task)).collect();
        threads.push(pool.worker([0, 1]));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(!left.has_ended());
        pool.assert_attended_to();
    });
}

/// A thread gives up at its deadline, as the driver or asleep, while another one waits.
#[test]
fn one_leaves_at_its_deadline() {
    check(|| {
        let pool = Pool::new();
        let [hasty, patient] = [(); 2].map(|()| Waiter::new());
        let [missed, task] = [&hasty, &patient].map(|waiter| pool.submit(waiter));
        let (sleeper, deadline) = (hasty.clone(), pool.deadline());
        let threads = [
            pool.spawn(move |pool| assert!(!pool.wait_a_step(&hasty, deadline), "an answer from nowhere")),
            pool.spawn(move |pool| pool.step(&sleeper)),
            pool.waiting(patient, task),
            pool.worker([1]),
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(!missed.has_ended());
        pool.assert_attended_to();
    });
}

/// One thread has two tasks under way and wants room for more, then wants all; another waits for one.
#[test]
fn a_window_and_a_caller() {
    check(|| {
        let pool = Pool::new();
        let [window, caller] = [(); 2].map(|()| Waiter::new());
        let [first, single, second] = [&window, &caller, &window].map(|waiter| pool.submit(waiter));
        let threads = [
            pool.spawn(move |pool| {
                pool.wait_for_room(&window, 1);
                assert!(first.has_ended() || second.has_ended(), "no room in the window");
                pool.wait(&window);
                [first, second].iter().for_each(Task::assert_answered);
            }),
            pool.waiting(caller, single),
            pool.worker([0, 1, 2]),
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        pool.assert_attended_to();
    });
}

/// The task of one thread is under way; that of another needs a worker that is to be started now, and ends before it.
#[test]
fn a_driver_starts_a_worker_for_another() {
    check(|| {
        let pool = Pool::new();
        let first = Waiter::new();
        let task = pool.submit(&first);
        let threads = [pool.waiting(first, task), pool.worker([1, 0])];
        let second = Waiter::new();
        let task = pool.queue(&second);
        pool.wait(&second);
        task.assert_answered();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        pool.assert_attended_to();
    });
}

/// The pool ends while one thread drives and another sleeps; one task may still be answered.
#[test]
fn the_end_finds_a_driver_and_a_sleeper() {
    check(|| {
        let pool = Pool::new();
        let waiters = [(); 2].map(|()| Waiter::new());
        let tasks = [0, 1].map(|i| pool.submit(&waiters[i]));
        let [a, b] = waiters.map(|waiter| pool.spawn(move |pool| pool.wait(&waiter)));
        let threads = [pool.attendant(), a, b, pool.worker([0])];
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let [answered, closed] = tasks.map(|task| task.outcome());
        assert!(matches!(answered, Outcome::Answer(0) | Outcome::Closed));
        assert_eq!(closed, Outcome::Closed);
    });
}
