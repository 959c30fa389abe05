//! `cargo xtask stress`: counts the words of real text while workers are killed, and compares with a
//! run in which nobody dies.

mod judge;
mod leftovers;
mod program;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::leftovers::Before;
use self::program::Program;
use self::report::Report;
use crate::workspace::Workspace;
use crate::{Failure, Outcome};

/// How long one run without deaths is made to last, by repeating the text.
const ROUND: Duration = Duration::from_secs(8);

/// How long the chore goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// One round.
    Short,
    /// Rounds until this time is over.
    Minutes(u64),
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let length = length(arguments).map_err(Failure::Usage)?;
    check(&Workspace::load()?, length)?;
    Ok(ExitCode::SUCCESS)
}

fn length(arguments: &[String]) -> Result<Length, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["--short"] => Ok(Length::Short),
        ["--minutes", minutes] => match minutes.parse() {
            Ok(minutes @ 1..) => Ok(Length::Minutes(minutes)),
            _ => Err(format!("`--minutes` takes a number from 1, got `{minutes}`")),
        },
        ["--minutes"] => Err("`--minutes` takes a number".to_string()),
        [other, ..] => Err(format!("`cargo xtask stress` takes `--minutes N` or `--short`, got `{other}`")),
    }
}

/// Runs the rounds; the first thing that is wrong ends it.
pub(crate) fn check(workspace: &Workspace, length: Length) -> Result<(), String> {
    let program = Program::build()?;
    let paths = corpus(workspace);
    program.run(&paths, &[], ROUND)?; // brings the text into memory, or the next run would be no measure
    let once = program.run(&paths, &[], ROUND)?;
    let repeat = repeats(once.time);
    println!("text: {} files, {} bytes, read {repeat} times a round", once.files, once.bytes);
    let repeated = ["--repeat", &repeat.to_string()].map(str::to_string);
    let calm = program.run(&paths, &repeated, ROUND)?;
    println!("calm: {:.1} s, {} workers", calm.time.as_secs_f64(), calm.workers);

    let start = Instant::now();
    let total = match length {
        Length::Short => Duration::ZERO,
        Length::Minutes(minutes) => Duration::from_secs(60 * minutes),
    };
    let (mut rounds, mut kills, mut retries) = (0, 0, 0);
    loop {
        let chaos = round(&program, &paths, &repeated, &calm)?;
        rounds += 1;
        kills += chaos.kills;
        retries += chaos.retries;
        let seconds = chaos.report.time.as_secs_f64();
        println!(
            "round {rounds}: {seconds:.1} s, kills {}, retries {}, recoveries {}, counts equal",
            chaos.kills, chaos.retries, chaos.recoveries
        );
        if start.elapsed() >= total {
            break;
        }
    }
    println!("stress: {rounds} rounds, {kills} kills, {retries} retries, nothing lost, nothing left");
    Ok(())
}

fn round(
    program: &Program,
    paths: &[PathBuf],
    repeated: &[String],
    calm: &Report,
) -> Result<report::Chaos, String> {
    let before = Before::look(program.path())?;
    let arguments = [&["--chaos".to_string()], repeated].concat();
    let chaos = program.run_chaos(paths, &arguments, calm.time)?;
    let mut complaints = judge::compare(calm, &chaos);
    complaints.extend(before.leftovers()?);
    if complaints.is_empty() { Ok(chaos) } else { Err(complaints.join("\n")) }
}

/// How often the text must be read for a run of [`ROUND`].
fn repeats(once: Duration) -> u128 {
    ROUND.as_micros().div_ceil(once.as_micros().max(1)).clamp(1, 10_000)
}

/// The text: this workspace's own files, and the sources of other crates where cargo keeps them.
/// The list is made once, so that what others add meanwhile does not count.
fn corpus(workspace: &Workspace) -> Vec<PathBuf> {
    let own = workspace.files.iter().map(|path| workspace.root.join(path));
    own.chain(registry().as_deref().map(unpacked).unwrap_or_default()).collect()
}

fn registry() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?;
    Some(home.join("registry/src"))
}

/// The unpacked crates below `registry`; one that cargo is still unpacking lacks its mark.
fn unpacked(registry: &Path) -> Vec<PathBuf> {
    let list =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut crates: Vec<PathBuf> = list(registry).flat_map(|index| list(&index)).collect();
    crates.retain(|folder| folder.join(".cargo-ok").is_file());
    crates.sort();
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Length, String> {
        length(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_length_is_short_or_minutes() {
        assert_eq!(parse(&[]), Ok(Length::Short));
        assert_eq!(parse(&["--short"]), Ok(Length::Short));
        assert_eq!(parse(&["--minutes", "3"]), Ok(Length::Minutes(3)));
    }

    #[test]
    fn another_length_is_refused() {
        for wrong in
            [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "x"], &["--long"], &["--short", "1"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_text_is_repeated_until_a_round_is_full() {
        assert_eq!(repeats(ROUND), 1);
        assert_eq!(repeats(Duration::from_millis(100)), 80);
        assert_eq!(repeats(Duration::ZERO), 10_000);
        assert_eq!(repeats(Duration::MAX), 1);
    }
}
