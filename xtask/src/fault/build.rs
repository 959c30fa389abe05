//! Builds a fault program, in the release profile, and lists its scenarios.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Program;
use crate::{artifact, shell};

/// Builds `program`; `plantable`: so that a bug can be planted in it.
pub(super) fn program(program: &Program, plantable: bool, target: &Path) -> Result<PathBuf, String> {
    let Program { package, test, features, .. } = program;
    let mut command =
        shell::cargo(["test", "--release", "--no-run", "--quiet", "--package", package, "--test", test]);
    command.args(["--features", features]).arg("--target-dir").arg(target);
    if plantable {
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        let flags = format!("{flags} --cfg multiproc_planted");
        command.env("RUSTFLAGS", flags.trim_start());
    }
    artifact::program(&mut command)?.ok_or_else(|| format!("cargo built no program {test} of {package}"))
}

/// The names of a program's scenarios.
pub(super) fn scenarios(program: &Path) -> Result<Vec<String>, String> {
    let list = shell::capture(Command::new(program).arg("--list"))?;
    Ok(list.lines().map(str::to_string).collect())
}
