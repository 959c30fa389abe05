//! CPython's multiprocessing, if there is a python3: a script that takes the contender's place and speaks its protocol.

use std::process::Command;
use std::sync::OnceLock;

use crate::Result;
use crate::groups::pool::{CALLS, WORKERS, items, items_one_by_one, tasks};
use crate::registry::Contender;
use crate::session::{Setting, Start};

const PYTHON: &str = "python3";

const SCRIPT: &str = include_str!("python.py");

/// A contender that is left out, and this said, where there is no python3.
pub(crate) const fn contender(name: &'static str, start: fn(&Setting) -> Result<Start>) -> Contender {
    Contender {
        name,
        start,
        missing: || match version() {
            Some(_) => None,
            None => Some("python3 not found: CPython left out"),
        },
    }
}

/// `Python 3.11.7`.
pub(crate) fn version() -> Option<&'static str> {
    static VERSION: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let output = Command::new(PYTHON).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_string())
    };
    VERSION.get_or_init(look).as_deref()
}

pub(crate) fn pool_call(setting: &Setting) -> Result<Start> {
    script(setting, "apply", 1, CALLS)
}

pub(crate) fn pool_submit(setting: &Setting) -> Result<Start> {
    script(setting, "apply_async", WORKERS, tasks(setting))
}

pub(crate) fn pool_map(setting: &Setting) -> Result<Start> {
    script(setting, "map", WORKERS, items(setting))
}

pub(crate) fn pool_map_one_by_one(setting: &Setting) -> Result<Start> {
    script(setting, "map_chunksize_1", WORKERS, items_one_by_one(setting))
}

pub(crate) fn process_fork(setting: &Setting) -> Result<Start> {
    script(setting, "process_fork", 0, 1)
}

pub(crate) fn process_spawn(setting: &Setting) -> Result<Start> {
    script(setting, "process_spawn", 0, 1)
}

/// `size` is the number of operations in a batch.
fn script(setting: &Setting, batch: &str, workers: usize, size: u64) -> Result<Start> {
    let mut python = Command::new(PYTHON);
    python.args(["-c", SCRIPT, batch]).args([
        workers.to_string(),
        size.to_string(),
        setting.round.as_nanos().to_string(),
    ]);
    Ok(Start::Program(python))
}
