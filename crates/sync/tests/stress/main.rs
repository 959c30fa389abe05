//! Workers at all primitives at once, in shared memory of one family, of which one after the other is killed at random; a supervisor
//! that starts their successors and judges. `cargo xtask stress sync` builds and runs it.
//!
//! `stress SECONDS SEED [--planted hold|tear|oversleep|burial]`: prints lines of `name=value`, the last of which is `sum`; ends with 1 if
//! anything stalled or did not hold.

mod board;
mod calm;
mod excuses;
#[path = "../fault/family.rs"]
#[allow(dead_code)] // uses some of it
mod family;
mod machine;
mod queue;
mod random;
mod ring;
mod scenario;
mod scenarios;
mod supervisor;
mod sys;
mod tally;
mod worker;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::scenarios::Planted;
use self::supervisor::Supervisor;

/// How often it is told how far the run is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

struct Arguments {
    time: Duration,
    seed: u64,
    planted: Option<Planted>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(arguments) = parse(&words.iter().map(String::as_str).collect::<Vec<_>>()) else {
        eprintln!("usage: stress SECONDS SEED [--planted hold|tear|oversleep|burial]");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("failure {}", error.replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[&str]) -> Option<Arguments> {
    let (seconds, seed, planted) = match *words {
        [seconds, seed] => (seconds, seed, None),
        [seconds, seed, "--planted", "hold"] => (seconds, seed, Some(Planted::HoldsOfTheDead)),
        [seconds, seed, "--planted", "tear"] => (seconds, seed, Some(Planted::TornPair)),
        [seconds, seed, "--planted", "oversleep"] => (seconds, seed, Some(Planted::Oversleeping)),
        [seconds, seed, "--planted", "burial"] => (seconds, seed, Some(Planted::LongBurial)),
        _ => return None,
    };
    let time = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(Arguments { time, seed: seed.parse().ok()?, planted })
}

/// Whether nothing stalled.
fn run(arguments: &Arguments) -> Result<bool, String> {
    family::found();
    let scenarios = arguments.planted.map_or_else(scenarios::all, scenarios::planted);
    let begin = Instant::now();
    let mut told = begin;
    let mut supervisor = Supervisor::new(board::share(), scenarios, arguments.seed)?;
    let ran = supervisor.run(arguments.time, |supervisor| {
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            let seconds = begin.elapsed().as_secs_f64();
            say(&format!("progress seconds={seconds:.1} kills={}", supervisor.kills));
        }
    });
    let (supervisor, ended) = supervisor.end();
    supervisor.lines().for_each(|line| say(&line));
    ran.and(ended)?;
    let Supervisor { kills, calms, unjudged, .. } = supervisor;
    let (seconds, stalls) = (begin.elapsed().as_secs_f64(), supervisor.stalls());
    say(&format!("sum seconds={seconds:.1} kills={kills} calms={calms} stalls={stalls} unjudged={unjudged}"));
    Ok(stalls == 0)
}

/// Writes a line at once: who reads it may have gone, which is no failure of the primitives.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
