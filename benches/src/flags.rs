//! What the benches do with a flag, whoever brings it: look at it, set and take it alone; two of them hand a turn to and fro.

use crate::Result;
use crate::alone;
use crate::handoff::Token;
use crate::session::{Setting, Start};

/// A flag that can be looked at without waiting. Giving sets it; taking waits for it and clears it.
pub(crate) trait Look: Token {
    fn is_set(&self) -> bool;
}

/// Looks at a flag that is set.
pub(crate) fn look<F: Look>(_: &Setting, flag: Result<&'static F>) -> Result<Start> {
    let flag = flag?;
    flag.give();
    alone::looks(Ok(flag), F::is_set)
}

/// Sets it and takes it, with nobody else there.
pub(crate) fn uncontended<F: Token>(_: &Setting, flag: Result<&'static F>) -> Result<Start> {
    let set_and_take = |flag: &F| {
        flag.give();
        flag.take();
    };
    alone::operations(flag, set_and_take, |_| Ok(()))
}
