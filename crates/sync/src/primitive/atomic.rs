//! Atomics and fences: the standard library's, or the model checker's.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // the one place that may

#[cfg(not(multiproc_loom))]
use std::sync::atomic as inner;

#[cfg(multiproc_loom)]
use loom::sync::atomic as inner;

use std::sync::atomic::Ordering;

#[cfg(multiproc_loom)]
use super::model::goes_on;

/// In a model each access is a point at which its process can die, and a thread that is dead does nothing: its loads find 0,
/// its exchanges succeed, so that no destructor of it goes on for ever. On a machine a constant.
#[cfg(not(multiproc_loom))]
#[inline(always)]
const fn goes_on() -> bool {
    true
}

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

            /// Whose accesses are no steps: the kernel's.
            #[cfg(multiproc_loom)]
            #[allow(dead_code)] // not of every size
            pub(super) fn raw(&self) -> &inner::$name {
                &self.0
            }

            #[cfg(not(multiproc_loom))]
            #[inline(always)]
            pub const fn as_ptr(&self) -> *mut $int {
                self.0.as_ptr()
            }

            #[inline(always)]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $int {
                if goes_on() { self.0.load(order) } else { 0 }
            }

            #[inline(always)]
            #[track_caller]
            pub fn store(&self, value: $int, order: Ordering) {
                if goes_on() {
                    self.0.store(value, order);
                }
            }

            #[inline(always)]
            #[track_caller]
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.swap(value, order) } else { 0 }
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
                if goes_on() { self.0.compare_exchange(current, new, success, failure) } else { Ok(current) }
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.fetch_add(value, order) } else { 0 }
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.fetch_sub(value, order) } else { 0 }
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.fetch_or(value, order) } else { 0 }
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.fetch_and(value, order) } else { 0 }
            }

            #[inline(always)]
            #[track_caller]
            pub fn fetch_max(&self, value: $int, order: Ordering) -> $int {
                if goes_on() { self.0.fetch_max(value, order) } else { 0 }
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
    if goes_on() {
        inner::fence(order);
    }
}
