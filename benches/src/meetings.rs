//! What the benches do with a barrier alone: its only party comes to it.

use crate::Result;
use crate::alone;
use crate::handoff::Turns;
use crate::session::{Setting, Start};

pub(crate) fn of_one<B: Turns>(_: &Setting, barrier: Result<&'static B>) -> Result<Start> {
    alone::operations(barrier, |barrier: &B| barrier.take(0), |_| Ok(()))
}
