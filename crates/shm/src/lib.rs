//! Typed memory that several processes share, and locks in it that survive the death of any of them.
//!
//! ```
//! use multiproc_shm::{Shared, ShmSafe};
//! use multiproc_sync::Mutex;
//!
//! #[derive(ShmSafe)]
//! #[repr(C)]
//! struct Totals {
//!     files: u64,
//!     bytes: u64,
//! }
//!
//! let totals = Shared::new(Mutex::new(Totals { files: 0, bytes: 0 }))?;
//! let mut held = totals.lock().unwrap(); // or see what `LockError` says of an owner that died
//! held.files += 1;
//! held.bytes += 4096;
//! assert_eq!((held.files, held.bytes), (1, 4096));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! - [`Shared`]: one value, in memory of its own; the handle travels inside messages and arguments of tasks.
//! - [`SharedMemory`]: plain bytes below it.
//! - [`RawView`]: numbers in memory that anybody may write, CPython for one, as an array of any shape.
//! - [`names`]: segments with names, for programs that know nothing of each other.
//! - [`ShmSafe`]: what may lie there; derive it.
//! - [`SharedList`]: CPython's `ShareableList`.
//! - [`SharedHeap`]: named segments and lists that end together.
//! - [`ShmBool`], [`ShmChar`], [`ShmEnum`], [`ShmOption`]: what stands there for types of which not every byte pattern is a value.
//! - [`Journaled`]: a value that no death tears.
//! - [`family`]: the processes that trust each other with it.
//! - [`transfer`]: for those who write handles of their own, or carry messages.
//!
//! Linux only.
#![cfg(not(multiproc_loom))] // a model maps no memory

mod error;
pub mod family;
mod header;
mod heap;
pub mod list;
mod memory;
mod named;
pub mod names;
mod planted;
mod raw;
mod room;
mod shared;
mod shared_message;
mod sys;
pub mod transfer;
mod values;

pub use multiproc_macros::{ShmSafe, ShmVariants};
pub use multiproc_sync::shm_safe::{Layout, PlaceError, Placement, ShmPlain, ShmSafe};

pub use self::error::{FamilyError, ShmError};
pub use self::heap::SharedHeap;
pub use self::list::SharedList;
pub use self::memory::SharedMemory;
pub use self::raw::{MAX_DIMS, RawElement, RawInteger, RawView, Values, ViewError};
pub use self::shared::Shared;
pub use self::values::boolean::ShmBool;
pub use self::values::character::{ShmChar, UnknownChar};
pub use self::values::enumeration::{ShmEnum, ShmVariants, UnknownVariant};
pub use self::values::journaled::Journaled;
pub use self::values::option::ShmOption;

#[doc(hidden)]
#[cfg(multiproc_planted)]
pub use self::planted::plant;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
