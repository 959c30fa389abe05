//! Atomics and fences: the standard library's, or the model checker's.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // the one place that may

#[cfg(not(multiproc_loom))]
use std::sync::atomic as inner;

#[cfg(multiproc_loom)]
use loom::sync::atomic as inner;

use std::sync::atomic::Ordering;

#[cfg(multiproc_loom)]
use super::model::step;

/// In a model each access is a point at which its process can die; elsewhere nothing.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(crate) fn step() {}

macro_rules! atomic {
    ($name:ident, $int:ty) => {
        #[doc = concat!("The `", stringify!($name), "` of the standard library, or of the model checker.")]
        #[repr(transparent)]
        pub struct $name(inner::$name);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(0)
            }
        }

        #[allow(missing_docs)] // as in the standard library
        impl $name {
            #[cfg(not(multiproc_loom))]
            #[inline(always)]
            pub const fn new(value: $int) -> Self {
                Self(inner::$name::new(value))
            }

            #[cfg(multiproc_loom)]
            #[track_caller]
            pub fn new(value: $int) -> Self {
                Self(inner::$name::new(value))
            }

            #[cfg(not(multiproc_loom))]
            #[inline(always)]
            pub const fn as_ptr(&self) -> *mut $int {
                self.0.as_ptr()
            }

            #[inline(always)]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $int {
                step();
                self.0.load(order)
            }

            #[inline(always)]
            #[track_caller]
            pub fn store(&self, value: $int, order: Ordering) {
                step();
                self.0.store(value, order);
            }

            #[inline(always)]
            #[track_caller]
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                step();
                self.0.swap(value, order)
            }

            #[inline(always)]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                step();
                self.0.compare_exchange(current, new, success, failure)
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                step();
                self.0.fetch_add(value, order)
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                step();
                self.0.fetch_or(value, order)
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                step();
                self.0.fetch_and(value, order)
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_max(&self, value: $int, order: Ordering) -> $int {
                step();
                self.0.fetch_max(value, order)
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
atomic!(AtomicUsize, usize);

/// The `fence` of the standard library, or of the model checker.
#[inline(always)]
#[track_caller]
pub fn fence(order: Ordering) {
    inner::fence(order);
}
