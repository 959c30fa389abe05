//! What the user asks for.

use std::path::PathBuf;
use std::thread;

use lexopt::prelude::*;
use multiproc::MAX_WORKERS;

pub(crate) const HELP: &str = "\
Counts the words of every text file under PATHs and prints the most frequent ones.

Usage: word_count [OPTIONS] [PATH...]

  PATH...        files and directories [default: the workspace of this example]

  --workers N    worker processes [default: one a core]
  --threads      count on threads instead of processes
  --chaos        kill a busy worker every few milliseconds: the counts stay the same,
                 and the live totals that workers keep in shared memory whole
  --repeat K     count everything K times
  -h, --help     print this

A text file has no NUL in its first 8 KiB. Words are what stands between white space, their case kept.
Links are not followed. What cannot be read is reported at the end.
";

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const MAX_REPEAT: usize = 1_000_000;

pub(crate) enum Command {
    Help,
    Count(Options),
}

pub(crate) struct Options {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) workers: usize,
    pub(crate) threads: bool,
    pub(crate) chaos: bool,
    pub(crate) repeat: usize,
}

impl Command {
    pub(crate) fn of_this_process() -> Result<Self, lexopt::Error> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut options =
            Options { paths: Vec::new(), workers: cores, threads: false, chaos: false, repeat: 1 };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(Self::Help),
                Long("workers") => options.workers = number(&mut arguments, "--workers", MAX_WORKERS)?,
                Long("repeat") => options.repeat = number(&mut arguments, "--repeat", MAX_REPEAT)?,
                Long("threads") => options.threads = true,
                Long("chaos") => options.chaos = true,
                Value(path) => options.paths.push(path.into()),
                unknown => return Err(unknown.unexpected()),
            }
        }
        if options.threads && options.chaos {
            return Err("--chaos kills processes: it does not go with --threads".into());
        }
        if options.paths.is_empty() {
            options.paths.push(WORKSPACE.into());
        }
        Ok(Self::Count(options))
    }
}

fn number(arguments: &mut lexopt::Parser, option: &str, max: usize) -> Result<usize, lexopt::Error> {
    let value = arguments.value()?;
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|n| (1..=max).contains(n));
    number.ok_or_else(|| format!("{option} takes a number from 1 to {max}, not {value:?}").into())
}
