//! A virtual environment for an interpreter, with numpy in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::interpreter::Interpreter;
use crate::shell;

/// What is installed there: the same release for all versions, as a wheel. pip takes it from where its own configuration says.
const NUMPY: &str = "numpy==2.2.6";

/// Written last, with what the environment was made of.
const MARK: &str = "made-of.txt";

/// The longest that a download may take.
const LIMIT: Duration = Duration::from_secs(300);

/// The interpreter of the environment in `folder`, which is made if it is not there, or was made of something else.
pub(super) fn ready(interpreter: &Interpreter, folder: &Path) -> Result<PathBuf, String> {
    let home = folder.join(interpreter.version.to_string());
    let python = home.join("bin/python");
    let made_of = format!("{}\n{}\n{NUMPY}\n", interpreter.program.display(), interpreter.exactly);
    if is_made_of(&home, &made_of) {
        return Ok(python);
    }
    println!("-- {} with {NUMPY}", home.display());
    if home.exists() {
        std::fs::remove_dir_all(&home)
            .map_err(|error| format!("cannot remove {}: {error}", home.display()))?;
    }
    shell::run_within(Command::new(&interpreter.program).args(["-m", "venv"]).arg(&home), LIMIT).map_err(
        |error| {
            format!(
                "{error}\nwhere venv is a package of its own: apt-get install python{}-venv",
                interpreter.version
            )
        },
    )?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
        NUMPY,
    ]);
    shell::run_within(&mut pip, LIMIT)?;
    let mark = home.join(MARK);
    std::fs::write(&mark, made_of).map_err(|error| format!("cannot write {}: {error}", mark.display()))?;
    Ok(python)
}

fn is_made_of(home: &Path, made_of: &str) -> bool {
    std::fs::read_to_string(home.join(MARK)).is_ok_and(|found| found == made_of)
}
