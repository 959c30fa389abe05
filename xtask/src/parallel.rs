//! Jobs side by side.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Does `work` for each of the jobs in their order, as many at a time as there are cores, and calls `done` with each result as it comes.
pub(crate) fn run<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(&T) -> R + Sync, done: impl FnMut(R)) {
    run_lanes(vec![Lanes { jobs, at_once: cores() }], work, done);
}

/// Jobs of which so many are done at a time.
pub(crate) struct Lanes<T> {
    pub(crate) jobs: Vec<T>,
    pub(crate) at_once: usize,
}

/// How many jobs that compute are done at a time.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// As [`run`], each group of jobs beside the others; who has none left takes the others'.
pub(crate) fn run_lanes<T: Send, R: Send>(
    groups: Vec<Lanes<T>>,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(R),
) {
    let lanes: Vec<usize> =
        groups.iter().enumerate().flat_map(|(own, group)| std::iter::repeat_n(own, group.at_once)).collect();
    let queues: Vec<_> = groups.into_iter().map(|group| Mutex::new(group.jobs.into_iter())).collect();
    let (results, found) = mpsc::channel();
    thread::scope(|scope| {
        for own in lanes {
            let (queues, work, results) = (&queues, &work, results.clone());
            scope.spawn(move || {
                let take = |queue: &Mutex<std::vec::IntoIter<T>>| {
                    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
                };
                loop {
                    let others = || queues.iter().find_map(take);
                    let Some(job) = take(&queues[own]).or_else(others) else { return };
                    // Nobody listens only if `done` has panicked.
                    let _ = results.send(work(&job));
                }
            });
        }
        drop(results);
        found.iter().for_each(&mut done);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let mut squares = Vec::new();
        run((0..100).collect(), |n| n * n, |square| squares.push(square));
        squares.sort();
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
    }

    #[test]
    fn no_jobs_are_done_at_once() {
        let nobody = |()| panic!("there is no result");
        run(Vec::<u32>::new(), |_| panic!("there is no job"), nobody);
    }

    #[test]
    fn each_group_has_its_own_lanes_and_none_is_idle_while_there_are_jobs() {
        // Each job waits until three have met.
        let met = (Mutex::new(0_usize), Condvar::new());
        let meet = || {
            let mut count = met.0.lock().unwrap();
            *count += 1;
            met.1.notify_all();
            let all = count.next_multiple_of(3);
            let late = met.1.wait_timeout_while(count, Duration::from_secs(10), |count| *count < all);
            assert!(!late.unwrap().1.timed_out(), "three jobs are done at a time");
        };
        let groups =
            vec![Lanes { jobs: vec![1, 2, 3, 4, 5], at_once: 2 }, Lanes { jobs: vec![10], at_once: 1 }];
        let mut done = Vec::new();
        run_lanes(
            groups,
            |job| {
                meet();
                *job
            },
            |job| done.push(job),
        );
        done.sort();
        assert_eq!(done, [1, 2, 3, 4, 5, 10]);
    }
}
