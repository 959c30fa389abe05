//! `multiprocessing.Pool` and `multiprocessing.Process`.

use super::{run, script};
use crate::Result;
use crate::groups::pool::{CALLS, WORKERS, items, items_one_by_one, tasks};
use crate::session::{Setting, Start};

const SCRIPT: &str = script!("pool.py");

pub(crate) fn call(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "apply", &[CALLS, 1])
}

pub(crate) fn submit(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "apply_async", &[tasks(setting), WORKERS as u64])
}

pub(crate) fn map(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "map", &[items(setting), WORKERS as u64])
}

pub(crate) fn map_one_by_one(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "map_chunksize_1", &[items_one_by_one(setting), WORKERS as u64])
}

pub(crate) fn process_fork(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "process_fork", &[1])
}

pub(crate) fn process_spawn(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "process_spawn", &[1])
}
