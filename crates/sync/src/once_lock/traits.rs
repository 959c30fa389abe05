//! What a cell has in common with the standard library's: it is shown, compared and copied as its value.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::OnceLock;
use super::slot::Slot;
use crate::Once;
use crate::primitive::UnsafeCell;

impl<T> Default for OnceLock<T> {
    /// Without a value.
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    /// With this value.
    fn from(value: T) -> Self {
        Self { once: Once::completed(), slot: UnsafeCell::new(Slot::Full(value)) }
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    /// Another cell, with a copy of the value if there is one now.
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => shown.field(value).finish(),
            None => shown.field(&format_args!("<no value>")).finish(),
        }
    }
}

// A panic leaves no value, or a whole one.
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
