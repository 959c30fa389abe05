//! The stress of the locks: processes of one family use all of them in shared memory and are killed at random. Those who are left
//! get on within a heartbeat, and what the locks guard is whole. And planted bugs, which the same judge must find.

mod judge;
mod program;
mod report;

use std::time::{Duration, Instant};

use self::program::Program;
use self::report::Report;
use super::Length;
use super::leftovers::Before;

/// How long the short form lasts.
const SHORT: Duration = Duration::from_secs(20);

/// In which time a planted bug must be found: most often it is in one or two seconds.
const PLANTED: Duration = Duration::from_secs(30);

/// A bug, and how it must be found.
struct Planted {
    name: &'static str,
    about: &'static str,
    is_caught: fn(&Report) -> bool,
}

const BUGS: &[Planted] = &[
    Planted {
        name: "hold",
        about: "nobody releases the unowned lock for the dead",
        is_caught: |report| report.failure.is_none() && report.stalls("lock") > 0,
    },
    Planted {
        name: "tear",
        about: "what a dead owner has left is not mended",
        is_caught: |report| report.failure.as_ref().is_some_and(|failure| failure.contains("torn")),
    },
    Planted {
        name: "oversleep",
        about: "one waits for 3 s, and all others get on",
        is_caught: stalls_where_it_is_planted,
    },
    Planted {
        name: "burial",
        about: "who mends for the dead waits for 3 s, and all others get on",
        is_caught: stalls_where_it_is_planted,
    },
];

/// Beside all primitives, of which none stalls.
fn stalls_where_it_is_planted(report: &Report) -> bool {
    let stalls: u64 = report.primitives.iter().map(|primitive| primitive.stalls).sum();
    report.failure.is_none() && stalls > 0 && report.stalls("planted") == stalls
}

/// Shows that the judge finds bugs, then runs; the first thing that is wrong ends it.
pub(super) fn check(length: Length, seed: u64) -> Result<(), String> {
    let program = Program::build()?;
    let before = Before::look(program.path())?;
    for bug in BUGS {
        let begin = Instant::now();
        let report = program.run(PLANTED, seed, Some(bug.name))?;
        if !(bug.is_caught)(&report) {
            return Err(format!(
                "{}, and that was not found in {} s: what finds no stall here finds none at all\n{}",
                bug.about,
                PLANTED.as_secs(),
                report.table()
            ));
        }
        println!("planted: {}: caught in {:.1} s", bug.about, begin.elapsed().as_secs_f64());
    }
    let time = match length {
        Length::Short => SHORT,
        Length::For(time) => time,
    };
    println!("seed {seed}: {} s", time.as_secs());
    let report = program.run(time, seed, None)?;
    print!("{}", report.table());
    let mut complaints = judge::complaints(&report);
    complaints.extend(before.leftovers()?);
    if complaints.is_empty() {
        println!("stress sync: {}, nobody waited for the dead, nothing left", report.sum());
        Ok(())
    } else {
        complaints.push(format!("again: `cargo xtask stress sync --seed {seed}`, with as many minutes"));
        Err(complaints.join("\n"))
    }
}
