//! procspawn 1: re-executes the program, messages by ipc-channel, a pool with a monitor thread for each worker.

use std::collections::VecDeque;

use procspawn::{JoinHandle, Pool};

use crate::Result;
use crate::groups::agree;
use crate::groups::pool::{CALLS, WINDOW, WORKERS, increment, items_one_by_one, tasks};
use crate::session::{Setting, Start};

/// Marks this process as one that may spawn. Its children have met their hook in `main` and never come here.
fn pool(workers: usize) -> Result<Pool> {
    procspawn::init();
    Ok(Pool::new(workers)?)
}

pub(crate) fn pool_call(_: &Setting) -> Result<Start> {
    let pool = pool(1)?;
    Start::here(move || {
        for n in 0..CALLS {
            agree(pool.spawn(n, increment).join()?, increment(n))?;
        }
        Ok(CALLS)
    })
}

pub(crate) fn pool_submit(setting: &Setting) -> Result<Start> {
    windowed(tasks(setting))
}

/// It has no map: a loop over `spawn`.
pub(crate) fn pool_map(setting: &Setting) -> Result<Start> {
    windowed(items_one_by_one(setting))
}

/// A queued task holds three descriptors, and lack of them is a panic: no more than a window is out at a time. Results
/// are taken in order, since one that is not taken blocks its worker.
fn windowed(tasks: u64) -> Result<Start> {
    let pool = pool(WORKERS)?;
    Start::here(move || {
        let mut out: VecDeque<(u64, JoinHandle<u64>)> = VecDeque::with_capacity(WINDOW as usize);
        for n in 0..tasks {
            if out.len() as u64 == WINDOW {
                join(out.pop_front())?;
            }
            out.push_back((n, pool.spawn(n, increment)));
        }
        out.into_iter().try_for_each(|task| join(Some(task)))?;
        Ok(tasks)
    })
}

fn join(task: Option<(u64, JoinHandle<u64>)>) -> Result<()> {
    match task {
        Some((n, handle)) => agree(handle.join()?, increment(n)),
        None => Ok(()),
    }
}

pub(crate) fn process_start(_: &Setting) -> Result<Start> {
    procspawn::init();
    Start::here(|| {
        agree(procspawn::spawn(41, increment).join()?, 42)?;
        Ok(1)
    })
}
