//! The floor of a pool: forked children that read eight bytes from one pipe and answer with eight bytes in another. No
//! types, no errors, no death.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};

use nix::unistd::Pid;

use super::fork::{Forks, wait};
use crate::Result;
use crate::groups::agree;
use crate::groups::pool::{CALLS, WINDOW, WORKERS, increment, items, tasks};
use crate::session::{Setting, Start};

const WORD: usize = size_of::<u64>();

pub(crate) fn call(_: &Setting) -> Result<Start> {
    let mut pool = PipePool::start(1)?;
    Start::here(move || {
        for n in 0..CALLS {
            agree(pool.call(n)?, increment(n))?;
        }
        Ok(CALLS)
    })
}

/// A write for each task, as `submit` gets them.
pub(crate) fn submit(setting: &Setting) -> Result<Start> {
    windowed(tasks(setting), 1)
}

/// A write for half a window of tasks, since a map has them all.
pub(crate) fn map(setting: &Setting) -> Result<Start> {
    windowed(items(setting), 128)
}

fn windowed(tasks: u64, chunk: u64) -> Result<Start> {
    let mut pool = PipePool::start(WORKERS)?;
    let wanted = (0..tasks).map(increment).sum();
    Start::here(move || {
        agree(pool.windowed(tasks, chunk)?, wanted)?;
        Ok(tasks)
    })
}

/// Workers that share one pipe of tasks and one of results.
#[derive(Debug)]
struct PipePool {
    /// `None` once the workers are told to end.
    tasks: Option<PipeWriter>,
    results: PipeReader,
    workers: Vec<Pid>,
}

impl PipePool {
    fn start(workers: usize) -> Result<Self> {
        let forks = Forks::of_one_thread()?;
        let (their_tasks, tasks) = pipe()?;
        let (results, their_results) = pipe()?;
        let mut pool = Self { tasks: Some(tasks), results, workers: Vec::new() };
        for _ in 0..workers {
            let worker = forks.start(|| {
                // Held open here, the pipe of tasks would never end.
                pool.tasks = None;
                work(&their_tasks, &their_results);
            })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    fn send(&mut self, tasks: &[u8]) -> Result<()> {
        let pipe = self.tasks.as_mut().ok_or("the pool was told to end")?;
        Ok(pipe.write_all(tasks)?)
    }

    fn call(&mut self, n: u64) -> Result<u64> {
        self.send(&n.to_ne_bytes())?;
        let mut word = [0; WORD];
        self.results.read_exact(&mut word)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// The sum of the results of `0..tasks`: with a window of them out, and `chunk` of them in a write.
    fn windowed(&mut self, tasks: u64, chunk: u64) -> Result<u64> {
        let (mut sent, mut taken, mut sum) = (0, 0, 0_u64);
        let mut results = [0; WINDOW as usize * WORD];
        while taken < tasks {
            while sent < tasks && sent + chunk <= taken + WINDOW {
                let end = tasks.min(sent + chunk);
                let bytes: Vec<u8> = (sent..end).flat_map(u64::to_ne_bytes).collect();
                self.send(&bytes)?;
                sent = end;
            }
            let length = self.results.read(&mut results)?;
            let (words, []) = results[..length].as_chunks() else {
                return Err(format!("a read gave {length} bytes, which is no number of words").into());
            };
            if words.is_empty() {
                return Err("the workers have ended".into());
            }
            taken += words.len() as u64;
            sum = words.iter().fold(sum, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word)));
        }
        Ok(sum)
    }
}

impl Drop for PipePool {
    fn drop(&mut self) {
        self.tasks = None;
        for worker in self.workers.drain(..) {
            // How it ended is of no interest now.
            let _ = wait(worker);
        }
    }
}

/// Answers until the pipe of tasks ends. Transfers of one word are never torn, also among several workers.
fn work(mut tasks: &PipeReader, mut results: &PipeWriter) {
    let mut word = [0; WORD];
    while matches!(tasks.read(&mut word), Ok(WORD)) {
        let result = increment(u64::from_ne_bytes(word));
        if results.write_all(&result.to_ne_bytes()).is_err() {
            break;
        }
    }
}
