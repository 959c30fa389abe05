//! What a family's registry and its locks tell one who is no member: who is there, who holds which lock, and who waits for it.
//!
//! For tools that look at programs from outside, as the command `multiproc` does. Nothing is mapped and nothing is believed: all is read by
//! copies, from a [`Source`], as strangers' bytes may be anything and change at any time. What contradicts itself is an error that says
//! what, or is left out; every number is compared with its bounds, so that hostile bytes cost no more memory or time than a full registry, and
//! [`MOST_FOUND`] locks in a segment, which lie beside each other and have no more readers in all than the segment has room for.
//! What they can do is to name wrong processes: where it matters, compare with what the kernel says.
//!
//! Where the family's programs have the features `deadlock` or `contention`, each of their threads tells what it holds and, with `deadlock`,
//! what it waits for, and where in the source ([`Thread`]). This program needs none of the two for it. Without them there are the locks
//! themselves ([`Snapshot::locks_in`], [`Snapshot::lock_slept_on`]), whose words name their owners.
//!
//! ```no_run
//! use multiproc_sync::registry::inspect::Snapshot;
//!
//! let registry = std::fs::File::open("/proc/4711/fd/5")?;
//! for thread in Snapshot::read(&registry)?.threads() {
//!     println!("{} of {} holds {} locks", thread.tid, thread.pid, thread.holds.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub(crate) mod layout;
mod lock;
mod members;
mod scan;
mod snapshot;
mod source;
mod thread;
mod told;

pub use self::error::InspectError;
pub use self::lock::{Condition, Holder, Kind, Lock};
pub use self::members::{Life, Member};
pub use self::scan::{LOOKED_THROUGH, MOST_FOUND, Scan};
pub use self::snapshot::Snapshot;
pub use self::source::Source;
pub use self::thread::{Hold, LockKey, Thread, Wait};
pub use crate::deadlock::Access;
