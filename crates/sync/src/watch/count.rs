//! Counts what named locks go through, for the feature `contention`.

use super::on::{LockId, Site};
use super::record::Hold;
use super::stats::Pair;
use super::{Access, here, name};
use crate::robust_word::RobustWord;
use crate::sys::clock;

/// Whether the lock is counted. Only such ones read the clock.
#[inline(always)]
fn is_counted(lock: &RobustWord) -> bool {
    cfg!(feature = "contention") && lock.is_named()
}

/// The calling thread asks for the lock. Of an attempt before, which came to nothing, nothing is known any more.
#[inline(always)]
pub(crate) fn asks(lock: &RobustWord) {
    if is_counted(lock) {
        here::asks();
        here::waited_since(0);
    }
}

/// The calling thread did not get the lock at the first try.
pub(crate) fn waits(lock: &RobustWord) {
    if is_counted(lock) {
        let before = here::waited_since(0);
        here::waited_since(if before == 0 { clock::nanoseconds() } else { before });
    }
}

/// The calling thread has got the lock, which is noted as held.
#[inline(always)]
pub(crate) fn acquired(lock: &RobustWord, access: Access, site: Site) {
    if is_counted(lock) {
        count_acquisition(lock, access, site);
    }
}

/// A call, so that locks without a name stay small.
#[cold]
#[inline(never)]
fn count_acquisition(lock: &RobustWord, access: Access, site: Site) {
    let since = here::waited_since(0);
    let record = here::record().zip(LockId::of(lock, access));
    // To read again while one reads is one hold.
    if access == Access::Read && record.is_some_and(|(record, id)| record.has_begun(id.0)) {
        return;
    }
    let now = clock::nanoseconds();
    let pair = pair(lock, access, site.number());
    if let Some(tables) = name::of(pair.number) {
        tables.counts().acquired(pair, (since != 0).then(|| now.saturating_sub(since)));
    }
    if let Some((record, id)) = record {
        record.begin_hold(id.0, now);
    }
}

/// The calling thread is about to release what it has noted to hold.
#[inline(always)]
pub(super) fn ended(lock: &RobustWord, access: Access, hold: Hold) {
    // 0: it was not counted when it began.
    if cfg!(feature = "contention") && hold.begun != 0 {
        count_hold(lock, access, hold);
    }
}

/// As [`count_acquisition`].
#[cold]
#[inline(never)]
fn count_hold(lock: &RobustWord, access: Access, hold: Hold) {
    let pair = pair(lock, access, hold.site);
    if let Some(tables) = name::of(pair.number) {
        tables.counts().held(pair, clock::nanoseconds().saturating_sub(hold.begun));
    }
}

fn pair(lock: &RobustWord, access: Access, site: u32) -> Pair {
    Pair { number: lock.number(), site, shared: access == Access::Read }
}
