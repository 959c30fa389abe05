//! How often, and for how long, named locks are waited for and held, by all processes of a family: feature `contention`.
//!
//! ```
//! use multiproc_sync::{Mutex, contention};
//!
//! let orders = Mutex::new(0);
//! orders.set_name("orders")?;
//! std::thread::scope(|scope| {
//!     for _ in 0..2 {
//!         scope.spawn(|| (0..1000).for_each(|_| *orders.lock().unwrap() += 1));
//!     }
//! });
//!
//! let report = contention::report();
//! println!("{report}"); // a table: the lock that was waited for longest comes first
//! let counts = report.lock("orders").expect("it was taken").total();
//! assert_eq!((counts.acquisitions, counts.holds.count()), (2000, 2000));
//! assert!(counts.contended() <= 2000);
//! # Ok::<(), multiproc_sync::NameError>(())
//! ```
//!
//! The table, of a program with two locks:
//!
//! ```text
//! lock    call site         access    taken  waited  wait p50      p99    total  hold p50      p99    total
//! orders  all 2                     120 004  12.3 %   1.21 µs  15.9 µs  19.8 ms     78 ns   122 ns  9.21 ms
//!         src/main.rs:41:9  alone   120 000  12.3 %   1.21 µs  15.9 µs  19.8 ms     78 ns   122 ns  9.20 ms
//!         src/main.rs:57:5  alone         4   0.0 %         -        -        -   1.54 µs  2.00 µs  6.10 µs
//! table   src/main.rs:62:5  shared    1 000   0.0 %         -        -        -     49 ns    63 ns  51.2 µs
//! ```
//!
//! # What is counted
//!
//! Of each [`Mutex`](crate::Mutex), [`ReentrantMutex`](crate::ReentrantMutex) and [`RwLock`](crate::RwLock) that has a name by `set_name`, for each
//! place in the source that takes it:
//!
//! - An *acquisition*, when the lock is taken. It has *waited* if the first try has failed; the wait is from then until it had the lock,
//!   awake or asleep. One that gave up, or tried in vain, has acquired nothing, and is not counted.
//! - A *hold*, when it is over: from when the lock was taken until it is about to be released.
//! - To wait for a [`Condvar`](crate::Condvar) ends one hold, and begins another when the lock is taken again, at the place of the wait. Only
//!   waiting for the lock counts as such, not waiting for the condition.
//! - Of a reentrant mutex the outermost level counts, and of a thread that reads again while it reads, the first reading.
//! - Of an `RwLock` readers count apart from writers: [`Access`]. To [downgrade](crate::RwLockWriteGuard::downgrade) ends a hold as a writer,
//!   and is an acquisition as a reader, at its own place.
//!
//! The place is that of the call in your source, also where it goes through [`Acquirable`](crate::Acquirable). A function of yours that takes a
//! lock for its callers can be `#[track_caller]` too.
//!
//! # What is not
//!
//! Locks without a name, and what was done with one before it had its name. Holds that are not over. Holds of a thread beyond 40 at a time,
//! whose acquisitions are counted. A lock and a place for which there is no room, as there are [`MAX_PAIRS`] of them already: they are
//! counted together, as [`Report::lost`]. Names and these places are never given back: name locks that live long.
//!
//! # Processes
//!
//! A family counts together, in memory that its processes share, and each of them sees all in its report. Where there is no family yet,
//! a process counts for itself; what it has counted so far stays in its own report. Locks of one name are one in the report, whether
//! they lie in shared memory or each in one process.
//!
//! A process that is killed, at whatever instruction, leaves its counts to the others: nothing of them is torn, or given back. The hold
//! in which it was killed is not over, and not counted; of an addition that was cut short the number is there, and the time may be
//! missing in the total.
//!
//! # Cost
//!
//! Without the feature there is none: the locks are compiled to the same instructions. With it, a lock without a name costs a look at
//! whether it has one; one with a name reads the clock twice, and adds to three or four counters: docs/performance.md of the
//! repository has the figures. Some of that is done with the lock in hand, and makes the hold longer. Threads that take one lock at
//! one place write to the same counters.
//!
//! The feature changes the layout of no value in shared memory.

mod histogram;
mod report;
mod shown;

pub use self::histogram::Histogram;
pub use self::report::{Counts, LockReport, Report, SiteReport};
use crate::watch::stats::{self, Table};
use crate::watch::tables::{self, Tables};
pub use crate::watch::{Access, CallSite};
use crate::watch::{name_of, site_of};

/// The most pairs of a lock and a call site that are counted, in a family, and in a process before it is in one. From about nine tenths of
/// them on the first ones find no place, and are counted as [`Report::lost`].
pub const MAX_PAIRS: usize = stats::MAX_PAIRS;

/// What was counted until now: by the family that this process is in, and by this process before it was in one.
///
/// Others may be counting meanwhile: then numbers that belong together may differ by what came in between.
pub fn report() -> Report {
    let rows = tables().flat_map(|table| table.rows()).filter_map(|(pair, counts)| {
        let access = if pair.shared { Access::Read } else { Access::Exclusive };
        let row = SiteReport { site: site_of(pair.site), access, counts: counts.into() };
        Some((name_of(pair.number)?, row))
    });
    Report::of(rows, tables().map(Table::lost).sum())
}

/// Begins to count anew, for the whole family.
///
/// A hold that has begun before is counted when it is over. Names, and the places for pairs of a lock and a call site, stay taken.
pub fn reset() {
    tables().for_each(Table::clear);
}

/// Where is counted.
fn tables() -> impl Iterator<Item = Table<'static>> {
    [tables::of_family(), tables::own()].into_iter().flatten().map(Tables::counts)
}
