//! Jobs side by side.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Does `work` for each of the jobs, as many at a time as there are cores, and calls `done` with each result as it comes.
pub(crate) fn run<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(&T) -> R + Sync, mut done: impl FnMut(R)) {
    let queue = Mutex::new(jobs.into_iter());
    let (results, found) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (queue, work, results) = (&queue, &work, results.clone());
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(job) = next else { return };
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
        run(Vec::<u32>::new(), |_| panic!("there is no job"), |()| panic!("there is no result"));
    }
}
