//! A round in windows: what each of two sides got done in each, how evenly they shared it, and whether both got on.

use std::time::Duration;

use serde::Serialize;

use crate::stats::median;

/// How long a window is, and a little longer: whoever cuts them has to wake up.
pub(crate) const LENGTH: Duration = Duration::from_millis(60);

/// One that came out longer is not counted: who starves for the length of a window might not be seen in it.
const LONGEST: Duration = Duration::from_millis(90);

/// What each side has got done up to some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Duration,
    pub(crate) done: [u64; 2],
}

/// The operations of each side in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window(pub(crate) [u64; 2]);

/// Those between one reading and the next that are not too long.
pub(crate) fn between(readings: &[Reading]) -> Vec<Window> {
    let pairs = readings.windows(2).map(|pair| (pair[0], pair[1]));
    let counted = pairs.filter(|(from, to)| to.at.saturating_sub(from.at) <= LONGEST);
    counted.map(|(from, to)| Window([0, 1].map(|side| to.done[side] - from.done[side]))).collect()
}

impl Window {
    /// Operations of the slower side / half of all: 1 if both did as many, 0 if one did none, or both.
    fn share(self) -> f64 {
        let [one, other] = self.0.map(|operations| operations as f64);
        if one + other > 0.0 { 2.0 * one.min(other) / (one + other) } else { 0.0 }
    }

    fn both_got_on(self) -> bool {
        self.0.iter().all(|operations| *operations > 0)
    }
}

/// The slower side's share in the window in the middle; `None` without windows.
pub(crate) fn share(windows: &[Window]) -> Option<f64> {
    median(&mut windows.iter().map(|window| window.share()).collect::<Vec<_>>())
}

/// The part of the windows in which both sides got something done; `None` without windows.
pub(crate) fn progress(windows: &[Window]) -> Option<f64> {
    part(windows, |window| window.both_got_on())
}

fn part(windows: &[Window], holds: impl Fn(Window) -> bool) -> Option<f64> {
    let holding = windows.iter().filter(|window| holds(**window)).count();
    (!windows.is_empty()).then(|| holding as f64 / windows.len() as f64)
}

/// What the windows of all rounds came to, which the figures of rounds do not show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Extremes {
    /// The slower side's share where it was least.
    pub(crate) least_share: f64,
    pub(crate) sides: [Side; 2],
}

/// One side in the windows of all rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Side {
    /// The part of the windows in which it got something done.
    pub(crate) progress: f64,
    /// Its operations where they were fewest.
    pub(crate) fewest: u64,
}

impl Extremes {
    /// `None` without windows.
    pub(crate) fn of(windows: &[Window]) -> Option<Self> {
        let least_share = windows.iter().map(|window| window.share()).min_by(f64::total_cmp)?;
        let side = |side: usize| {
            let fewest = windows.iter().map(|window| window.0[side]).min()?;
            Some(Side { progress: part(windows, |window| window.0[side] > 0)?, fewest })
        };
        Some(Self { least_share, sides: [side(0)?, side(1)?] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows<const N: usize>(operations: [[u64; 2]; N]) -> [Window; N] {
        operations.map(Window)
    }

    #[test]
    fn a_share_is_of_an_even_half_whichever_side_is_slower() {
        for (operations, share) in
            [([5, 5], 1.0), ([25, 75], 0.5), ([75, 25], 0.5), ([9, 1], 0.2), ([0, 7], 0.0), ([7, 0], 0.0)]
        {
            assert_eq!(Window(operations).share(), share, "{operations:?}");
        }
        assert_eq!(Window([u64::MAX, u64::MAX]).share(), 1.0);
    }

    #[test]
    fn where_nobody_got_anything_done_nobody_shared() {
        assert_eq!(Window([0, 0]).share(), 0.0);
        assert!(!Window([0, 0]).both_got_on());
    }

    #[test]
    fn the_share_of_a_round_is_that_of_its_middle_window() {
        assert_eq!(share(&windows([[0, 9], [5, 5], [25, 75]])), Some(0.5));
        assert_eq!(share(&windows([[5, 5], [75, 25]])), Some(0.75));
        assert_eq!(share(&[]), None);
    }

    #[test]
    fn progress_is_that_of_both_in_a_window() {
        assert_eq!(progress(&windows([[1, 1_000_000], [0, 5], [5, 0], [3, 4]])), Some(0.5));
        assert_eq!(progress(&windows([[1, 1]])), Some(1.0));
        assert_eq!(progress(&[]), None);
    }

    #[test]
    fn the_extremes_are_of_all_windows() {
        let found = Extremes::of(&windows([[50, 50], [30, 90], [0, 80], [20, 60]])).unwrap();
        assert_eq!(found.least_share, 0.0);
        assert_eq!(found.sides, [Side { progress: 0.75, fewest: 0 }, Side { progress: 1.0, fewest: 50 }]);
        assert_eq!(Extremes::of(&windows([[50, 50], [30, 90]])).unwrap().least_share, 0.5);
        assert_eq!(Extremes::of(&[]), None);
    }

    #[test]
    fn a_window_is_what_was_done_between_two_readings_unless_it_came_out_too_long() {
        let reading = |millis, done| Reading { at: Duration::from_millis(millis), done };
        let readings =
            [reading(1, [100, 7]), reading(61, [150, 7]), reading(152, [900, 900]), reading(242, [901, 903])];
        assert_eq!(between(&readings), windows([[50, 0], [1, 3]]));
        assert_eq!(between(&readings[..1]), []);
        assert_eq!(between(&[]), []);
    }
}
