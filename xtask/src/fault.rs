//! `cargo xtask fault`: the programs that kill processes before every instruction of an operation, each scenario in a
//! process of its own; and the planted bugs, each of which must be found by name.

mod build;
mod planted;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use self::planted::{PLANTED, Planted};
use self::report::{Finding, Sum};
use crate::parallel::Lanes;
use crate::selection::Selection;
use crate::{Failure, Outcome, parallel, shell};

/// The longest that one scenario may take: far beyond what it does.
const LIMIT: Duration = Duration::from_secs(300);

/// A fault program: a test of a package with a `main` of its own.
#[derive(Clone, Copy, Debug)]
struct Program {
    /// Of its package, within `crates/`.
    folder: &'static str,
    package: &'static str,
    test: &'static str,
    /// Of the package, separated by commas.
    features: &'static str,
    /// Before the names of its scenarios.
    prefix: &'static str,
    /// The scenarios that run; empty: all.
    only: &'static [&'static str],
}

const SYNC: Program =
    Program { folder: "sync", package: "multiproc-sync", test: "fault", features: "", prefix: "", only: &[] };

/// The same where locks tell of what is done with them: a kill in the middle of that leaves nobody waiting, and tells nothing wrong.
const WATCHED: Program = Program {
    features: "contention,deadlock",
    prefix: "watched ",
    only: &[
        "owner/alone",
        "owner/sleeping",
        "waiter/sleeping",
        "recoverer/alone",
        "reentrant mutex/crosswise/sleeping",
        "rwlock/reader",
        "rwlock/writer behind a writer",
        "rwlock/writer behind those kept out",
        "rwlock/downgrade+sleeping",
        "condvar/woken",
        "counted/alone",
        "counted/waiting",
    ],
    ..SYNC
};

/// What lies in shared memory besides locks.
const SHM: Program = Program { folder: "shm", package: "multiproc-shm", ..SYNC };

const PROGRAMS: &[Program] = &[SYNC, WATCHED, SHM];

/// The scenario that computes longest, as its name is for people: begun first, it is not what the rest has ended and all wait for.
const LONGEST: &str = "robust semaphore/waiter+sleeping";

/// Over how many processes its kill points are shared out.
const SHARES: usize = 3;

/// Scenarios that sleep for most of their time, until deadlines and heartbeats, the longest first: they run beside the others.
const WAITING: &[&str] = &[
    "reentrant mutex/woken by time",
    "wait group/member",
    "condvar/woken by time",
    "rwlock/reader behind a writer",
    "rwlock/reader woken",
    "bell/ringer",
    "waiter/out of time+sleeping",
    "waiter/out of time",
    "event/woken by time",
    "latch/woken by time",
];

/// How many of these at a time.
const WAITING_AT_ONCE: usize = 2;

/// How many of the others more than there are cores: from one process of a scenario to the next a core is idle for a moment.
const MORE_THAN_CORES: usize = 1;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (flags, names): (Vec<_>, Vec<_>) =
        arguments.iter().cloned().partition(|argument| argument.starts_with('-'));
    if let Some(flag) = flags.iter().find(|flag| *flag != "--quick") {
        return Err(Failure::Usage(format!(
            "`cargo xtask fault` takes `--quick`, and names of crates and scenarios, got `{flag}`"
        )));
    }
    check(if flags.is_empty() { Depth::Every } else { Depth::Quick }, &names)?;
    Ok(ExitCode::SUCCESS)
}

/// At which instructions of a long scenario kills are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Above 1500 steps where it stores to shared memory or enters the kernel: in the continuous integration.
    Quick,
    /// At each when it is executed first, too.
    Every,
}

/// Builds the programs and runs their scenarios, a line for each; any failure is an error after the last.
///
/// With `names`, only crates in folders of that name, and scenarios whose names contain one of them.
pub(crate) fn check(depth: Depth, names: &[String]) -> Result<(), String> {
    let ordinary = shell::target()?;
    let target = ordinary.join("fault");
    let logs = target.join("logs");
    std::fs::create_dir_all(&logs).map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    let mut selection = Selection::of(names);
    let mut runs = Vec::new();
    for program in PROGRAMS {
        println!("-- building {} of {}", program.test, program.package);
        let path = build::program(program, false, &ordinary)?;
        let whole = selection.takes_group(program.folder);
        let scenarios = build::scenarios(&path)?;
        if let Some(gone) =
            program.only.iter().find(|only| !scenarios.iter().any(|scenario| scenario == *only))
        {
            return Err(format!("fault: {} has no scenario `{gone}`", program.test));
        }
        let runs_in_it =
            |scenario: &String| program.only.is_empty() || program.only.contains(&scenario.as_str());
        let of_it = scenarios.into_iter().filter(runs_in_it);
        let named = of_it.map(|scenario| (format!("{}{scenario}", program.prefix), scenario));
        let chosen = named.filter(|(name, _)| selection.takes(name) || whole);
        runs.extend(chosen.flat_map(|(name, scenario)| {
            let shares = if name == LONGEST { SHARES } else { 1 };
            let run = |number| Run {
                program: path.clone(),
                name: name.clone(),
                scenario: scenario.clone(),
                share: (shares > 1).then_some((number, shares)),
                planted: None,
            };
            (1..=shares).map(run).collect::<Vec<_>>()
        }));
    }
    selection.verdict("fault: no crate or scenario")?;
    let is_there = |name: &&&str| runs.iter().any(|run| run.name == **name);
    if names.is_empty()
        && let Some(gone) = WAITING.iter().chain([&LONGEST]).find(|name| !is_there(name))
    {
        return Err(format!("fault: there is no scenario `{gone}`, which is listed as a long one"));
    }
    let is_chosen = |planted: &&Planted| runs.iter().any(|run| run.name == planted.scenario);
    let chosen: Vec<_> = PLANTED.iter().filter(is_chosen).collect();
    for program in PROGRAMS.iter().filter(|program| program.only.is_empty()) {
        let in_it = chosen.iter().filter(|planted| planted.package == program.package);
        let in_it: Vec<Planted> = in_it.map(|planted| **planted).collect();
        if in_it.is_empty() {
            continue;
        }
        println!("-- building {} of {} for planted bugs", program.test, program.package);
        let path = build::program(program, true, &target.join("planted"))?;
        let run = |planted: Planted| Run {
            program: path.clone(),
            name: planted.scenario.to_string(),
            scenario: planted.scenario.to_string(),
            share: None,
            planted: Some(planted),
        };
        runs.extend(in_it.into_iter().map(run));
    }
    let start = Instant::now();
    let mut sum = Sum::default();
    parallel::run_lanes(
        lanes(runs),
        |run| run_one(run, depth, &logs),
        |finding| {
            print!("{finding}");
            sum.add(&finding);
        },
    );
    println!("{sum}, {:.1} s", start.elapsed().as_secs_f64());
    sum.verdict(if names.is_empty() { PLANTED.len() } else { 0 })
}

/// One scenario of a program.
#[derive(Debug)]
struct Run {
    program: PathBuf,
    /// For people.
    name: String,
    /// For the program.
    scenario: String,
    /// Which share of its kill points, of how many; none: all.
    share: Option<(usize, usize)>,
    planted: Option<Planted>,
}

/// What runs beside what, in which order.
fn lanes(runs: Vec<Run>) -> Vec<Lanes<Run>> {
    // A planted bug is found long before the end of its scenario.
    let place = |run: &Run| WAITING.iter().position(|name| *name == run.name && run.planted.is_none());
    let (mut waiting, mut others): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| place(run).is_some());
    waiting.sort_by_key(place);
    others.sort_by_key(|run| run.name != LONGEST);
    vec![
        Lanes { jobs: others, at_once: parallel::cores() + MORE_THAN_CORES },
        Lanes { jobs: waiting, at_once: WAITING_AT_ONCE },
    ]
}

fn run_one(run: &Run, depth: Depth, logs: &Path) -> Finding {
    let planted = run.planted.map(|planted| format!("-{}", planted.bug)).unwrap_or_default();
    let share = run.share.map(|(number, of)| format!(" {number} of {of}")).unwrap_or_default();
    let log = logs.join(format!("{}{share}{planted}.txt", run.name.replace('/', "-")));
    let ended = run_into(run, depth, &log);
    let text = std::fs::read(&log).unwrap_or_default(); // what is missing is reported by `ended`
    let text = String::from_utf8_lossy(&text);
    let finding = match &run.planted {
        None => report::read(&format!("{}{share}", run.name), &run.scenario, &text, ended),
        Some(planted) => report::read_planted(planted, &text),
    };
    finding.with_log(&log)
}

fn run_into(run: &Run, depth: Depth, log: &Path) -> Result<(), String> {
    let open = |error| format!("cannot write {}: {error}", log.display());
    let file = File::create(log).map_err(open)?;
    let both = file.try_clone().map_err(open)?;
    let mut command = Command::new(&run.program);
    command.arg(&run.scenario).env("RUST_BACKTRACE", "0").stdout(file).stderr(both);
    if depth == Depth::Quick {
        command.arg("--quick");
    }
    if let Some((number, of)) = run.share {
        command.arg(format!("--share={number}/{of}"));
    }
    if let Some(planted) = &run.planted {
        command.arg(planted::FIRST_FAILURE).env(planted::VARIABLE, planted.bug);
    }
    shell::run_within(&mut command, LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_refused() {
        let refused = run(&["--deep".to_string()]);
        assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("--deep")));
    }

    #[test]
    fn who_waits_runs_beside_the_others_and_the_longest_come_first() {
        let run = |name: &str, planted| Run {
            program: PathBuf::new(),
            name: name.to_string(),
            scenario: name.to_string(),
            share: None,
            planted,
        };
        let in_it = Planted { scenario: WAITING[1], ..PLANTED[0] };
        let runs = vec![
            run(WAITING[1], Some(in_it)),
            run("b", None),
            run(WAITING[1], None),
            run(LONGEST, None),
            run(WAITING[0], None),
        ];
        let lanes = lanes(runs);
        let names = |at: usize| lanes[at].jobs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(0), [LONGEST, WAITING[1], "b"]);
        assert_eq!(names(1), [WAITING[0], WAITING[1]]);
        assert!(lanes.iter().all(|lanes| lanes.at_once > 0));
    }

    #[test]
    fn a_program_that_cannot_be_started_is_a_failure() {
        let logs = std::env::temp_dir().join(format!("xtask-fault-{}", std::process::id()));
        std::fs::create_dir(&logs).unwrap();
        let name = "owner/alone".to_string();
        let runs = vec![Run {
            program: "/no/such/program".into(),
            scenario: name.clone(),
            name,
            share: None,
            planted: None,
        }];
        let mut sum = Sum::default();
        parallel::run(runs, |run| run_one(run, Depth::Every, &logs), |finding| sum.add(&finding));
        std::fs::remove_dir_all(&logs).unwrap();
        assert!(sum.verdict(0).is_err());
    }
}
