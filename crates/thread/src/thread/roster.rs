//! The roll of this process, and its main thread. `unsafe`: it is found by its address, as a fork has one of its own.
//!
//! In a fork the roll of the parent may be locked for ever, by a thread that is not there; and who is in it is not there either. So
//! it is left alone, and the child begins a new one.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use multiproc_sync::Generation;
use multiproc_sync::primitive::{AtomicU32, AtomicUsize};

use super::here;
use super::record::{Origin, Record};
use super::roll::Roll;
use crate::sys::native;

/// The threads of a process.
pub(crate) struct Roster {
    made_by: Generation,
    pub(crate) main: Arc<Record>,
    pub(crate) roll: Roll<Arc<Record>>,
    /// Not 0: who exits waits.
    pub(crate) join_at_exit: AtomicU32,
}

/// The address of the newest; 0: none yet. No `OnceLock`: a fork in the middle of its beginning would leave the child waiting for
/// a thread that is not there.
static ROSTER: AtomicUsize = AtomicUsize::new(0);

impl Roster {
    /// That of this process.
    pub(crate) fn here() -> &'static Self {
        // Acquire: with the AcqRel of `found`.
        let known = ROSTER.load(Acquire);
        match Self::at(known) {
            Some(roster) if roster.made_by.is_ours() => roster,
            _ => Self::found(known),
        }
    }

    fn at(address: usize) -> Option<&'static Self> {
        // SAFETY: 0, or stored by `found`, which has exposed the address of a roster that is never freed nor changed but through
        // its locks.
        unsafe { ptr::with_exposed_provenance::<Self>(address).as_ref() }
    }

    #[cold]
    fn found(known: usize) -> &'static Self {
        let main =
            Record::new(here::name_before_fork().unwrap_or_else(|| "main".to_owned()), Origin::Main, None);
        main.begin(native::main_thread());
        let roll = Roll::new();
        roll.enter(main.ident.get(), main.clone(), false);
        let new: *const Self = Box::into_raw(Box::new(Self {
            made_by: Generation::now(),
            main,
            roll,
            join_at_exit: AtomicU32::new(0),
        }));
        match ROSTER.compare_exchange(known, new.expose_provenance(), AcqRel, Acquire) {
            // SAFETY: just made, and never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: just made, and nobody else has seen its address.
                drop(unsafe { Box::from_raw(new.cast_mut()) });
                // Another thread of this process was quicker; none takes it away again.
                Self::at(theirs).unwrap_or_else(|| Self::found(theirs))
            }
        }
    }
}
