//! Counts the words of every text file under some paths on a pool of processes, and gets the counts right whatever
//! happens to its workers. `--help` tells the options.
//!
//! A task is a *batch* of files: `files` makes batches, `batch` counts one, `processes` and `threads` are two ways to
//! have all of them counted, `totals` adds up, `live` tells the progress bar, `chaos` does its best to spoil it.

mod batch;
mod chaos;
mod files;
mod live;
mod options;
mod processes;
mod report;
mod threads;
mod totals;

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::time::Instant;

use files::Files;
use options::{Command, Options};
use report::Report;

#[multiproc::main]
fn main() -> ExitCode {
    match Command::of_this_process() {
        Ok(Command::Help) => printed(report::print_help()),
        Ok(Command::Count(options)) => match run(&options) {
            Ok(report) => printed(report.print()),
            Err(e) => fail(1, &format!("{e:?}")),
        },
        Err(e) => fail(2, &format!("{e}; --help tells the options")),
    }
}

fn run(options: &Options) -> multiproc::Result<Report> {
    let listing = report::spinner("listing files");
    let files = Files::list(&options.paths)?;
    listing.finish_and_clear();
    let bar = report::progress_bar(files.bytes * options.repeat as u64);
    let begin = Instant::now();
    let (mut totals, damage) = if options.threads {
        (threads::count(&files, options, &bar), None)
    } else {
        processes::count(&files, options, &bar)?
    };
    let seconds = begin.elapsed().as_secs_f64();
    bar.finish_and_clear();
    totals.unreadable.extend(files.unreadable);
    Ok(Report { totals, seconds, workers: options.workers, threads: options.threads, damage })
}

/// A reader that has seen enough, as `head`, is no failure.
fn printed(result: io::Result<()>) -> ExitCode {
    match result {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => fail(1, &format!("cannot write the output: {e}")),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("word_count: {message}");
    ExitCode::from(code)
}
