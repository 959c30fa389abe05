//! CPython at the other end: segments, arrays and lists both ways, names, and what its resource tracker does to ours. `cargo xtask python
//! shm` builds this program and runs it with each version.

mod arrays;
mod check;
mod descriptors;
mod leavings;
mod lists;
mod names;
mod peer;
mod tracker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use check::{Check, Failure};
use leavings::Before;
use multiproc_testkit::Watchdog;
use peer::Python;

/// The longest that one check may take, in seconds: longer than the other side's alarm.
const LIMIT: u64 = 60;

fn checks() -> Vec<Check> {
    [arrays::CHECKS, lists::CHECKS, names::CHECKS, tracker::CHECKS, descriptors::CHECKS].concat()
}

/// `--list` prints the names of the checks. With the path of an interpreter they are done, a line for each: `ok` or `failed`, its name, and why.
/// With `--control` behind it, each is done once for each lie that it must find: `caught` or `believed`.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--list"] => {
            checks().iter().for_each(|check| println!("{}", check.name));
            ExitCode::SUCCESS
        }
        [python, "--control", ref names @ ..] => control(python, names),
        [python, ref names @ ..] if !python.starts_with('-') => plainly(python, names),
        _ => {
            eprintln!("usage: python --list | INTERPRETER [--control] [NAME…]");
            ExitCode::from(2)
        }
    }
}

fn chosen(names: &[&str]) -> impl Iterator<Item = Check> {
    checks()
        .into_iter()
        .filter(move |check| names.is_empty() || names.iter().any(|name| check.name.contains(name)))
}

fn plainly(python: &str, names: &[&str]) -> ExitCode {
    let mut verdict = ExitCode::SUCCESS;
    for check in chosen(names) {
        match judge(&check, &Python::new(python, None)) {
            Ok(()) => println!("ok\t{}", check.name),
            Err(failure) => {
                println!("failed\t{}\t{}", check.name, failure.to_string().replace(['\n', '\t'], " "));
                verdict = ExitCode::FAILURE;
            }
        }
    }
    verdict
}

fn control(python: &str, names: &[&str]) -> ExitCode {
    let mut verdict = ExitCode::SUCCESS;
    for check in chosen(names) {
        for lie in check.lies {
            match judge(&check, &Python::new(python, Some(*lie))) {
                // By the judge itself: that something else breaks is no proof.
                Err(Failure::Wrong(_)) => println!("caught\t{}\t{}", check.name, lie.word()),
                other => {
                    let why = other.err().map_or("it passed".to_owned(), |failure| failure.to_string());
                    println!("believed\t{}\t{}: {}", check.name, lie.word(), why.replace(['\n', '\t'], " "));
                    verdict = ExitCode::FAILURE;
                }
            }
        }
    }
    verdict
}

/// Does one check; what it leaves behind is a failure too.
fn judge(check: &Check, python: &Python) -> Result<(), Failure> {
    let _watchdog = Watchdog::with_limit(LIMIT);
    let done = catch_unwind(AssertUnwindSafe(|| {
        let before = Before::new();
        let done = (check.run)(python);
        before.check()?;
        done
    }));
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something");
        Err(Failure::Broken(format!("a panic: {text}")))
    })
}
