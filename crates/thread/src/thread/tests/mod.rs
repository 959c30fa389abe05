//! Models of how threads meet: every order of their steps, up to a number of preemptions.

mod loom_phase;
mod loom_roll;
