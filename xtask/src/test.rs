//! `cargo xtask test`: the command of the README, arguments and exit code passed on.

use crate::{Outcome, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut command = shell::cargo(["test", "--workspace"]);
    let status = shell::status(command.args(arguments))?;
    Ok(shell::exit_code(status))
}
