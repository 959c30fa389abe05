//! How results are shown.

pub(crate) mod json;
pub(crate) mod table;

use std::collections::BTreeSet;

use crate::Result;
use crate::registry;
use crate::run::Outcome;

/// A form of output.
pub(crate) trait Report {
    /// `missing` says which contenders are left out, and why.
    fn begin(&mut self, missing: &BTreeSet<&'static str>) -> Result<()>;

    fn outcome(&mut self, outcome: &Outcome) -> Result<()>;
}

/// Prints the names of the benches.
pub(crate) fn list() {
    for bench in registry::all() {
        let placements: Vec<_> = bench.placements.iter().map(|placement| placement.name()).collect();
        println!("{:<16} {:<10} {} [{}]", bench.name, bench.unit.label(), bench.about, placements.join(", "));
    }
}
