//! Who the calling thread is to its family, what it holds, and what has become of the others.

mod owner;

#[cfg(not(multiproc_loom))]
mod attach;
#[cfg(not(multiproc_loom))]
mod list;
#[cfg(not(multiproc_loom))]
mod me;
#[cfg(not(multiproc_loom))]
mod record;
#[cfg(not(multiproc_loom))]
mod verdict;

#[cfg(not(multiproc_loom))]
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) use self::attach::at_thread_end;
#[cfg(not(multiproc_loom))]
pub(crate) use self::attach::{attach, attached, forget_in_fork, me, process_of_this};
#[cfg(not(multiproc_loom))]
pub(crate) use self::list::List;
#[cfg(not(multiproc_loom))]
pub(crate) use self::me::Me;
pub(crate) use self::owner::{Claim, Owner};
#[cfg(not(multiproc_loom))]
pub(crate) use self::record::holds_within;
#[cfg(not(multiproc_loom))]
pub(crate) use self::verdict::{
    Course, Look, Member, STARTED_BITS, has_left, is_gone, low_bits, pid_of, pid_of_process,
    process_has_ended, seen_gone, until_end, verdict,
};
#[cfg(all(test, multiproc_loom))]
pub(crate) use crate::primitive::model::identity::after_next_look;
#[cfg(multiproc_loom)]
pub(crate) use crate::primitive::model::identity::{
    Course, List, Look, Me, Member, STARTED_BITS, attached, has_left, is_gone, me, pid_of, pid_of_process,
    process_has_ended, process_of_this, seen_gone, this_process, until_end, verdict,
};

/// The most locks in shared memory that one thread can hold at a time. The kernel follows no more than 2048 at its death,
/// those of libc among them.
pub const MAX_HELD: usize = 1024;

/// What is known of a thread that the kernel called dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its whole process has ended: nothing writes any more.
    Gone,
    /// The thread has ended in order, and its process goes on.
    Left,
    /// Its process lives, and may still write.
    Alive {
        /// It is on its way to its end.
        dying: bool,
    },
    /// Nothing tells whether its process lives.
    Unknown,
}

/// Why a thread cannot hold locks in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No registry is installed, so that threads have no names.
    #[error("this process belongs to no family yet: map the memory through multiproc-shm, which makes one")]
    NoRegistry,
    /// The kernel keeps no list of robust locks for this thread.
    #[error(
        "the kernel keeps no list of robust locks for this thread (get_robust_list failed): locks in shared memory need it"
    )]
    NoRobustList,
    /// libc registered a list whose words lie elsewhere than in the locks of this crate.
    #[error(
        "libc keeps the words of its robust locks where this crate has none: use it with glibc on a 64-bit machine"
    )]
    ForeignRobustList,
    /// The process lives in another pid namespace than the family's first.
    #[error(
        "this process is in another pid namespace than its family, where process numbers mean others: start it in the same one"
    )]
    ForeignPidNamespace,
    /// The process lives in another time namespace than the family's first, where processes seem to have started at other times.
    #[error(
        "this process is in another time namespace than its family, where start times are others: start it in the same one"
    )]
    ForeignTimeNamespace,
    /// The facts of /proc that tell processes apart could not be read.
    #[error("/proc/self could not be read, which tells processes of one number apart: mount /proc")]
    NoProc,
    /// The kernel does not open processes as descriptors, so that their ends are not learnt of.
    #[error(
        "the kernel opens no process as a descriptor (pidfd_open failed): use Linux 5.3, or let filters of system calls pass it"
    )]
    NoPidFd,
    /// For three seconds nothing told whether the process of a lock's dead owner lives, and may use the data still.
    #[error(
        "whether the process of a dead owner lives cannot be seen: leave descriptors free (`ulimit -n`), and let /proc be read"
    )]
    OwnerUnseen,
    /// The process is a fork of the one that had a handle by which holders are counted.
    #[error("this process is a fork of the one that had the handle: send the handle to it in a message")]
    Forked,
    /// All entries for processes are taken.
    #[error("the family has {limit} processes already", limit = crate::registry::MAX_PROCESSES)]
    TooManyProcesses,
    /// All entries for threads are taken.
    #[error("the family has {limit} threads with locks in shared memory already", limit = crate::registry::MAX_THREADS)]
    TooManyThreads,
}
