//! Models of the cancellation, and the bugs that they find.

mod loom_cancel;
mod loom_timing;
