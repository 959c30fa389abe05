//! CPython's twins, if there is a python3: a script that takes the contender's place and speaks its protocol.

pub(crate) mod pool;
pub(crate) mod sync;
pub(crate) mod thread;

use std::process::Command;
use std::sync::OnceLock;

use crate::Result;
use crate::registry::Contender;
use crate::session::{Setting, Start};

const PYTHON: &str = "python3";

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

/// A script with its plays, and what all have in common behind it: files beside the one that asks for it.
macro_rules! script {
    ($plays:literal) => {
        concat!(include_str!($plays), "\n\n", include_str!("protocol.py"))
    };
}
use script;

/// Has `script` begin a play, with what that one needs.
fn run(setting: &Setting, script: &str, play: &str, needs: &[u64]) -> Result<Start> {
    let mut python = Command::new(PYTHON);
    python.args(["-c", script, play]).arg(setting.round.as_nanos().to_string());
    python.args(needs.iter().map(u64::to_string));
    Ok(Start::Program(python))
}
