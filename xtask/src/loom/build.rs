//! Builds a crate's tests for the model checker, beside the ordinary ones, and lists its models.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{artifact, shell};

/// Switches the crates' primitives over to the model checker.
const CFG: &str = "--cfg multiproc_loom";

/// The programs with the tests of these packages, in their order. Built together, since alone each keeps one core waiting at its end.
pub(super) fn programs(packages: &[&str], target: &Path) -> Result<Vec<PathBuf>, String> {
    let mut command = shell::cargo(["test", "--lib", "--no-run", "--profile", "loom"]);
    packages.iter().for_each(|package| {
        command.args(["--package", package]);
    });
    command.arg("--target-dir").arg(target).arg("--quiet");
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{flags} {CFG}").trim_start());
    let built = artifact::tests(&mut command)?;
    let program = |package: &&str| {
        let library = package.replace('-', "_");
        let found = built.iter().find(|built| built.target == library);
        found
            .map(|built| built.program.clone())
            .ok_or_else(|| format!("cargo built no test program for {package}"))
    };
    packages.iter().map(program).collect()
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
