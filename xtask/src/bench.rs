//! `cargo xtask bench`: the benchmarks, in release, with the arguments and the exit code passed on.

use crate::{Outcome, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut command = shell::cargo(["run", "--release", "--package", "multiproc-benches", "--"]);
    let status = shell::status(command.args(arguments))?;
    Ok(shell::exit_code(status))
}
