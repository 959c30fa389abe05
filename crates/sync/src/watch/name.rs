//! Names of locks, for reports.

/// The most bytes that the name of a lock can have.
pub const MAX_NAME: usize = 48;

/// The most locks of a family, or of a process before it has one, that can have names. A name is never given back.
pub const MAX_NAMES: usize = 4096;

/// Why a lock got no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty, or longer than [`MAX_NAME`] bytes.
    #[error("a lock's name has 1 to {MAX_NAME} bytes, not {0}")]
    Length(usize),
    /// The lock has another name, which stays.
    #[error("the lock has another name already, which stays")]
    AlreadyNamed,
    /// As many locks have names as can.
    #[error("{MAX_NAMES} locks of the family, or of a process without one, have names, which is the most")]
    TooMany,
}

fn check(name: &str) -> Result<(), NameError> {
    if (1..=MAX_NAME).contains(&name.len()) { Ok(()) } else { Err(NameError::Length(name.len())) }
}

#[cfg(not(all(feature = "watch", not(multiproc_loom))))]
mod unwatched {
    use super::{NameError, check};
    use crate::robust_word::{ROBUST, RobustWord};

    impl RobustWord {
        /// Gives the lock a name, for reports: there are none.
        pub(crate) fn set_name(&self, name: &str) -> Result<(), NameError> {
            check(name)
        }
    }

    /// The mode of a lock that is placed now.
    #[inline(always)]
    pub(crate) fn numbered(_: &RobustWord) -> u32 {
        ROBUST
    }
}
#[cfg(not(all(feature = "watch", not(multiproc_loom))))]
pub(crate) use self::unwatched::numbered;

#[cfg(all(feature = "watch", not(multiproc_loom)))]
mod watched {
    use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

    use super::{MAX_NAME, NameError, check};
    use crate::primitive::{AtomicU32, AtomicU64};
    use crate::robust_word::{MODE_BITS, NAMED, ROBUST, RobustWord};
    use crate::watch::site::{read_text, write_text};
    use crate::watch::tables::{self, NAMES, OWN, Tables};

    /// The name of a lock: 64 bytes.
    #[repr(C)]
    #[derive(Debug)]
    pub(crate) struct Name {
        /// Of the lock; 0: free.
        number: AtomicU32,
        /// In bytes; 0: nobody has written it yet.
        len: AtomicU32,
        text: [AtomicU64; MAX_NAME / 8],
        reserved: u64,
    }

    const _: () = {
        use std::mem::offset_of;

        use crate::registry::inspect::layout::name;
        assert!(size_of::<Name>() == name::LEN && offset_of!(Name, number) == name::NUMBER);
        assert!(offset_of!(Name, len) == name::TEXT_LEN && offset_of!(Name, text) == name::TEXT);
    };

    /// A length: somebody writes the name, or was killed when it did.
    const BEING_WRITTEN: u32 = u32::MAX;

    impl RobustWord {
        /// The number of the lock; 0: it has none.
        #[inline(always)]
        pub(crate) fn number(&self) -> u32 {
            self.mode.load(Relaxed) >> MODE_BITS
        }

        /// Gives the lock a name, for reports.
        pub(crate) fn set_name(&self, name: &str) -> Result<(), NameError> {
            check(name)?;
            let number = self.number_now().ok_or(NameError::TooMany)?;
            of(number).ok_or(NameError::TooMany)?.name(number, name)?;
            // Else another is about to write it, or was killed when it did.
            if name_of(number).is_some() {
                self.mode.fetch_or(NAMED, Relaxed);
            }
            Ok(())
        }

        /// Whether the lock has a name.
        #[inline(always)]
        pub(crate) fn is_named(&self) -> bool {
            let mode = self.mode.load(Relaxed);
            // In damaged memory it may be said of a lock without a number.
            mode & NAMED != 0 && mode >> MODE_BITS != 0
        }

        /// The lock's name, if it has one.
        pub(crate) fn name(&self) -> Option<String> {
            name_of(self.number())
        }

        /// The number of the lock, a new one if it has none.
        fn number_now(&self) -> Option<u32> {
            let mode = self.mode.load(Relaxed);
            if mode >> MODE_BITS != 0 {
                return Some(mode >> MODE_BITS);
            }
            let number = Some(tables::current()?.next_number()).filter(|number| *number != 0)?;
            match self.mode.compare_exchange(mode, mode | number << MODE_BITS, Relaxed, Relaxed) {
                Ok(_) => Some(number),
                Err(theirs) => Some(theirs >> MODE_BITS),
            }
        }
    }

    /// The mode of a lock that is placed now: it gets a number of the family's, and keeps its name.
    pub(crate) fn numbered(lock: &RobustWord) -> u32 {
        let Some(tables) = tables::of_family() else { return ROBUST };
        let number = tables.next_number();
        // Without room the lock has none any more.
        let is_named = number != 0 && lock.name().is_some_and(|name| tables.name(number, &name).is_ok());
        ROBUST | if is_named { NAMED } else { 0 } | number << MODE_BITS
    }

    /// The tables in which a lock with this number is known.
    #[inline]
    pub(crate) fn of(number: u32) -> Option<&'static Tables> {
        if number & OWN != 0 { tables::own() } else { tables::of_family() }
    }

    /// The name of the lock with this number, if it has one.
    pub(crate) fn name_of(number: u32) -> Option<String> {
        if number == 0 {
            return None;
        }
        let entry = of(number)?.entry(number)?;
        // Acquire: with the Release of `name`.
        let len = Some(entry.len.load(Acquire)).filter(|len| (1..=MAX_NAME as u32).contains(len))?;
        Some(read_text(&entry.text, len))
    }

    impl Tables {
        /// The entry of the lock with this number, if it has a name.
        fn entry(&self, number: u32) -> Option<&Name> {
            let mut used = self.entries(number).take_while(|entry| entry.number.load(Relaxed) != 0);
            used.find(|entry| entry.number.load(Relaxed) == number)
        }

        /// The entries in which the name of a lock may stand, in the order in which they are tried.
        fn entries(&self, number: u32) -> impl Iterator<Item = &Name> {
            let (before, from) = self.names.split_at(number as usize % NAMES);
            from.iter().chain(before)
        }

        fn name(&self, number: u32, name: &str) -> Result<(), NameError> {
            let is_its = |entry: &&Name| match entry.number.compare_exchange(0, number, AcqRel, Acquire) {
                Ok(_) => true,
                Err(other) => other == number,
            };
            let entry = self.entries(number).find(is_its).ok_or(NameError::TooMany)?;
            match entry.len.compare_exchange(0, BEING_WRITTEN, AcqRel, Acquire) {
                // By another at the same time, or by one that was killed then: who names a lock otherwise at the same moment may mix
                // the two, which a name can bear.
                Ok(_) | Err(BEING_WRITTEN) => {
                    write_text(&entry.text, name);
                    entry.len.store(name.len() as u32, Release);
                    Ok(())
                }
                Err(len) if read_text(&entry.text, len) == name => Ok(()),
                Err(_) => Err(NameError::AlreadyNamed),
            }
        }
    }
}
#[cfg(all(feature = "watch", not(multiproc_loom)))]
#[cfg_attr(not(feature = "deadlock"), allow(unused_imports))]
pub(crate) use self::watched::{Name, name_of, numbered, of};
