//! The benches, a file for each group.

pub(crate) mod arena;
pub(crate) mod array;
pub(crate) mod barrier;
pub(crate) mod condvar;
pub(crate) mod event;
pub(crate) mod latch;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod permit;
pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod reentrant;
pub(crate) mod rwlock;
pub(crate) mod segment;
pub(crate) mod selftest;
pub(crate) mod semaphore;
pub(crate) mod thread;
pub(crate) mod value;
pub(crate) mod wait_group;
pub(crate) mod watched;

use crate::Result;
use crate::placement::Placement;
use crate::target::Target;

/// One thing that is done with what each contender brings, and then contenders that do it in their own way.
macro_rules! contenders {
    ($run:path { $($name:expr => $brought:expr,)* } $($other:expr,)*) => {
        &[$(Contender::new($name, |setting| $run(setting, $brought)),)* $($other,)*]
    };
}
use contenders;

/// A contender that computes something else is not measured.
pub(crate) fn agree(got: u64, wanted: u64) -> Result<()> {
    if got == wanted { Ok(()) } else { Err(format!("it answered {got} where {wanted} is right").into()) }
}

/// What the slower of two sides is to get at least: half of an even share, where the other one gets three times as much.
const SHARE: Target = Target::alone(0.5, Placement::ALL);

/// The same of both kinds of ours that threads can have.
const fn shares_of_threads() -> [Target; 2] {
    [SHARE, SHARE.of("ours.private")]
}

/// What a hand-off between threads is to come to: a fraction of std's with a core for each side, where spinning saves a wake-up,
/// and about parking_lot's on one core, where it saves nothing.
const fn hand_off(std: &'static str, parking_lot: &'static str) -> [Target; 2] {
    [
        Target::beside(std, 0.1, Placement::ONLY_TWO_CORES),
        Target::beside(parking_lot, 1.1, Placement::ONLY_ONE_CORE),
    ]
}
