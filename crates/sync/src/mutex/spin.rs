//! The short wait before a locker goes to the kernel.
//!
//! A locker that spins looks seldom: each look takes the lock's cache line from its owner, whose next release then waits for
//! it to come back. With a look after each pause two threads on two cores that did nothing but lock took 20 ns a turn, with these
//! plans 6 (and the unfair `parking_lot` 10).

use std::hint;

/// Pauses before each look. A pause takes 10 to 40 ns.
type Plan = &'static [u32];

/// About what it costs to sleep and be woken by another thread of this process.
pub(super) const PRIVATE: Plan = &[32, 64, 128];

/// Longer: there the lock is held until the kernel has looked for a sleeper, and once somebody has slept each release asks it.
pub(super) const ROBUST: Plan = &[32, 64, 128, 128, 128, 128, 128, 128];

/// What is left of one locker's spinning.
#[derive(Debug)]
pub(super) struct Spin(std::slice::Iter<'static, u32>);

impl Spin {
    /// In a model none: each look would be one more order to try.
    pub(super) fn new(plan: Plan) -> Self {
        Self(if cfg!(multiproc_loom) { [].iter() } else { plan.iter() })
    }

    /// Pauses before the next look; `false`: go to the kernel.
    #[inline]
    pub(super) fn once(&mut self) -> bool {
        let Some(pauses) = self.0.next() else { return false };
        (0..*pauses).for_each(|_| hint::spin_loop());
        true
    }
}
