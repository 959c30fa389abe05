//! What ours is to come to in a bench, and whether it does.

use crate::placement::Placement;
use crate::registry::{OURS, Unit};
use crate::report::figure;
use crate::stats::Summary;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where it holds.
    pub(crate) placements: &'static [Placement],
    /// Whose it is: [`OURS`], or the name of another contender that is ours too.
    subject: &'static str,
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// The ratio of ours to this contender, at most.
    Beside { peer: &'static str, most: f64 },
    /// Ours by itself in the unit of the bench: at most, or at least if higher is better.
    Alone(f64),
    /// The same of the worst of its rounds.
    EachRound(f64),
}

impl Target {
    /// Ours is at most so many times this peer's: of rates the peer's is that of ours.
    pub(crate) const fn beside(peer: &'static str, most: f64, placements: &'static [Placement]) -> Self {
        Self { placements, subject: OURS, limit: Limit::Beside { peer, most } }
    }

    /// Ours is this or better, whatever the others have.
    pub(crate) const fn alone(limit: f64, placements: &'static [Placement]) -> Self {
        Self { placements, subject: OURS, limit: Limit::Alone(limit) }
    }

    /// Ours is this or better in each round that counts.
    pub(crate) const fn each_round(limit: f64, placements: &'static [Placement]) -> Self {
        Self { placements, subject: OURS, limit: Limit::EachRound(limit) }
    }

    /// The same of another contender that is ours.
    pub(crate) const fn of(self, subject: &'static str) -> Self {
        Self { subject, ..self }
    }

    #[cfg(test)]
    pub(crate) fn peer(&self) -> Option<&'static str> {
        match self.limit {
            Limit::Beside { peer, .. } => Some(peer),
            Limit::Alone(_) | Limit::EachRound(_) => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn subject(&self) -> &'static str {
        self.subject
    }

    /// `summary` is what a contender came to, if it has any figure. What was done with the core to itself counts, where that is
    /// known of all it takes: what a neighbour does there is no property of a lock.
    pub(crate) fn judge(&self, unit: Unit, summary: impl Fn(&str) -> Option<Summary>) -> Verdict {
        let all = self.value(unit, |name| Some(self.of_all(unit, &summary(name)?)));
        let own = self.value(unit, |name| summary(name)?.own_core).filter(|_| !self.is_of_each_round());
        let value = own.or(all);
        Verdict {
            target: self.label(unit),
            shown: value.map(|value| self.shown(value)),
            in_all: own.and(all).map(|value| self.shown(value)),
            met: value.is_some_and(|value| self.is_met(unit, value)),
            value,
        }
    }

    fn is_of_each_round(&self) -> bool {
        matches!(self.limit, Limit::EachRound(_))
    }

    /// What stands for all rounds: the one in the middle, or the worst one.
    fn of_all(&self, unit: Unit, summary: &Summary) -> f64 {
        if !self.is_of_each_round() {
            summary.median
        } else if unit.is_better_lower() {
            summary.max
        } else {
            summary.min
        }
    }

    /// The figure that is limited.
    fn value(&self, unit: Unit, figure: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let ours = figure(self.subject)?;
        match self.limit {
            Limit::Beside { peer, .. } => Some(unit.ratio(ours, figure(peer)?)),
            Limit::Alone(_) | Limit::EachRound(_) => Some(ours),
        }
    }

    fn is_met(&self, unit: Unit, value: f64) -> bool {
        match self.limit {
            Limit::Beside { most, .. } => value <= most,
            // As a ratio, "better" is "below" for rates too.
            Limit::Alone(limit) | Limit::EachRound(limit) => unit.ratio(value, limit) <= 1.0,
        }
    }

    /// `<= 0.10 x std`, `<= 1.00 ns/look`, `ours.private >= 1.00 of windows in each round`.
    fn label(&self, unit: Unit) -> String {
        let sign = if unit.is_better_lower() { "<=" } else { ">=" };
        let alone = |limit| format!("{sign} {} {}", figure(limit), unit.label());
        let label = match self.limit {
            Limit::Beside { peer, most } => format!("<= {most:.2} x {peer}"),
            Limit::Alone(limit) => alone(limit),
            Limit::EachRound(limit) => format!("{} in each round", alone(limit)),
        };
        if self.subject == OURS { label } else { format!("{} {label}", self.subject) }
    }

    fn shown(&self, value: f64) -> String {
        match self.limit {
            Limit::Beside { .. } => format!("{value:.3}"),
            Limit::Alone(_) | Limit::EachRound(_) => figure(value),
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
    /// The same of all that was done, if what was judged is what was done with the core to itself.
    in_all: Option<String>,
    met: bool,
}

impl Verdict {
    /// `None` if there was nothing to judge.
    pub(crate) fn met(&self) -> Option<bool> {
        self.value.map(|_| self.met)
    }

    /// Whether what was done with the core to itself was judged.
    pub(crate) fn is_of_own_core(&self) -> bool {
        self.in_all.is_some()
    }

    /// `target <= 0.10 x std: 0.031, met`.
    pub(crate) fn line(&self) -> String {
        let judged = match &self.shown {
            Some(value) => format!("{value}, {}", if self.met { "met" } else { "missed" }),
            None => "not measured".to_string(),
        };
        let in_all = self.in_all.as_ref().map(|all| format!(" (with the core to itself; in all {all})"));
        format!("target {}: {judged}{}", self.target, in_all.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Unit = Unit::NanosPer("call");
    const RATE: Unit = Unit::PerSecond("tasks");

    fn line(target: Target, unit: Unit, ours: f64, peer: Option<f64>) -> (String, Option<bool>) {
        let of = |median| Summary { median, min: median, max: median, own_core: None, windows: None };
        let verdict = target.judge(unit, |name| if name == OURS { Some(of(ours)) } else { peer.map(of) });
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
    fn a_limit_in_each_round_is_held_by_the_worst_one_in_both_directions() {
        let summary = Summary { median: 5.0, min: 4.0, max: 6.0, own_core: Some(5.0), windows: None };
        let line =
            |limit, unit| Target::each_round(limit, Placement::ALL).judge(unit, |_| Some(summary)).line();
        assert_eq!(line(6.0, TIME), "target <= 6.00 ns/call in each round: 6.00, met");
        assert_eq!(line(5.9, TIME), "target <= 5.90 ns/call in each round: 6.00, missed");
        assert_eq!(line(4.0, RATE), "target >= 4.00 tasks/s in each round: 4.00, met");
        assert_eq!(line(4.1, RATE), "target >= 4.10 tasks/s in each round: 4.00, missed");
    }

    #[test]
    fn another_one_of_ours_is_judged_by_its_own_figure_and_named() {
        let target = Target::alone(0.5, Placement::ALL).of("peer");
        let met = ("target peer >= 0.500 share: 0.500, met".to_string(), Some(true));
        assert_eq!(line(target, Unit::Share, 0.1, Some(0.5)), met);
        assert_eq!(line(target, Unit::Share, 1.0, Some(0.0)).1, Some(false));
        assert_eq!(line(target, Unit::Share, 1.0, None).1, None);
    }

    #[test]
    fn what_was_done_with_the_core_to_itself_counts_where_it_is_known_of_both() {
        let of = |own_core| Summary { median: 10.0, min: 10.0, max: 10.0, own_core, windows: None };
        let judge = |ours, peer| {
            let target = Target::beside("peer", 0.5, Placement::ALL);
            target.judge(TIME, |name| Some(of(if name == OURS { ours } else { peer })))
        };
        let own = judge(Some(2.0), Some(5.0));
        assert_eq!(own.line(), "target <= 0.50 x peer: 0.400, met (with the core to itself; in all 1.000)");
        assert!(own.is_of_own_core());
        let all = judge(Some(2.0), None);
        assert_eq!(all.line(), "target <= 0.50 x peer: 1.000, missed");
        assert!(!all.is_of_own_core());
    }

    #[test]
    fn a_peer_without_a_figure_leaves_nothing_to_judge() {
        let target = Target::beside("peer", 0.5, Placement::ALL);
        assert_eq!(line(target, TIME, 5.0, None), ("target <= 0.50 x peer: not measured".to_string(), None));
    }
}
