//! The command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::Result;
use crate::contender::Part;
use crate::placement::Placement;
use crate::registry::{self, Bench};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [NAME…] [OPTIONS]

Runs the benchmarks whose dotted names begin with a NAME (`pool`, `process.start`); all of them without one.
`sync` stands for all groups of locks. Every contender of a bench runs once a round, in turns: one discarded round, then
those that count. Under each bench stands what it is to come to, if that is fixed, and whether it does.

  --quick        3 shorter rounds instead of 7
  --rounds N     N rounds that count
  --limit SECS   how long a round may take before its contender is killed (30)
  --json         one JSON line for each bench, placement and peer, and for each target
  --list         the names of the benchmarks
  --help         this

Exit code: 0, or 1 if a contender failed or a placement was refused, or 2 for arguments that make no sense. A target that
is missed changes nothing in it.
";

#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Run(Options),
    /// This process is one contender of a bench, started by the one that runs it.
    Contender(Part),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) benches: Vec<&'static Bench>,
    pub(crate) quick: bool,
    pub(crate) json: bool,
    /// How many rounds count; the first is always discarded and comes on top.
    pub(crate) rounds: usize,
    /// How long a round may take.
    pub(crate) limit: Duration,
}

const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 3;
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn parse(mut parser: Parser) -> Result<Command> {
    let mut names = Vec::new();
    let (mut quick, mut json, mut list) = (false, false, false);
    let mut rounds = None;
    let mut limit = LIMIT;
    let mut contender = None;
    let mut placement = Placement::Free;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(name) => names.push(name.string()?),
            Arg::Long("quick") => quick = true,
            Arg::Long("json") => json = true,
            Arg::Long("list") => list = true,
            Arg::Long("rounds") => rounds = Some(at_least_one(parser.value()?.parse()?)?),
            Arg::Long("limit") => limit = seconds(parser.value()?.parse()?)?,
            Arg::Long("contender") => contender = Some(parser.value()?.string()?),
            Arg::Long("placement") => placement = parser.value()?.parse()?,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(format!("{}\n\n{HELP}", other.unexpected()).into()),
        }
    }
    if let Some(name) = contender {
        return Ok(Command::Contender(Part::named(&name, placement, quick)?));
    }
    if list {
        return Ok(Command::List);
    }
    Ok(Command::Run(Options {
        benches: registry::select(&names)?,
        quick,
        json,
        rounds: rounds.unwrap_or(if quick { QUICK_ROUNDS } else { ROUNDS }),
        limit,
    }))
}

fn at_least_one(rounds: usize) -> Result<usize> {
    match rounds {
        0 => Err("--rounds 0: nothing would be measured; give at least 1".into()),
        rounds => Ok(rounds),
    }
}

fn seconds(limit: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(limit) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(format!("--limit {limit}: give a number of seconds above 0").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command> {
        parse(Parser::from_args(arguments))
    }

    fn options(arguments: &[&str]) -> Options {
        match parsed(arguments).unwrap() {
            Command::Run(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quick_means_fewer_rounds_unless_their_number_is_given() {
        assert_eq!(options(&[]).rounds, ROUNDS);
        assert_eq!(options(&["--quick"]).rounds, QUICK_ROUNDS);
        assert_eq!(options(&["--rounds", "5", "--quick"]).rounds, 5);
    }

    #[test]
    fn arguments_without_sense_say_what_is_wrong() {
        for (arguments, word) in [
            (["--rounds", "0"], "--rounds 0"),
            (["--rounds", "many"], "many"),
            (["--limit", "-1"], "--limit -1"),
            (["--quick", "--quik"], "--quik"),
            (["pool", "pol"], "pol"),
        ] {
            let error = parsed(&arguments).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
