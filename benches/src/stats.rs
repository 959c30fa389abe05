//! What a contender's rounds come to: the median, and how far they lie apart.

use std::time::Duration;

use crate::neighbour;
use crate::windows::{Extremes, Window};

/// The figure of one round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Played {
    pub(crate) value: f64,
    /// That of what was done with the core to itself, and the quickest probe of the core.
    pub(crate) own_core: Option<(f64, Duration)>,
    /// The windows that it was cut into, if it was.
    pub(crate) windows: Vec<Window>,
}

impl Played {
    #[cfg(test)]
    pub(crate) fn plain(value: f64) -> Self {
        Self { value, own_core: None, windows: Vec::new() }
    }

    /// The quickest probe of a core in rounds of whomever.
    pub(crate) fn quickest_probe<'a>(rounds: impl Iterator<Item = &'a Self>) -> Duration {
        rounds.filter_map(|round| round.own_core).map(|(_, probe)| probe).min().unwrap_or_default()
    }
}

/// Never made from no values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The median of what was done with the core to itself.
    pub(crate) own_core: Option<f64>,
    /// Of the windows of all rounds, if these were cut into some.
    pub(crate) windows: Option<Extremes>,
}

impl Summary {
    /// `None` without rounds. Where no probe was as quick as the quickest one of all contenders, nobody can tell whether the
    /// core was shared.
    pub(crate) fn of(rounds: &[Played], quickest_probe: Duration) -> Option<Self> {
        let mut values: Vec<_> = rounds.iter().map(|round| round.value).collect();
        let median = median(&mut values)?;
        let own = rounds.iter().filter_map(|round| round.own_core);
        let own = own.filter(|(_, probe)| neighbour::had_own_core(*probe, quickest_probe));
        let own_core = self::median(&mut own.map(|(value, _)| value).collect::<Vec<_>>());
        let windows: Vec<_> = rounds.iter().flat_map(|round| &round.windows).copied().collect();
        let windows = Extremes::of(&windows);
        Some(Self { median, min: *values.first()?, max: *values.last()?, own_core, windows })
    }
}

/// Sorts the values.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        Some(values[middle])
    } else {
        Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, values[middle]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        let of = |values: &[f64]| {
            let rounds: Vec<_> = values.iter().copied().map(Played::plain).collect();
            Summary::of(&rounds, Duration::ZERO)
        };
        let odd = of(&[9.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 9.0));
        let even = of(&[4.0, 100.0, 1.0, 2.0]).unwrap();
        assert_eq!((even.median, even.min, even.max), (3.0, 1.0, 100.0));
        assert_eq!(of(&[7.0]).unwrap().median, 7.0);
        assert_eq!(of(&[]), None);
        assert_eq!((odd.own_core, odd.windows), (None, None));
    }

    #[test]
    fn windows_are_looked_at_over_all_rounds() {
        let round = |value, windows: &[[u64; 2]]| {
            let windows = windows.iter().copied().map(Window).collect();
            Played { windows, ..Played::plain(value) }
        };
        let rounds = [round(1.0, &[[4, 4], [6, 6]]), round(0.5, &[[2, 6]])];
        let windows = Summary::of(&rounds, Duration::ZERO).unwrap().windows.unwrap();
        assert_eq!(windows.least_share, 0.5);
        assert_eq!(windows.sides.map(|side| side.fewest), [2, 4]);
    }

    #[test]
    fn a_core_counts_as_its_own_only_beside_the_quickest_probe_of_all() {
        let round = |value, own, probe| Played {
            own_core: Some((own, Duration::from_nanos(probe))),
            ..Played::plain(value)
        };
        let rounds = [round(9.0, 5.0, 2000), round(9.0, 6.0, 2010), round(9.0, 7.0, 3000)];
        let quickest = Played::quickest_probe(rounds.iter());
        assert_eq!(quickest, Duration::from_nanos(2000));
        assert_eq!(Summary::of(&rounds, quickest).unwrap().own_core, Some(5.5));
        let other = Duration::from_nanos(1000);
        assert_eq!(Summary::of(&rounds, other).unwrap().own_core, None);
    }
}
