//! The command `multiproc`: what shared memory is there, who has it, and the end of what dead programs have left.
//!
//! ```
//! let (mut out, mut errors) = (Vec::new(), Vec::new());
//! assert_eq!(multiproc_cli::run(["--version"], &mut out, &mut errors), multiproc_cli::SUCCESS);
//! assert!(String::from_utf8(out)?.starts_with("multiproc "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Linux only.

mod arguments;
mod clean;
mod failure;
mod listing;
mod locks;
mod maps;
mod named;
mod sys;
mod table;
mod units;

use std::ffi::OsString;
use std::io::{self, Write};

use self::arguments::Command;
use self::failure::Failure;

/// The command did what it was asked to.
///
/// ```
/// assert_eq!(multiproc_cli::SUCCESS, 0);
/// ```
pub const SUCCESS: u8 = 0;

/// Something failed; what, stands among the errors.
///
/// ```
/// assert_eq!(multiproc_cli::FAILURE, 1);
/// ```
pub const FAILURE: u8 = 1;

/// The arguments make no sense.
///
/// ```
/// let mut errors = Vec::new();
/// assert_eq!(multiproc_cli::run(["--no-such"], &mut Vec::new(), &mut errors), multiproc_cli::USAGE);
/// assert!(String::from_utf8(errors)?.contains("--no-such"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const USAGE: u8 = 2;

/// Runs the command with these arguments, the program's name not among them; gives its exit code. A reader of `out` that has gone,
/// as `head` does, is no failure.
///
/// ```
/// let mut out = Vec::new();
/// let status = multiproc_cli::run(["ls"], &mut out, &mut std::io::stderr());
/// assert_eq!(status, multiproc_cli::SUCCESS);
/// assert!(String::from_utf8(out)?.contains("NAMED SEGMENTS"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run<A>(arguments: A, out: &mut dyn Write, errors: &mut dyn Write) -> u8
where
    A: IntoIterator,
    A::Item: Into<OsString>,
{
    let arguments = arguments.into_iter().map(Into::into);
    let ended = arguments::parse(arguments).and_then(|command| obey(command, out, errors));
    let (message, status) = match ended {
        Ok(()) => return SUCCESS,
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => return SUCCESS,
        Err(failure @ Failure::Usage(_)) => (format!("{failure}; `multiproc --help` tells more"), USAGE),
        Err(failure) => (failure.to_string(), FAILURE),
    };
    let _ = writeln!(errors, "multiproc: {message}"); // there is nobody left to tell
    status
}

fn obey(command: Command, out: &mut dyn Write, errors: &mut dyn Write) -> Result<(), Failure> {
    match command {
        Command::Help => out.write_all(arguments::HELP.as_bytes()).map_err(Failure::Write),
        Command::Version => writeln!(out, "multiproc {}", env!("CARGO_PKG_VERSION")).map_err(Failure::Write),
        Command::List { json, all } => listing::show(json, all, out),
        Command::Clean { dry_run } => clean::clean(dry_run, out, errors),
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
