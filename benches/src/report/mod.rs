//! How results are shown.

mod figure;
pub(crate) mod json;
pub(crate) mod table;
mod windows;

use std::collections::BTreeSet;

use crate::Result;
use crate::registry;
use crate::run::Outcome;

pub(crate) use figure::figure;

/// A form of output.
pub(crate) trait Report {
    /// `missing` says which contenders are left out, and why.
    fn begin(&mut self, missing: &BTreeSet<&'static str>) -> Result<()>;

    fn outcome(&mut self, outcome: &Outcome) -> Result<()>;

    /// After the last outcome.
    fn end(&mut self) -> Result<()>;
}

/// Prints the names of the benches.
pub(crate) fn list() {
    let name = registry::all().map(|bench| bench.name.len()).max().unwrap_or_default();
    let unit = registry::all().map(|bench| bench.unit.label().len()).max().unwrap_or_default();
    for bench in registry::all() {
        let placements: Vec<_> = bench.placements.iter().map(|placement| placement.name()).collect();
        println!(
            "{:name$}  {:unit$}  {} [{}]",
            bench.name,
            bench.unit.label(),
            bench.about,
            placements.join(", ")
        );
    }
}
