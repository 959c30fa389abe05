//! Models of the attendant, which drives while no thread waits.

use multiproc_sync::primitive::model::check;

use super::kernel::{Event, SHORT_STEP, STEP};
use super::model::{Pool, Task};
use crate::pool::waiter::Waiter;

/// One thread waits for its task while another hands one in and goes on.
#[test]
fn it_ends_what_nobody_waits_for() {
    check(|| {
        let pool = Pool::new();
        let threads = [pool.attendant(), pool.spawn(Pool::call), pool.worker([0, 1])];
        let left = pool.submit_and_leave();
        pool.until(2, 0);
        left.assert_answered();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A thread gives up at its deadline; its task ends all the same.
#[test]
fn it_takes_over_at_a_deadline() {
    check(|| {
        let pool = Pool::new();
        let (waiter, deadline) = (Waiter::new(), pool.deadline());
        let task = pool.submit(&waiter);
        let sleeper = waiter.clone();
        let threads = [
            pool.attendant(),
            pool.spawn(move |pool| {
                pool.wait_a_step(&waiter, deadline);
            }),
            pool.spawn(move |pool| {
                pool.step(&sleeper);
                pool.answer(0);
            }),
        ];
        pool.until(1, 0);
        task.assert_answered();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The role is not armed, and the attendant looks in when its time has come: maybe just as the next call begins.
#[test]
fn it_looks_in_between_calls() {
    check(|| {
        let pool = Pool::after_a_call();
        let clock = |pool: &Pool| {
            pool.kernel().step_at_rest(STEP);
        };
        let threads = [pool.attendant(), pool.worker([0]), pool.spawn(clock)];
        pool.call();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A map has room in its window and does not come back: a tick later the attendant sees to what is under way.
#[test]
fn it_looks_in_while_a_map_is_away() {
    check(|| {
        let pool = Pool::after_a_call();
        let window = Waiter::new();
        let tasks = [(); 2].map(|()| pool.submit(&window));
        let threads = [pool.attendant(), pool.worker([0, 1])];
        pool.wait_for_room(&window, 1);
        pool.kernel().step_at_rest(STEP);
        pool.until(2, 0);
        tasks.iter().for_each(Task::assert_answered);
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Calls have ceased and a tick has passed: it arms itself, and hears of tasks that are handed in later.
#[test]
fn it_arms_itself_when_calls_cease() {
    check(|| {
        let pool = Pool::after_a_call();
        let threads = [pool.attendant(), pool.worker([0, 1])];
        pool.call();
        // In the first tick it learns of the call, in the second of no other.
        assert!(pool.kernel().step_at_rest(STEP) && pool.kernel().step_at_rest(STEP));
        let left = pool.submit_and_leave();
        pool.until(2, 0);
        left.assert_answered();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A worker dies after a call, while nobody has anything to do: found out within a tick.
#[test]
fn it_buries_an_idle_worker() {
    check(|| {
        let pool = Pool::new();
        let attendant = pool.attendant();
        let worker = pool.worker([0]);
        pool.call();
        let clock = pool.spawn(|pool| {
            pool.kernel().step_at_rest(STEP);
        });
        pool.kernel().happen(Event::Death);
        pool.until(1, 1);
        pool.end();
        [attendant, worker, clock].into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// No worker can be started in the place of a dead one: tried again right after a pause, whoever found it out, if work
/// waits for it.
#[test]
fn it_fills_a_place_after_a_pause() {
    check(|| {
        let pool = Pool::new();
        let left = pool.queue_and_leave();
        let attendant = pool.attendant();
        let worker = pool.spawn(|pool| {
            pool.kernel().happen(Event::BadDeath);
            pool.answer(1);
            pool.until(1, 1);
            pool.kernel().step(SHORT_STEP);
            pool.answer(0);
        });
        pool.call();
        worker.join().unwrap();
        pool.until(2, 1);
        left.assert_answered();
        pool.end();
        attendant.join().unwrap();
    });
}

/// A task comes to a pool that had given up starting workers: it starts one, though nobody waits for the task.
#[test]
fn it_starts_a_worker_for_a_new_task() {
    check(|| {
        let pool = Pool::new();
        let threads = [pool.attendant(), pool.worker([0])];
        let left = pool.queue(&Waiter::new());
        pool.until(1, 0);
        left.assert_answered();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The pause ends while a caller drives: the attendant leaves it to him and does not spin.
#[test]
fn it_rests_while_a_caller_drives() {
    check(|| {
        let pool = Pool::new();
        let threads = [
            pool.attendant(),
            pool.spawn(|pool| {
                pool.kernel().happen(Event::BadDeath);
                pool.until(0, 1);
                pool.kernel().step(SHORT_STEP);
                pool.answer(0);
            }),
        ];
        pool.call();
        pool.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
