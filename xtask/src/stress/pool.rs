//! The stress of the pool: counts the words of real text while workers are killed, and compares with a run in which nobody dies.

mod judge;
mod program;
mod report;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::program::Program;
use self::report::Report;
use super::Length;
use super::leftovers::Before;
use crate::workspace::Workspace;

/// How long one run without deaths is made to last, by repeating the text.
const ROUND: Duration = Duration::from_secs(8);

/// Runs the rounds; the first thing that is wrong ends it.
pub(super) fn check(workspace: &Workspace, length: Length) -> Result<(), String> {
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
        Length::For(time) => time,
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
    println!("stress pool: {rounds} rounds, {kills} kills, {retries} retries, nothing lost, nothing left");
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

    #[test]
    fn the_text_is_repeated_until_a_round_is_full() {
        assert_eq!(repeats(ROUND), 1);
        assert_eq!(repeats(Duration::from_millis(100)), 80);
        assert_eq!(repeats(Duration::ZERO), 10_000);
        assert_eq!(repeats(Duration::MAX), 1);
    }
}
