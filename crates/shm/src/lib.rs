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
//! - [`SharedArray`]: elements that many processes read, write, count in or share out, without a copy.
//! - [`SharedValue`]: one value that is read and changed under its own lock; a writer that is killed leaves the old value.
//! - [`SharedMemory`]: plain bytes below it.
//! - [`RawView`]: numbers in memory that anybody may write, CPython for one, as an array of any shape.
//! - [`names`]: segments with names, for programs that know nothing of each other.
//! - [`ShmSafe`]: what may lie there; derive it.
//! - [`Arena`]: values that processes allocate and hand to each other without a copy.
//! - [`SharedList`]: CPython's `ShareableList`.
//! - [`SharedHeap`]: named segments and lists that end together.
//! - [`ShmBool`], [`ShmChar`], [`ShmEnum`], [`ShmOption`]: what stands there for types of which not every byte pattern is a value.
//! - [`Journaled`]: a value that no death tears.
//! - [`family`]: the processes that trust each other with it.
//! - [`transfer`]: for those who write handles of their own, or carry messages.
//!
//! Linux only.

#[cfg(not(multiproc_loom))]
mod arena;
#[cfg(multiproc_loom)]
#[path = "arena/modelled.rs"]
mod arena;
#[cfg(not(multiproc_loom))]
mod array;
#[cfg(multiproc_loom)]
#[path = "array/modelled.rs"]
mod array;
#[cfg(not(multiproc_loom))]
mod arrivals;
#[cfg(not(multiproc_loom))]
mod error;
#[cfg(not(multiproc_loom))]
pub mod family;
#[cfg(not(multiproc_loom))]
mod header;
#[cfg(not(multiproc_loom))]
mod heap;
#[cfg(not(multiproc_loom))]
mod holding;
#[cfg(not(multiproc_loom))]
pub mod list;
#[cfg(not(multiproc_loom))]
mod memory;
#[cfg(not(multiproc_loom))]
mod named;
#[cfg(not(multiproc_loom))]
pub mod names;
mod planted;
#[cfg(not(multiproc_loom))]
mod raw;
#[cfg(not(multiproc_loom))]
mod room;
#[cfg(not(multiproc_loom))]
mod shared;
#[cfg(not(multiproc_loom))]
mod shared_message;
#[cfg(not(multiproc_loom))]
mod shared_value;
#[cfg(not(multiproc_loom))]
mod sys;
#[cfg(not(multiproc_loom))]
pub mod transfer;
#[cfg(not(multiproc_loom))]
mod values;

#[cfg(not(multiproc_loom))] // a model maps no memory
pub use {
    self::arena::{
        AllocError, Arena, ArenaBox, ArenaContent, ArenaError, ArenaParcel, ParcelError, ParcelSent,
    },
    self::array::{
        ArrayMode, ArrayPart, ArrayReadGuard, ArrayWriteGuard, AtomicArray, AtomicElement, Chunks, JoinError,
        MAX_PARTS, ModeError, PartReadGuard, SharedArray, Split,
    },
    self::error::{FamilyError, ShmError},
    self::heap::SharedHeap,
    self::list::SharedList,
    self::memory::SharedMemory,
    self::raw::{MAX_DIMS, RawElement, RawInteger, RawView, Values, ViewError},
    self::shared::Shared,
    self::shared_value::{SharedValue, ValueError},
    self::values::boolean::ShmBool,
    self::values::character::{ShmChar, UnknownChar},
    self::values::enumeration::{ShmEnum, ShmVariants, UnknownVariant},
    self::values::journaled::Journaled,
    self::values::option::ShmOption,
    multiproc_macros::{ShmSafe, ShmVariants},
    multiproc_sync::shm_safe::{Layout, PlaceError, Placement, ShmPlain, ShmSafe},
};

#[doc(hidden)]
#[cfg(all(multiproc_planted, not(multiproc_loom)))]
pub use self::planted::plant;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
