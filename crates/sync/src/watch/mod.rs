//! What is known of named locks while they are in use.

mod bucket;
pub(crate) mod stats;
