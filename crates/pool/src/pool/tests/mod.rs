//! Models of the waiting logic: every order in which its threads can meet, up to a number of preemptions.

mod kernel;
mod loom_attendant;
mod loom_planted;
mod loom_role;
mod model;
