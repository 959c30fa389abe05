//! Values of which every bit pattern is one: what `bool`, `char`, enums and `Option` cannot be in shared memory; and one that is never
//! torn.
//!
//! They lie behind a lock, whose guard gives `&mut`, and are no atomics: that two processes are never at one of them is the lock's
//! promise, which its own models show. What they add is the order of stores within one process that may die between any two, and that
//! the kills at every instruction show; a model checker has nothing to choose there.

pub(crate) mod boolean;
pub(crate) mod character;
pub(crate) mod enumeration;
pub(crate) mod journaled;
pub(crate) mod option;
mod order;
