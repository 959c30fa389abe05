//! Where what lies in a registry's side tables, and in a lock, in bytes: for those who read copies, also where the feature `watch` and
//! its types are not there. Where they are, each type asserts what is said of it here.

/// The section of side tables, which is one entry.
pub(crate) mod tables {
    use super::{name, record, site};
    use crate::registry::MAX_THREADS;
    use crate::watch::MAX_NAMES;

    pub(crate) const RECORDS_USED: usize = 4;
    pub(crate) const NAMES_AT: usize = 64;
    pub(crate) const NAMES: usize = MAX_NAMES;
    pub(crate) const SITES_AT: usize = NAMES_AT + NAMES * name::LEN;
    pub(crate) const SITES: usize = 4096;
    /// What named locks are counted in, which is not looked at here.
    const STATS_AT: usize = SITES_AT + SITES * site::LEN;
    const STATS_LEN: usize = 4097 * 576;
    /// One for each thread of the registry.
    pub(crate) const RECORDS_AT: usize = STATS_AT + STATS_LEN;
    pub(crate) const LEN: usize = RECORDS_AT + MAX_THREADS * record::LEN;

    /// Numbers from here on are those of one process's own tables, which nobody else can see.
    pub(crate) const OWN: u32 = 1 << 29;
}

/// The name of a lock.
pub(crate) mod name {
    pub(crate) const LEN: usize = 64;
    pub(crate) const NUMBER: usize = 0;
    pub(crate) const TEXT_LEN: usize = 4;
    pub(crate) const TEXT: usize = 8;
}

/// A place in the source.
pub(crate) mod site {
    pub(crate) const LEN: usize = 128;
    pub(crate) const STATE: usize = 0;
    /// The state of a place that is written.
    pub(crate) const READY: u32 = 2;
    pub(crate) const LINE: usize = 4;
    pub(crate) const COLUMN: usize = 8;
    pub(crate) const TEXT_LEN: usize = 12;
    pub(crate) const PATH: usize = 16;
    pub(crate) const PATH_LEN: usize = LEN - PATH;
}

/// What a thread holds and waits for.
pub(crate) mod record {
    use super::hold;

    pub(crate) const SEQUENCE: usize = 0;
    pub(crate) const PID: usize = 8;
    pub(crate) const TID: usize = 12;
    pub(crate) const OWNER: usize = 16;
    pub(crate) const WANTED: usize = 24;
    pub(crate) const SINCE: usize = 32;
    pub(crate) const WANTED_AT: usize = 40;
    pub(crate) const HELD: usize = 44;
    pub(crate) const WANTED_NUMBER: usize = 48;
    pub(crate) const WANTED_TO_READ: usize = 52;
    pub(crate) const WANTED_ADDRESS: usize = 56;
    pub(crate) const HOLDS_AT: usize = 64;
    pub(crate) const HOLDS: usize = 40;
    pub(crate) const LEN: usize = HOLDS_AT + HOLDS * hold::LEN;
}

/// One lock in a record.
pub(crate) mod hold {
    pub(crate) const LOCK: usize = 0;
    pub(crate) const BEGUN: usize = 8;
    pub(crate) const SITE: usize = 16;
    pub(crate) const PLACE: usize = 20;
    pub(crate) const LEN: usize = 24;
}

/// A lock in a record, as a number.
pub(crate) mod id {
    /// The bit of what is read beside others.
    pub(crate) const SHARED: u64 = 1 << 63;
    /// The bit of a lock that means something in one process only.
    pub(crate) const PRIVATE: u64 = 1 << 62;
}

/// A lock in shared memory: the head of each, and what an `RwLock` and a `RobustSemaphore` have besides. Their types assert it.
pub(crate) mod lock {
    pub(crate) const WORD: usize = 0;
    pub(crate) const MODE: usize = 4;
    pub(crate) const STATE: usize = 8;
    pub(crate) const OWNER: usize = 16;
    pub(crate) const HEAD_LEN: usize = 40;

    /// The bits of a mode below the lock's number, where there are watched locks; [`NAMED`](crate::robust_word) is among them.
    pub(crate) const MODE_BITS: u32 = 2;

    pub(crate) const GATE: usize = 40;
    pub(crate) const TURN: usize = 44;
    pub(crate) const BELL: usize = 48;
    pub(crate) const SLOTS_AT: usize = 128;
    pub(crate) const SLOT_LEN: usize = 128;
    /// In a slot, behind who has it: how often, times two.
    pub(crate) const GUARDS: usize = 8;

    /// Of a semaphore whose permits have owners.
    pub(crate) const PERMITS_MODE: usize = 4;
    pub(crate) const PERMITS_AT: usize = 16;
}

/// The number of four bytes at a place, little endian; 0 behind the end.
pub(crate) fn u32_at(bytes: &[u8], place: usize) -> u32 {
    bytes.get(place..).and_then(<[u8]>::first_chunk).map_or(0, |four| u32::from_le_bytes(*four))
}

/// The number of eight bytes at a place.
pub(crate) fn u64_at(bytes: &[u8], place: usize) -> u64 {
    bytes.get(place..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The text of so many bytes at a place, which has room for `room`, whatever is in them.
pub(crate) fn text_at(bytes: &[u8], place: usize, len: u32, room: usize) -> String {
    let len = (len as usize).min(room);
    let text = bytes.get(place..place.saturating_add(len)).unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
