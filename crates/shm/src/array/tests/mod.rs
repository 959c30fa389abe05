//! Models of who has a part: every order in which those who send, receive and take back can meet.

mod loom_part;
mod loom_part_state;
mod loom_planted;
