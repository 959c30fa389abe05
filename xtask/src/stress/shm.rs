//! The stress of shared memory: processes make, name, send and drop it without pause, and all of them are killed, over and over. After each
//! time nothing is left. And planted leaks, which the same judge must find.

use super::Length;
use super::leftovers::Before;
use super::program::{Lines, Program};
use std::time::{Duration, Instant};

/// How often all are killed in the short form, and at least in a longer one.
const ROUNDS: u64 = 1000;

/// In how many rounds a planted leak must be found: it is in the first.
const PLANTED: u64 = 3;

/// The longest that a round takes, but for one in which something is left.
const ROUND: Duration = Duration::from_millis(200);

/// How much longer a run may take.
const GRACE: Duration = Duration::from_secs(60);

const LEAKS: &[(&str, &str, &str)] = &[
    ("name", "a name that is on no list", "in /dev/shm there is still"),
    ("descriptor", "a descriptor a round", "descriptors are open"),
    ("memory", "a mapping a round", "shared memory are in use"),
];

/// Shows that the judge finds leaks, then runs; the first thing that is left ends it.
pub(super) fn check(length: Length, seed: u64) -> Result<(), String> {
    let program = Program::build("multiproc-ipc", "storm")?;
    let before = Before::look(program.path())?;
    for (name, about, found) in LEAKS {
        let begin = Instant::now();
        let run = run(&program, PLANTED, seed, Some(name))?;
        if !failure(&run).is_some_and(|failure| failure.contains(found)) {
            return Err(format!("planted: {about}, and the storm did not find it\n{}", run.lines.join("\n")));
        }
        println!("planted: {about}: caught in {:.1} s", begin.elapsed().as_secs_f64());
    }
    let begin = Instant::now();
    let mut rounds = 0;
    let mut kills = 0;
    loop {
        let seed = seed.wrapping_add(rounds);
        println!("seed {seed}: {ROUNDS} rounds");
        let run = run(&program, ROUNDS, seed, None)?;
        if let Some(failure) = failure(&run) {
            return Err(format!("{failure}\nagain: `cargo xtask stress shm --seed {seed}`"));
        }
        let sum = run.lines.last().and_then(|line| line.strip_prefix("sum ")).unwrap_or_default();
        if run.code != Some(0) || sum.is_empty() {
            return Err(format!("the storm ended with {:?}:\n{}", run.code, run.lines.join("\n")));
        }
        run.lines
            .iter()
            .filter_map(|line| line.strip_prefix("action "))
            .for_each(|line| println!("  {line}"));
        println!("  {sum}");
        rounds += ROUNDS;
        kills += number(sum, "kills=");
        let time = if let Length::For(time) = length { time } else { Duration::ZERO };
        if begin.elapsed() >= time {
            break;
        }
    }
    let complaints = before.leftovers()?;
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("stress shm: {rounds} times all were killed, {kills} kills, nothing left, {seconds:.1} s");
    Ok(())
}

fn run(program: &Program, rounds: u64, seed: u64, planted: Option<&str>) -> Result<Lines, String> {
    let mut arguments = vec![rounds.to_string(), seed.to_string()];
    arguments.extend(planted.into_iter().flat_map(|leak| ["--planted".to_string(), leak.to_string()]));
    program.lines(&arguments, ROUND * rounds as u32 + GRACE, planted.is_some(), |line| {
        line.strip_prefix("progress rounds=").map(|line| format!("{line} of {rounds} rounds"))
    })
}

fn failure(run: &Lines) -> Option<&str> {
    run.lines.iter().find_map(|line| line.strip_prefix("failure "))
}

fn number(line: &str, name: &str) -> u64 {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok()).unwrap_or(0)
}
