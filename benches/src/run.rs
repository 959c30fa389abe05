//! One call of the program: each bench in each of its placements, reported as soon as it is done.

use std::collections::BTreeSet;
use std::io;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::prctl;

use crate::Result;
use crate::args::Options;
use crate::host::Host;
use crate::placement::Placement;
use crate::registry::{Bench, Contender};
use crate::report::{Report, json, table};
use crate::rounds::{Player, interleave};
use crate::stats::{Played, Summary};
use crate::target::Verdict;

/// What a bench came to in one placement.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) bench: &'static Bench,
    pub(crate) placement: Placement,
    /// Why it was not measured at all, if so.
    pub(crate) refused: Option<String>,
    /// The contenders that were there, and what became of each; ours comes first.
    pub(crate) rows: Vec<(&'static str, Result<Summary>)>,
    /// What it was to come to there, and whether it did.
    pub(crate) verdicts: Vec<Verdict>,
    /// What should be known of how it went.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    fn is_well(&self) -> bool {
        self.refused.is_none() && self.rows.iter().all(|(_, result)| result.is_ok())
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    // What a contender leaves behind comes here, to be found and ended.
    prctl::set_child_subreaper(true)?;
    let mut report: Box<dyn Report> = if options.json {
        Box::new(json::Lines::to(io::stdout()))
    } else {
        Box::new(table::Table::to(io::stdout(), options))
    };
    report.begin(&missing(options))?;
    let progress = Progress::over(options);
    let mut all_well = true;
    for bench in &options.benches {
        for &placement in bench.placements {
            progress.at(bench, placement);
            let outcome = play(bench, placement, options, &progress);
            all_well &= outcome.is_well();
            progress.bar.suspend(|| report.outcome(&outcome))?;
        }
    }
    progress.bar.finish_and_clear();
    report.end()?;
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why contenders are left out, each reason once.
fn missing(options: &Options) -> BTreeSet<&'static str> {
    let contenders = options.benches.iter().flat_map(|bench| bench.contenders);
    contenders.filter_map(|contender| (contender.missing)()).collect()
}

fn play(bench: &'static Bench, placement: Placement, options: &Options, progress: &Progress) -> Outcome {
    let mut outcome = Outcome {
        bench,
        placement,
        refused: placement.sides().err().map(|error| error.to_string()),
        rows: Vec::new(),
        verdicts: Vec::new(),
        notes: Vec::new(),
    };
    if outcome.refused.is_some() {
        return outcome;
    }
    let present = bench.contenders.iter().filter(|contender| (contender.missing)().is_none());
    let (mut names, mut seats) = (Vec::new(), Vec::new());
    for contender in present {
        names.push(contender.name);
        seats.push(Seat::take(bench, contender, placement, options));
    }
    let results = interleave(&mut seats, options.rounds, || progress.bar.inc(1));
    let quickest = Played::quickest_probe(results.iter().flatten().flatten());
    let summary = |rounds: Result<Vec<Played>>| {
        Summary::of(&rounds?, quickest).ok_or_else(|| "no round counted".into())
    };
    outcome.rows = names.iter().copied().zip(results.into_iter().map(summary)).collect();
    let summary_of = |name: &str| {
        let row = outcome.rows.iter().find(|(contender, _)| *contender == name)?;
        row.1.as_ref().ok().copied()
    };
    let targets = bench.targets.iter().filter(|target| target.placements.contains(&placement));
    outcome.verdicts = targets.map(|target| target.judge(bench.unit, summary_of)).collect();
    for (name, seat) in names.into_iter().zip(seats) {
        let notes = seat.host.map(Host::stop).unwrap_or_default();
        outcome.notes.extend(notes.into_iter().map(|note| format!("{name} {note}")));
    }
    outcome
}

/// A contender's place in the turns, also if it could not start.
struct Seat {
    host: Result<Host>,
}

impl Seat {
    fn take(bench: &Bench, contender: &Contender, placement: Placement, options: &Options) -> Self {
        Self { host: Host::start(bench, contender, placement, options) }
    }
}

impl Player for Seat {
    fn play(&mut self) -> Result<Played> {
        match &mut self.host {
            Ok(host) => host.play(),
            Err(error) => Err(error.to_string().into()),
        }
    }
}

/// How far it is, on standard error: a bar on a terminal, else a line for each bench and placement.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn over(options: &Options) -> Self {
        let seats = |bench: &&'static Bench| bench.placements.len() * bench.contenders.len();
        let plays = options.benches.iter().map(seats).sum::<usize>() * (options.rounds + 1);
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(plays as u64).with_style(style) }
    }

    fn at(&self, bench: &Bench, placement: Placement) {
        if self.bar.is_hidden() {
            eprintln!("bench: {} {placement}", bench.name);
        } else {
            self.bar.set_message(format!("{} {placement}", bench.name));
        }
    }
}
