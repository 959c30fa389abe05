//! A family of processes that make, name, share, send and drop shared memory without pause, and of which all are killed, one after the
//! other at random moments; over and over. After each time everything is as at the start: names, descriptors, memory.
//! `cargo xtask stress shm` builds and runs it.
//!
//! `storm ROUNDS SEED [--planted name|descriptor|memory]`: prints lines of `name=value`, the last of which is `sum`; ends with 1 if anything
//! is left or did not hold.

mod cargo;
mod holdings;
mod party;
#[path = "../../../sync/tests/stress/random.rs"]
#[allow(dead_code)] // uses some of it
mod random;
mod round;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::round::{Planted, Storm};

/// How often it is told how far the run is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((rounds, seed, planted)) = parse(&words.iter().map(String::as_str).collect::<Vec<_>>()) else {
        eprintln!("usage: storm ROUNDS SEED [--planted name|descriptor|memory]");
        return ExitCode::from(2);
    };
    match run(rounds, seed, planted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failure {}", error.replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[&str]) -> Option<(u64, u64, Option<Planted>)> {
    let (rounds, seed, planted) = match *words {
        [rounds, seed] => (rounds, seed, None),
        [rounds, seed, "--planted", "name"] => (rounds, seed, Some(Planted::Name)),
        [rounds, seed, "--planted", "descriptor"] => (rounds, seed, Some(Planted::Descriptor)),
        [rounds, seed, "--planted", "memory"] => (rounds, seed, Some(Planted::Memory)),
        _ => return None,
    };
    Some((rounds.parse().ok().filter(|rounds| *rounds > 0)?, seed.parse().ok()?, planted))
}

fn run(rounds: u64, seed: u64, planted: Option<Planted>) -> Result<(), String> {
    let mut storm = Storm::begin(seed, planted)?;
    let mut told = Instant::now();
    for done in 1..=rounds {
        storm.round().map_err(|error| format!("round {done}: {error}"))?;
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            say(&format!("progress rounds={done} kills={}", storm.kills()));
        }
    }
    for (what, times) in storm.counts() {
        say(&format!("action {what}={times}"));
    }
    if let Some(missing) = storm.counts().find(|(_, times)| *times == 0) {
        return Err(format!("nobody ever came to this: {}", missing.0));
    }
    if storm.recovered() == 0 && rounds > 100 {
        return Err("nobody ever died with the lock that outlives the rounds".into());
    }
    say(&format!("sum rounds={rounds} kills={} recovered={}", storm.kills(), storm.recovered()));
    Ok(())
}

fn say(line: &str) {
    // Nobody to hear it is no failure.
    let _ = writeln!(std::io::stdout(), "{line}");
}
