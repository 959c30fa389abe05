//! A program of somebody else that models what it builds on our locks, and finds the bug in it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::foreign::Foreign;
use crate::shell;
use crate::workspace::Workspace;

/// The longest that a model may run.
const LIMIT: Duration = Duration::from_secs(60);

/// The crate whose public switch it uses.
const CRATE: &str = "multiproc-sync";

/// With an argument it looks and acts under two locks instead of one.
const SOURCE: &str = r#"
use multiproc_sync::Mutex;
use multiproc_sync::primitive::model::{Family, check, shared};

/// Takes the last seat; `false`: it was taken.
fn take(seats: &Mutex<u32>, in_two: bool) -> bool {
    let mut left = seats.lock().unwrap();
    let is_free = *left > 0;
    if in_two {
        drop(left);
        left = seats.lock().unwrap();
    }
    if is_free {
        *left = left.checked_sub(1).expect("a seat was sold twice");
    }
    is_free
}

fn main() {
    let in_two = std::env::args().len() > 1;
    check(move || {
        let (family, seats) = (Family::new(), shared(Mutex::new(1)));
        let theirs = seats.clone();
        let other = family.process().spawn(move || take(&theirs, in_two));
        let ours = family.process().run(|| take(&seats, in_two));
        assert!(ours != other.join(), "one of two gets it");
    });
}
"#;

/// The sound program passes, the other fails by its own claim.
pub(super) fn check(foreign: &Foreign, workspace: &Workspace) -> Result<(), String> {
    let member = workspace.members.iter().find(|member| member.package.name == CRATE);
    let member = member.ok_or_else(|| format!("{CRATE} is no member"))?;
    let program = foreign.model("modelled", &[member], SOURCE)?;
    shell::run_within(&mut Command::new(&program), LIMIT)?;
    is_caught(&program)
}

fn is_caught(program: &Path) -> Result<(), String> {
    let output = Command::new(program).arg("in two").output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !text.contains("a seat was sold twice") {
        return Err(format!("the bug of a foreign model was not caught: {}\n{text}", output.status));
    }
    println!("   the bug in it is caught");
    Ok(())
}
