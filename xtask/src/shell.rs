//! Runs other programs: the right cargo, clear errors, a limit on time.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let xtask = PathBuf::from(manifest);
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// The cargo that runs this program, in the workspace's folder.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Cargo's target folder, wherever the configuration puts it: this program lies in `TARGET/debug`, its
/// tests one folder below.
pub(crate) fn target() -> Result<PathBuf, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("cannot tell the path of xtask: {error}"))?;
    let mut folders = program.ancestors().skip(1).skip_while(|folder| folder.ends_with("deps"));
    let target = folders.nth(1).map(Path::to_path_buf);
    target.ok_or_else(|| format!("{} is not in a target folder: run it as `cargo xtask`", program.display()))
}

/// Runs `command` to its end and passes its exit status on.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, String> {
    command.status().map_err(|error| format!("cannot start {}: {error}", shown(command)))
}

/// The exit code that a shell would give for `status`: 128 and the signal for a killed program.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Runs `command`; anything but success is an error that shows it.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = status(command)?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

/// Runs `command` and kills it when it takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait().map_err(|error| format!("cannot wait for {}: {error}", shown(command)))? {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            None => {
                // A child that ended in this very moment is past killing: the wait below tells.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{} did not end within {} s", shown(command), limit.as_secs()));
            }
        }
    };
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

/// What `command` prints; its standard error goes to ours.
pub(crate) fn capture(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", shown(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} printed text that is not UTF-8", shown(command)))
}

/// Fails, with what to install, unless cargo knows `subcommand`.
pub(crate) fn require(subcommand: &str, component: &str) -> Result<(), String> {
    let mut probe = cargo([subcommand, "--version"]);
    let found = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{component} is missing: install it with `rustup component add {component}`")),
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    format!("`{}`", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let error = run_within(Command::new("sleep").arg("600"), Duration::from_millis(50)).unwrap_err();
        assert!(error.contains("`sleep 600` did not end"), "{error}");
    }

    #[test]
    fn a_failing_program_is_named_with_its_status() {
        let error = run(Command::new("/usr/bin/env").arg("false")).unwrap_err();
        assert!(error.contains("`env false`") && error.contains('1'), "{error}");
    }

    #[test]
    fn a_missing_component_says_how_to_install_it() {
        let error = require("no-such-subcommand", "clippy").unwrap_err();
        assert!(error.contains("rustup component add clippy"), "{error}");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask/Cargo.toml").is_file());
    }
}
