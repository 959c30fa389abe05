//! What a part of a scenario waits for.

use std::time::Duration;

use crate::until::holds_within;

/// Less than a stage waits for a part, so that the part itself says what has not come true.
const LIMIT: Duration = Duration::from_secs(5);

/// As [`eventually`](crate::eventually), in a part of a scenario.
///
/// # Panics
///
/// If `condition` does not come true within 5 s.
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_within(LIMIT, condition), "this does not come true within {LIMIT:?}: {what}");
}
