//! What a thread needs to know of itself to take a robust lock, found once and kept.

use std::cell::Cell;
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

use nix::unistd;

use crate::Result;
use crate::sys::{self, RobustList};

/// How many locks a thread may hold.
const MOST: usize = 64;

/// Kept for good, also when its thread has ended: a thread leaves a few hundred bytes.
#[derive(Debug)]
pub(super) struct Me {
    /// As the kernel counts threads.
    pub(super) thread: u32,
    /// Stands for this process and this thread.
    pub(super) entry: u64,
    pub(super) list: &'static RobustList,
    /// How many of `held` count.
    depth: AtomicUsize,
    /// The nodes of the locks that the thread holds or is about to take.
    held: [AtomicUsize; MOST],
}

thread_local! {
    static ME: Cell<Option<&'static Me>> = const { Cell::new(None) };
}

#[inline]
pub(super) fn me() -> &'static Me {
    match ME.get() {
        Some(me) => me,
        None => find(),
    }
}

#[cold]
fn find() -> &'static Me {
    let thread = unistd::gettid().as_raw().cast_unsigned();
    let me: &Me = Box::leak(Box::new(Me {
        thread,
        entry: u64::from(process::id()) << 32 | u64::from(thread),
        list: sys::robust_list().expect("it was there when the lock was made"),
        depth: AtomicUsize::new(0),
        held: [const { AtomicUsize::new(0) }; MOST],
    }));
    ME.set(Some(me));
    me
}

/// The thread that goes on in a forked child has another number.
pub(super) fn forget_after_fork() -> Result<()> {
    static ONCE: Once = Once::new();
    extern "C" fn forget() {
        ME.set(None);
    }
    let mut registered = Ok(());
    ONCE.call_once(|| registered = sys::after_fork_in_child(forget));
    registered
}

impl Me {
    /// Records a node before its lock is taken; gives back where.
    #[inline]
    pub(super) fn enter(&self, node: usize) -> usize {
        let depth = self.depth.load(Ordering::Relaxed);
        assert!(depth < MOST, "a thread of this bench holds too many locks");
        self.held[depth].store(node, Ordering::Relaxed);
        self.depth.store(depth + 1, Ordering::Relaxed);
        // Recorded before it is taken, also for whoever looks after this thread's death.
        compiler_fence(Ordering::SeqCst);
        depth
    }

    /// Takes the newest record back: these locks are released in the opposite order.
    #[inline]
    pub(super) fn leave(&self, at: usize) {
        compiler_fence(Ordering::SeqCst);
        self.depth.store(at, Ordering::Relaxed);
    }
}
