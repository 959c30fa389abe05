//! What the windows of all rounds came to, in lines below the rows of a bench.

use super::figure;
use crate::registry::Unit;
use crate::run::Outcome;
use crate::windows::Extremes;

/// None, if the unit asks for no windows, or nobody has any.
pub(super) fn lines(outcome: &Outcome) -> Vec<String> {
    let rows = || {
        let rows = outcome.rows.iter();
        rows.filter_map(|(name, result)| Some((*name, result.as_ref().ok()?.windows?)))
    };
    let line = |head: &str, shown: &dyn Fn(Extremes) -> String| {
        let shown: Vec<_> = rows().map(|(name, windows)| format!("{name} {}", shown(windows))).collect();
        (!shown.is_empty()).then(|| format!("{head}: {}", shown.join(", ")))
    };
    match outcome.bench.unit {
        Unit::Share => line("least window", &|windows| figure(windows.least_share)).into_iter().collect(),
        Unit::Progress(names) => {
            let lines = names.into_iter().enumerate().filter_map(|(side, name)| {
                let shown = |windows: Extremes| {
                    let side = windows.sides[side];
                    format!("{} (least {})", figure(side.progress), count(side.fewest))
                };
                line(&format!("{name} got on in"), &shown)
            });
            lines.collect()
        }
        _ => Vec::new(),
    }
}

/// Whole while it is small.
fn count(operations: u64) -> String {
    if operations < 1000 { operations.to_string() } else { figure(operations as f64) }
}
