//! What of the timers the model checker runs.

pub(crate) mod timing;
