//! `cargo xtask stress`: processes are killed at random, while a pool works for them, they use locks, or make and share memory; nothing is lost,
//! nobody waits for ever, nothing is left.

mod leftovers;
mod pool;
mod program;
mod shm;
mod sync;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::workspace::Workspace;
use crate::{Failure, Outcome};

/// How long each stress goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// As in the continuous integration.
    Short,
    /// At least for this time.
    For(Duration),
}

/// What the chore was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    pool: bool,
    shm: bool,
    sync: bool,
    length: Length,
    /// Of the numbers by which sync's workers, and shm's, are chosen and killed; `None`: another one each time.
    seed: Option<u64>,
}

const EVERYTHING: Request = Request { pool: true, shm: true, sync: true, length: Length::Short, seed: None };

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    stress(&Workspace::load()?, request(&words).map_err(Failure::Usage)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The short form of all of it.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    stress(workspace, EVERYTHING)
}

fn stress(workspace: &Workspace, request: Request) -> Result<(), String> {
    let seed = request.seed.unwrap_or_else(any_seed);
    if request.sync {
        sync::check(request.length, seed)?;
    }
    if request.shm {
        shm::check(request.length, seed)?;
    }
    if request.pool {
        pool::check(workspace, request.length)?;
    }
    Ok(())
}

fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as u64
}

fn request(words: &[&str]) -> Result<Request, String> {
    let mut request = EVERYTHING;
    let words = match words {
        ["pool", rest @ ..] => {
            (request.shm, request.sync) = (false, false);
            rest
        }
        ["shm", rest @ ..] => {
            (request.pool, request.sync) = (false, false);
            rest
        }
        ["sync", rest @ ..] => {
            (request.pool, request.shm) = (false, false);
            rest
        }
        all => all,
    };
    let mut length = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--short" | "--minutes" if length.is_some() => {
                return Err("give `--short` or `--minutes`, once".to_string());
            }
            "--short" => length = Some(Length::Short),
            "--minutes" => length = Some(Length::For(minutes(words.next())?)),
            "--seed" => request.seed = Some(seed(words.next())?),
            other => {
                return Err(format!(
                    "`cargo xtask stress` takes `pool`, `shm` or `sync`, `--minutes N` or `--short`, `--seed N`, got `{other}`"
                ));
            }
        }
    }
    if request.seed.is_some() && !request.sync && !request.shm {
        return Err(
            "`--seed` is for `shm` and `sync`: who is killed in the pool is up to its example".to_string()
        );
    }
    request.length = length.unwrap_or(Length::Short);
    Ok(request)
}

/// The longest time that can be asked for: a week.
const MOST_MINUTES: f64 = 10_080.0;

fn minutes(word: Option<&&str>) -> Result<Duration, String> {
    let word = word.ok_or("`--minutes` takes a number")?;
    match word.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= MOST_MINUTES => {
            Ok(Duration::from_secs_f64(60.0 * minutes))
        }
        _ => Err(format!("`--minutes` takes a number above 0, up to {MOST_MINUTES}, got `{word}`")),
    }
}

fn seed(word: Option<&&str>) -> Result<u64, String> {
    let word = word.ok_or("`--seed` takes a number")?;
    word.parse().map_err(|_| format!("`--seed` takes a whole number below 2^64, got `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_it_is_all_of_it_and_short() {
        assert_eq!(request(&[]), Ok(EVERYTHING));
        assert_eq!(request(&["--short"]), Ok(EVERYTHING));
    }

    #[test]
    fn one_of_them_can_be_named() {
        assert_eq!(request(&["pool"]), Ok(Request { shm: false, sync: false, ..EVERYTHING }));
        assert_eq!(request(&["shm"]), Ok(Request { pool: false, sync: false, ..EVERYTHING }));
        let half = Length::For(Duration::from_secs(30));
        let asked = Request { pool: false, shm: false, length: half, seed: Some(7), ..EVERYTHING };
        assert_eq!(request(&["sync", "--minutes", "0.5", "--seed", "7"]), Ok(asked));
        assert_eq!(
            request(&["--minutes", "3"]).map(|asked| asked.length),
            Ok(Length::For(Duration::from_secs(180)))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["--minutes"][..],
            &["--minutes", "0"],
            &["--minutes", "-1"],
            &["--minutes", "inf"],
            &["--minutes", "NaN"],
            &["--minutes", "x"],
            &["--short", "--minutes", "1"],
            &["--short", "--short"],
            &["--seed"],
            &["pool", "--seed", "1"],
            &["--seed", "1.5"],
            &["--long"],
            &["--short", "1"],
            &["sync", "pool"],
        ] {
            assert!(request(wrong).is_err(), "{wrong:?}");
        }
    }
}
