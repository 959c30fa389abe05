//! libc's mutex and condition variable in memory that processes share. `unsafe`: they are C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use crate::Result;
use crate::handoff::Flag;
use crate::sys;

#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pthread {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    condition: UnsafeCell<libc::pthread_cond_t>,
    flag: UnsafeCell<bool>,
}

// SAFETY: both are made for several threads, and the flag is reached under the mutex only.
unsafe impl Sync for Pthread {}

pub(crate) fn pair() -> Result<[&'static Pthread; 2]> {
    Ok([Pthread::shared()?, Pthread::shared()?])
}

impl Pthread {
    fn shared() -> Result<&'static Self> {
        let place = sys::map_shared(size_of::<Self>())?.cast::<Self>();
        let (mut of_mutex, mut of_condition) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let (of_mutex, of_condition) = (of_mutex.as_mut_ptr(), of_condition.as_mut_ptr());
        // SAFETY: the attributes are initialised before they are set and used; both objects lie in zeroed memory that is
        // never unmapped, are initialised where they stay, and nobody knows of them before.
        unsafe {
            check(libc::pthread_mutexattr_init(of_mutex))?;
            check(libc::pthread_mutexattr_setpshared(of_mutex, libc::PTHREAD_PROCESS_SHARED))?;
            check(libc::pthread_condattr_init(of_condition))?;
            check(libc::pthread_condattr_setpshared(of_condition, libc::PTHREAD_PROCESS_SHARED))?;
            let flag = place.as_ref();
            check(libc::pthread_mutex_init(flag.mutex.get(), of_mutex))?;
            check(libc::pthread_cond_init(flag.condition.get(), of_condition))?;
            Ok(flag)
        }
    }

    fn with<T>(&self, section: impl FnOnce(&mut bool) -> T) -> T {
        // SAFETY: the mutex was initialised where it lies; the flag is reached between lock and unlock.
        unsafe {
            let locked = libc::pthread_mutex_lock(self.mutex.get());
            assert_eq!(locked, 0, "a pthread mutex cannot be locked");
            let result = section(&mut *self.flag.get());
            libc::pthread_mutex_unlock(self.mutex.get());
            result
        }
    }
}

impl Flag for Pthread {
    fn set(&self) {
        self.with(|flag| *flag = true);
        // SAFETY: initialised where it lies.
        unsafe { libc::pthread_cond_broadcast(self.condition.get()) };
    }

    fn take(&self) {
        self.with(|flag| {
            // SAFETY: the mutex is held, and held again after each wait. Read anew each time, as others write meanwhile.
            while unsafe { !std::ptr::from_mut(flag).read_volatile() } {
                // SAFETY: as above.
                unsafe { libc::pthread_cond_wait(self.condition.get(), self.mutex.get()) };
            }
            *flag = false;
        });
    }
}

fn check(code: libc::c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code).into()) }
}
