//! Builds a crate's tests for the model checker, beside the ordinary ones, and lists its models.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{artifact, shell};

/// Switches the crates' primitives over to the model checker.
const CFG: &str = "--cfg multiproc_loom";

/// The program with the tests of the crate `name`.
pub(super) fn program(name: &str, target: &Path) -> Result<PathBuf, String> {
    let mut command = shell::cargo(["test", "--lib", "--no-run", "--profile", "loom", "--package", name]);
    command.arg("--target-dir").arg(target).arg("--quiet");
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{flags} {CFG}").trim_start());
    artifact::program(&mut command)?.ok_or_else(|| format!("cargo built no test program for {name}"))
}

/// The names of the tests in files whose names begin with `loom_`.
pub(super) fn tests(program: &Path) -> Result<Vec<String>, String> {
    Ok(names(&shell::capture(Command::new(program).arg("--list"))?))
}

fn names(list: &str) -> Vec<String> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.filter(|name| name.split("::").any(|part| part.starts_with("loom_"))).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_are_run() {
        let list = "pool::tests::loom_role::two: test\nrole::takes: test\nbench: benchmark\n\n2 tests\n";
        assert_eq!(names(list), ["pool::tests::loom_role::two"]);
    }
}
