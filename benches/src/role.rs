//! What this process is, decided before anything else: a child that a contender started must pass its own hook only.

use std::env;

/// The argument of a child that is to end as soon as it is in `main`: the bare cost of starting this image.
pub(crate) const END_AT_ONCE: &str = "--end-at-once";

/// The variable that procspawn sets in its children, and removes in them.
const PROCSPAWN_CHILD: &str = "__PROCSPAWN_CONTENT_PROCESS_ID";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The bench program itself, one of its contenders, or a child made by multiproc: its hook tells them apart.
    Program,
    EndAtOnce,
    ProcspawnChild,
}

impl Role {
    pub(crate) fn of_this_process() -> Self {
        if env::args_os().nth(1).is_some_and(|argument| argument == END_AT_ONCE) {
            Self::EndAtOnce
        } else if env::var_os(PROCSPAWN_CHILD).is_some() {
            Self::ProcspawnChild
        } else {
            Self::Program
        }
    }
}
