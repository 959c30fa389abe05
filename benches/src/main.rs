//! Benchmarks of multiproc beside its peers and the floor: `cargo xtask bench --help`.

mod alone;
mod args;
mod arrays;
mod blocks;
mod built_with;
mod cells;
mod contender;
mod contest;
mod copies;
mod crews;
mod fairness;
mod flags;
mod groups;
mod handoff;
mod host;
mod latches;
mod locks;
mod machine;
mod meetings;
mod neighbour;
mod notify;
mod onces;
mod other;
mod ours;
mod pair;
mod peers;
mod pipelines;
mod placement;
mod processes;
mod protocol;
mod race;
mod registry;
mod report;
mod role;
mod rounds;
mod run;
mod segments;
mod semaphores;
mod session;
mod stats;
mod steps;
mod sys;
mod target;
mod windows;

use std::process::ExitCode;

use args::Command;
use role::Role;

/// What can go wrong here is shown to a person, never matched on.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Arguments that make no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match Role::of_this_process() {
        Role::Program => multiproc::init(),
        Role::EndAtOnce => return ExitCode::SUCCESS,
        Role::ProcspawnChild => procspawn::init(),
    }
    match args::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Command::List) => {
            report::list();
            ExitCode::SUCCESS
        }
        Ok(Command::Contender(part)) => contender::run(&part),
        Ok(Command::Run(options)) => run::run(&options).unwrap_or_else(|error| {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(USAGE)
        }
    }
}
