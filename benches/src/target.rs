//! What ours is to come to in a bench, and whether it does.

use crate::placement::Placement;
use crate::registry::{OURS, Unit};
use crate::report::figure;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where it holds.
    pub(crate) placements: &'static [Placement],
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// The ratio of ours to this contender, at most.
    Beside { peer: &'static str, most: f64 },
    /// Ours by itself in the unit of the bench: at most, or at least if higher is better.
    Alone(f64),
}

impl Target {
    /// Ours is at most so many times this peer's: of rates the peer's is that of ours.
    pub(crate) const fn beside(peer: &'static str, most: f64, placements: &'static [Placement]) -> Self {
        Self { placements, limit: Limit::Beside { peer, most } }
    }

    /// Ours is this or better, whatever the others have.
    pub(crate) const fn alone(limit: f64, placements: &'static [Placement]) -> Self {
        Self { placements, limit: Limit::Alone(limit) }
    }

    #[cfg(test)]
    pub(crate) fn peer(&self) -> Option<&'static str> {
        match self.limit {
            Limit::Beside { peer, .. } => Some(peer),
            Limit::Alone(_) => None,
        }
    }

    /// `median` is what a contender came to, if it has any figure.
    pub(crate) fn judge(&self, unit: Unit, median: impl Fn(&str) -> Option<f64>) -> Verdict {
        let (value, met) = match self.limit {
            Limit::Beside { peer, most } => {
                let ratio = median(OURS).zip(median(peer)).map(|(ours, theirs)| unit.ratio(ours, theirs));
                (ratio, ratio.is_some_and(|ratio| ratio <= most))
            }
            Limit::Alone(limit) => {
                let ours = median(OURS);
                // As a ratio, "better" is "below" for rates too.
                (ours, ours.is_some_and(|ours| unit.ratio(ours, limit) <= 1.0))
            }
        };
        Verdict { target: self.label(unit), shown: value.map(|value| self.shown(value)), value, met }
    }

    /// `<= 0.10 x std`, `<= 1.00 ns/look`.
    fn label(&self, unit: Unit) -> String {
        match self.limit {
            Limit::Beside { peer, most } => format!("<= {most:.2} x {peer}"),
            Limit::Alone(limit) => {
                let sign = if unit.ratio(1.0, 2.0) < 1.0 { "<=" } else { ">=" };
                format!("{sign} {} {}", figure(limit), unit.label())
            }
        }
    }

    fn shown(&self, value: f64) -> String {
        match self.limit {
            Limit::Beside { .. } => format!("{value:.3}"),
            Limit::Alone(_) => figure(value),
        }
    }
}

/// How a target was judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) target: String,
    /// The figure that was judged; `None` if a contender that it needs has none.
    pub(crate) value: Option<f64>,
    shown: Option<String>,
    met: bool,
}

impl Verdict {
    /// `None` if there was nothing to judge.
    pub(crate) fn met(&self) -> Option<bool> {
        self.value.map(|_| self.met)
    }

    /// `target <= 0.10 x std: 0.031, met`.
    pub(crate) fn line(&self) -> String {
        let judged = match &self.shown {
            Some(value) => format!("{value}, {}", if self.met { "met" } else { "missed" }),
            None => "not measured".to_string(),
        };
        format!("target {}: {judged}", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Unit = Unit::NanosPer("call");
    const RATE: Unit = Unit::PerSecond("tasks");

    fn line(target: Target, unit: Unit, ours: f64, peer: Option<f64>) -> (String, Option<bool>) {
        let verdict = target.judge(unit, |name| if name == OURS { Some(ours) } else { peer });
        (verdict.line(), verdict.met())
    }

    #[test]
    fn a_ratio_is_met_up_to_its_limit_in_both_directions() {
        let target = Target::beside("peer", 0.5, Placement::ALL);
        let met = ("target <= 0.50 x peer: 0.500, met".to_string(), Some(true));
        assert_eq!(line(target, TIME, 5.0, Some(10.0)), met);
        assert_eq!(line(target, RATE, 20.0, Some(10.0)), met);
        let missed = ("target <= 0.50 x peer: 0.510, missed".to_string(), Some(false));
        assert_eq!(line(target, TIME, 5.1, Some(10.0)), missed);
    }

    #[test]
    fn a_figure_of_its_own_is_a_ceiling_for_times_and_a_floor_for_rates() {
        let target = Target::alone(2e6, Placement::ALL);
        assert_eq!(line(target, RATE, 2e6, None).1, Some(true));
        let missed = ("target >= 2.00 M tasks/s: 1.90 M, missed".to_string(), Some(false));
        assert_eq!(line(target, RATE, 1.9e6, None), missed);
        let target = Target::alone(1.0, Placement::ALL);
        assert_eq!(
            line(target, TIME, 0.4, None),
            ("target <= 1.00 ns/call: 0.400, met".to_string(), Some(true))
        );
        assert_eq!(line(target, TIME, 1.01, None).1, Some(false));
    }

    #[test]
    fn a_peer_without_a_figure_leaves_nothing_to_judge() {
        let target = Target::beside("peer", 0.5, Placement::ALL);
        assert_eq!(line(target, TIME, 5.0, None), ("target <= 0.50 x peer: not measured".to_string(), None));
    }
}
