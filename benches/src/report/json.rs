//! For programs: a line for each bench, placement and peer, and one for each target. Whatever is no figure goes to standard error.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;

use super::Report;
use crate::Result;
use crate::registry::{OURS, Unit};
use crate::run::Outcome;
use crate::windows::Extremes;

/// Medians, and their ratio: below 1 if ours is better.
#[derive(Debug, Serialize)]
struct Line<'a> {
    bench: &'a str,
    placement: &'a str,
    ours: f64,
    peer: &'a str,
    peer_value: f64,
    unit: String,
    ratio: f64,
    /// The same of what was done with the core to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_core: Option<OwnCore>,
    /// What the windows of all rounds came to, where they were cut into some.
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Windows>,
}

#[derive(Debug, Serialize)]
struct OwnCore {
    ours: f64,
    peer_value: f64,
    ratio: f64,
}

#[derive(Debug, Serialize)]
struct Windows {
    /// What the two sides are called, if they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<[&'static str; 2]>,
    ours: Extremes,
    peer_value: Extremes,
}

/// What ours was to come to, and whether it did.
#[derive(Debug, Serialize)]
struct Judged<'a> {
    bench: &'a str,
    placement: &'a str,
    target: &'a str,
    value: f64,
    met: bool,
    /// Judged was what was done with the core to itself.
    own_core: bool,
}

#[derive(Debug)]
pub(crate) struct Lines<W> {
    output: W,
}

impl<W: Write> Lines<W> {
    pub(crate) fn to(output: W) -> Self {
        Self { output }
    }
}

impl<W: Write> Report for Lines<W> {
    fn begin(&mut self, missing: &BTreeSet<&'static str>) -> Result<()> {
        missing.iter().for_each(|reason| eprintln!("bench: {reason}"));
        Ok(())
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<()> {
        let (bench, placement) = (outcome.bench.name, outcome.placement.name());
        if let Some(reason) = &outcome.refused {
            eprintln!("bench: {bench} {placement}: refused: {reason}");
        }
        for (name, result) in &outcome.rows {
            if let Err(error) = result {
                eprintln!("bench: {bench} {placement} {name}: {error}");
            }
        }
        for note in &outcome.notes {
            eprintln!("bench: {bench} {placement}: {note}");
        }
        let unit = outcome.bench.unit;
        let summaries = outcome.rows.iter().filter_map(|(name, result)| Some((*name, result.as_ref().ok()?)));
        let summaries: Vec<_> = summaries.collect();
        let Some(&(OURS, ours)) = summaries.first() else {
            return Ok(());
        };
        for &(peer, theirs) in &summaries[1..] {
            let own = ours.own_core.zip(theirs.own_core);
            let own_core = own.map(|(ours, peer_value)| OwnCore {
                ours,
                peer_value,
                ratio: unit.ratio(ours, peer_value),
            });
            let names = if let Unit::Progress(names) = unit { Some(names) } else { None };
            let windows = ours.windows.zip(theirs.windows);
            let windows = windows.map(|(ours, peer_value)| Windows { names, ours, peer_value });
            let line = Line {
                bench,
                placement,
                ours: ours.median,
                peer,
                peer_value: theirs.median,
                unit: unit.label(),
                ratio: unit.ratio(ours.median, theirs.median),
                own_core,
                windows,
            };
            writeln!(self.output, "{}", serde_json::to_string(&line)?)?;
        }
        for verdict in &outcome.verdicts {
            // What was not measured is among the errors above.
            if let (Some(value), Some(met)) = (verdict.value, verdict.met()) {
                let (target, own_core) = (&verdict.target, verdict.is_of_own_core());
                let line = Judged { bench, placement, target, value, met, own_core };
                writeln!(self.output, "{}", serde_json::to_string(&line)?)?;
            }
        }
        Ok(self.output.flush()?)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
