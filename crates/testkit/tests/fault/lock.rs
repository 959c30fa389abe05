//! The smallest lock that survives its owner's death: one word, and a robust list that only announces it. Right, and
//! with the bug that glibc's has. `unsafe`: the raw system calls of futexes and robust lists.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use nix::libc;

const WAITERS: u32 = libc::FUTEX_WAITERS;
const DIED: u32 = libc::FUTEX_OWNER_DIED;
const TID: u32 = libc::FUTEX_TID_MASK;

/// How the lock is given back when somebody may be asleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Unlock {
    /// The kernel stores and wakes in one call; the bit stays.
    WakeOp = 0,
    /// Two instructions, with a death between them.
    ExchangeThenWake = 1,
}

/// How the lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Ok,
    OwnerDied,
}

#[repr(C)]
pub(crate) struct Lock(AtomicU32);

/// What the kernel reads at this process's death: an empty list, and the lock announced.
#[repr(C)]
struct Head {
    next: Cell<*const Self>,
    offset: isize,
    announced: Cell<*const AtomicU32>,
}

/// A process's right to lock: its number, and its announcement. It holds one lock at a time.
pub(crate) struct Me {
    number: u32,
    head: &'static Head,
}

impl Me {
    /// Registers this process's list.
    pub(crate) fn new() -> Self {
        let head = Head { next: Cell::new(ptr::null()), offset: 0, announced: Cell::new(ptr::null()) };
        let head: &'static Head = Box::leak(Box::new(head));
        head.next.set(head);
        // SAFETY: the list lives as long as the process, is empty, and has the size that the kernel asks for.
        let outcome =
            unsafe { libc::syscall(libc::SYS_set_robust_list, ptr::from_ref(head), size_of::<Head>()) };
        assert_eq!(outcome, 0, "the kernel knows robust lists");
        Self { number: std::process::id(), head }
    }

    /// For the kernel, which reads it when this process is dead.
    fn announce(&self, lock: *const AtomicU32) {
        // SAFETY: one word of this process's own memory; volatile, as the compiler does not see the reader.
        unsafe { self.head.announced.as_ptr().write_volatile(lock) };
    }
}

impl Lock {
    pub(crate) fn lock(&self, me: &Me) -> Got {
        me.announce(&raw const self.0);
        if self.0.compare_exchange(0, me.number, SeqCst, SeqCst).is_ok() {
            Got::Ok
        } else {
            slow(&self.0, me)
        }
    }

    pub(crate) fn try_lock(&self, me: &Me) -> Option<Got> {
        me.announce(&raw const self.0);
        let seen = self.0.load(SeqCst);
        let taken = seen & TID == 0
            && self.0.compare_exchange(seen, me.number | seen & WAITERS, SeqCst, SeqCst).is_ok();
        if !taken {
            me.announce(ptr::null());
            return None;
        }
        Some(if seen & DIED == 0 { Got::Ok } else { Got::OwnerDied })
    }

    pub(crate) fn unlock(&self, me: &Me, how: Unlock) {
        match how {
            Unlock::WakeOp => {
                if self.0.compare_exchange(me.number, 0, SeqCst, SeqCst).is_err() {
                    wake(&self.0, how);
                }
            }
            Unlock::ExchangeThenWake => {
                if self.0.swap(0, SeqCst) & WAITERS != 0 {
                    wake(&self.0, how);
                }
            }
        }
        me.announce(ptr::null());
    }
}

#[inline(never)]
fn slow(word: &AtomicU32, me: &Me) -> Got {
    let mut waiters = 0;
    loop {
        let seen = word.load(SeqCst);
        if seen & TID == 0 {
            let mine = me.number | seen & WAITERS | waiters;
            if word.compare_exchange(seen, mine, SeqCst, SeqCst).is_ok() {
                return if seen & DIED == 0 { Got::Ok } else { Got::OwnerDied };
            }
            continue;
        }
        if seen & WAITERS == 0 && word.compare_exchange(seen, seen | WAITERS, SeqCst, SeqCst).is_err() {
            continue;
        }
        waiters = WAITERS;
        let for_ever = ptr::null::<libc::timespec>();
        // SAFETY: the word outlives the call.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen | WAITERS, for_ever) };
    }
}

#[inline(never)]
fn wake(word: &AtomicU32, how: Unlock) {
    let (one, none) = (1_u32, 0_usize);
    if how == Unlock::ExchangeThenWake {
        // SAFETY: the word outlives the call.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, one) };
        return;
    }
    // Stores 1 << 31, WAITERS, and wakes one; compares with equality to 0, which never holds, so wakes no second.
    let operation = (libc::FUTEX_OP_SET | libc::FUTEX_OP_OPARG_SHIFT) << 28 | 31 << 12;
    let call = libc::FUTEX_WAKE_OP;
    // SAFETY: the word outlives the call, and is the second word too.
    let woken =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), call, one, none, word.as_ptr(), operation) };
    if woken == 0 {
        // Nobody was asleep; if somebody came meanwhile, the bit is needed and the exchange fails.
        let _ = word.compare_exchange(WAITERS, 0, SeqCst, SeqCst);
    }
}

/// The entries of the slow path and of the wake.
pub(crate) fn labels() -> [(&'static str, usize); 2] {
    [("slow", slow as *const () as usize), ("wake", wake as *const () as usize)]
}
