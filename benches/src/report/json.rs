//! For programs: a line for each bench, placement and peer, and one for each target. Whatever is no figure goes to standard error.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;

use super::Report;
use crate::Result;
use crate::registry::OURS;
use crate::run::Outcome;

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
}

/// What ours was to come to, and whether it did.
#[derive(Debug, Serialize)]
struct Judged<'a> {
    bench: &'a str,
    placement: &'a str,
    target: &'a str,
    value: f64,
    met: bool,
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
        let medians: Vec<_> = outcome
            .rows
            .iter()
            .filter_map(|(name, result)| Some((*name, result.as_ref().ok()?.median)))
            .collect();
        let Some(&(OURS, ours)) = medians.first() else {
            return Ok(());
        };
        for &(peer, peer_value) in &medians[1..] {
            let line = Line {
                bench,
                placement,
                ours,
                peer,
                peer_value,
                unit: outcome.bench.unit.label(),
                ratio: outcome.bench.unit.ratio(ours, peer_value),
            };
            writeln!(self.output, "{}", serde_json::to_string(&line)?)?;
        }
        for verdict in &outcome.verdicts {
            // What was not measured is among the errors above.
            if let (Some(value), Some(met)) = (verdict.value, verdict.met()) {
                let line = Judged { bench, placement, target: &verdict.target, value, met };
                writeln!(self.output, "{}", serde_json::to_string(&line)?)?;
            }
        }
        Ok(self.output.flush()?)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
