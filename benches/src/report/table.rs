//! For people: the machine, then a row for each bench, placement and contender.

use std::collections::BTreeSet;
use std::io::Write;

use super::figure::{FIGURE, figure};
use super::{Report, windows};
use crate::Result;
use crate::args::Options;
use crate::machine;
use crate::registry::OURS;
use crate::run::Outcome;

#[derive(Debug)]
pub(crate) struct Table<W> {
    output: W,
    rounds: usize,
    quick: bool,
    /// Widths of the columns that hold names.
    bench: usize,
    contender: usize,
    unit: usize,
    met: usize,
    unmeasured: usize,
    /// The targets that were missed, each a line.
    missed: Vec<String>,
}

/// Width of `min .. max`.
const RANGE: usize = 2 * FIGURE + 4;
const PLACEMENT: usize = 9;
const RATIO: usize = 8;

const LEGEND: &str = "ratio < 1: ours is better (of times ours / theirs, of rates and shares theirs / ours)";

impl<W: Write> Table<W> {
    pub(crate) fn to(output: W, options: &Options) -> Self {
        let benches = || options.benches.iter();
        let widest = |names: &mut dyn Iterator<Item = usize>| names.max().unwrap_or_default();
        Self {
            output,
            rounds: options.rounds,
            quick: options.quick,
            bench: widest(&mut benches().map(|bench| bench.name.len())),
            contender: widest(&mut benches().flat_map(|bench| bench.contenders).map(|c| c.name.len())),
            unit: widest(&mut benches().map(|bench| bench.unit.label().len())),
            met: 0,
            unmeasured: 0,
            missed: Vec::new(),
        }
    }

    fn names(&mut self, bench: &str, placement: &str, contender: &str) -> Result<()> {
        let (bench_width, contender_width) = (self.bench, self.contender);
        write!(self.output, "{bench:bench_width$}  {placement:PLACEMENT$}  {contender:contender_width$}  ")?;
        Ok(())
    }

    fn figures(&mut self, median: &str, range: &str, unit: &str, ratio: &str) -> Result<()> {
        let unit_width = self.unit;
        let row = format!("{median:>FIGURE$}  {range:^RANGE$}  {unit:unit_width$}  {ratio:>RATIO$}");
        writeln!(self.output, "{}", row.trim_end())?;
        Ok(())
    }
}

impl<W: Write> Report for Table<W> {
    fn begin(&mut self, missing: &BTreeSet<&'static str>) -> Result<()> {
        for fact in machine::facts() {
            writeln!(self.output, "{fact}")?;
        }
        let quick = if self.quick { ", quick: shorter rounds" } else { "" };
        writeln!(self.output, "rounds: 1 discarded + {}, interleaved, medians{quick}", self.rounds)?;
        for reason in missing {
            writeln!(self.output, "{reason}")?;
        }
        writeln!(self.output, "{LEGEND}\n")?;
        self.names("bench", "placement", "contender")?;
        self.figures("median", "min .. max", "unit", "ratio")
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<()> {
        if let Some(reason) = &outcome.refused {
            self.names(outcome.bench.name, outcome.placement.name(), "")?;
            writeln!(self.output, "refused: {reason}")?;
        }
        let unit = outcome.bench.unit;
        let ours = outcome
            .rows
            .iter()
            .find_map(|(name, result)| (*name == OURS).then(|| result.as_ref().ok()).flatten());
        for (name, result) in &outcome.rows {
            self.names(outcome.bench.name, outcome.placement.name(), name)?;
            match result {
                Ok(summary) => {
                    let (min, max) = (figure(summary.min), figure(summary.max));
                    let ratio = match ours {
                        Some(ours) if *name != OURS => {
                            format!("{:.3}", unit.ratio(ours.median, summary.median))
                        }
                        _ => String::new(),
                    };
                    let range = format!("{min:>FIGURE$} .. {max:<FIGURE$}");
                    self.figures(&figure(summary.median), &range, &unit.label(), &ratio)?;
                }
                Err(error) => writeln!(self.output, "failed: {error}")?,
            }
        }
        for line in own_core(outcome).into_iter().chain(windows::lines(outcome)) {
            writeln!(self.output, "  {line}")?;
        }
        for verdict in &outcome.verdicts {
            writeln!(self.output, "  {}", verdict.line())?;
            match verdict.met() {
                Some(true) => self.met += 1,
                Some(false) => self.missed.push(format!(
                    "{} {}: {}",
                    outcome.bench.name,
                    outcome.placement,
                    verdict.line()
                )),
                None => self.unmeasured += 1,
            }
        }
        for note in &outcome.notes {
            writeln!(self.output, "  note: {note}")?;
        }
        Ok(self.output.flush()?)
    }

    /// Which targets were missed, all together. Nothing if there were none to judge.
    fn end(&mut self) -> Result<()> {
        if self.met + self.unmeasured + self.missed.len() > 0 {
            let (met, missed, unmeasured) = (self.met, self.missed.len(), self.unmeasured);
            writeln!(self.output, "\ntargets: {met} met, {missed} missed, {unmeasured} not measured")?;
            for line in &self.missed {
                writeln!(self.output, "  {line}")?;
            }
        }
        Ok(self.output.flush()?)
    }
}

/// `with the core to itself: ours 5.57, std 4.97 (1.121)`; `None` if that was not looked at, or never so.
fn own_core(outcome: &Outcome) -> Option<String> {
    let unit = outcome.bench.unit;
    let rows =
        outcome.rows.iter().filter_map(|(name, result)| Some((*name, result.as_ref().ok()?.own_core?)));
    let rows: Vec<_> = rows.collect();
    let ours = rows.iter().find(|(name, _)| *name == OURS).map(|(_, value)| *value);
    let shown = rows.iter().map(|(name, value)| match ours {
        Some(ours) if *name != OURS => {
            format!("{name} {} ({:.3})", figure(*value), unit.ratio(ours, *value))
        }
        _ => format!("{name} {}", figure(*value)),
    });
    let shown: Vec<_> = shown.collect();
    (!shown.is_empty()).then(|| format!("with the core to itself: {}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::Placement;

    #[test]
    fn the_columns_hold_every_placement() {
        assert!(Placement::ALL.iter().all(|placement| placement.name().len() <= PLACEMENT));
    }
}
