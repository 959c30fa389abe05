//! Models of an arena: every order in which its processes can meet, up to a number of preemptions, and a death before any step.

mod loom_arena;
mod loom_arena_message;
mod loom_planted;
mod model;
