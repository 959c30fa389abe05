//! What this project brings to each bench.

pub(crate) mod arena;
pub(crate) mod barrier;
pub(crate) mod condvar;
pub(crate) mod event;
pub(crate) mod latch;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod permit;
pub(crate) mod reentrant;
pub(crate) mod rwlock;
pub(crate) mod segment;
pub(crate) mod semaphore;
pub(crate) mod thread;
pub(crate) mod value;
pub(crate) mod wait_group;

use multiproc::{Process, ProcessPool};

use crate::Result;
use crate::groups::agree;
use crate::groups::pool::{CALLS, WORKERS, increment, items, tasks};
use crate::session::{Setting, Start};

pub(crate) fn pool_call(_: &Setting) -> Result<Start> {
    let pool = ProcessPool::builder().workers(1).build()?;
    Start::here(move || {
        for n in 0..CALLS {
            agree(pool.call(increment, n)?, increment(n))?;
        }
        Ok(CALLS)
    })
}

pub(crate) fn pool_submit(setting: &Setting) -> Result<Start> {
    let pool = ProcessPool::builder().workers(WORKERS).build()?;
    let tasks = tasks(setting);
    Start::here(move || {
        let mut handles = Vec::with_capacity(tasks as usize);
        for n in 0..tasks {
            handles.push(pool.submit(increment, n)?);
        }
        for (n, handle) in (0..).zip(handles) {
            agree(handle.join()?, increment(n))?;
        }
        Ok(tasks)
    })
}

pub(crate) fn pool_map(setting: &Setting) -> Result<Start> {
    let pool = ProcessPool::builder().workers(WORKERS).build()?;
    let numbers: Vec<u64> = (0..items(setting)).collect();
    let wanted: Vec<u64> = numbers.iter().copied().map(increment).collect();
    Start::here(move || {
        if pool.map(increment, &numbers)? != wanted {
            return Err("a map gave wrong results".into());
        }
        Ok(numbers.len() as u64)
    })
}

pub(crate) fn process_start(_: &Setting) -> Result<Start> {
    Start::here(|| {
        agree(Process::spawn(increment, 41)?.join()?, 42)?;
        Ok(1)
    })
}
