//! For people: the machine, then a row for each bench, placement and contender.

use std::collections::BTreeSet;
use std::io::Write;

use super::Report;
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
}

/// Width of a figure: `24.7 k`.
const FIGURE: usize = 7;
/// Width of `min .. max`.
const RANGE: usize = 2 * FIGURE + 4;
const PLACEMENT: usize = 9;
const RATIO: usize = 8;

const LEGEND: &str = "ratio < 1: ours is better (of times ours / theirs, of rates theirs / ours)";

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
        for note in &outcome.notes {
            writeln!(self.output, "  note: {note}")?;
        }
        Ok(self.output.flush()?)
    }
}

/// Three digits that count: `0.627`, `60.5`, `1.29 M`.
fn figure(value: f64) -> String {
    let scales = [(1e9, " G"), (1e6, " M"), (1e4, " k")];
    let (value, suffix) = scales
        .into_iter()
        .find(|(scale, _)| value.abs() >= *scale)
        .map_or((value, ""), |(scale, suffix)| (value / if scale == 1e4 { 1e3 } else { scale }, suffix));
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.digits$}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::Placement;

    #[test]
    fn figures_keep_three_digits_and_fit_their_column() {
        for (value, shown) in [
            (0.0625, "0.062"),
            (0.627, "0.627"),
            (4.956, "4.96"),
            (9.996, "10.0"),
            (60.54, "60.5"),
            (999.6, "1000"),
            (3959.0, "3959"),
            (24_675.0, "24.7 k"),
            (999_499.0, "999 k"),
            (1_290_000.0, "1.29 M"),
            (40_100_000.0, "40.1 M"),
            (1_630_000_000.0, "1.63 G"),
        ] {
            assert_eq!(figure(value), shown);
            assert!(figure(value).len() <= FIGURE);
        }
    }

    #[test]
    fn the_columns_hold_every_placement() {
        assert!(Placement::ALL.iter().all(|placement| placement.name().len() <= PLACEMENT));
    }
}
