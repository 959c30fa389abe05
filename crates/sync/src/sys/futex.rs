//! futex(2). `unsafe`: the raw call, on words that the caller borrows.
#![allow(unsafe_code)]

use std::ptr;
use std::time::Duration;

use super::Sleep;
use crate::futex::Scope;
use crate::primitive::AtomicU32;

/// What [`wake_op`] does to the word before it wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// `word = value`, which is 1 << 31, or less than 1 << 11.
    Set(u32),
    /// `word |= bits`, which are below 1 << 11.
    Or(u32),
    /// `word += value`, which is less than 1 << 11.
    Add(u32),
}

impl Op {
    /// As the kernel reads it: operation, comparison (equal to 0, whose second wake-up wakes none), operand.
    fn encoded(self) -> u32 {
        let (operation, operand) = match self {
            // The shift flag makes the operand 1 << 31, which its 12 bits could not hold.
            Self::Set(0x8000_0000) => (libc::FUTEX_OP_SET | libc::FUTEX_OP_OPARG_SHIFT, 31),
            Self::Set(value) => (libc::FUTEX_OP_SET, value & 0x7ff),
            Self::Or(bits) => (libc::FUTEX_OP_OR, bits & 0x7ff),
            Self::Add(value) => (libc::FUTEX_OP_ADD, value & 0x7ff),
        };
        (operation as u32) << 28 | operand << 12
    }
}

fn flagged(operation: i32, scope: Scope) -> i32 {
    match scope {
        Scope::Private => operation | libc::FUTEX_PRIVATE_FLAG,
        Scope::Shared => operation,
    }
}

/// Sleeps while `word` is `expected`, for at most `timeout`.
pub(crate) fn wait(word: &AtomicU32, expected: u32, scope: Scope, timeout: Option<Duration>) -> Sleep {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let operation = flagged(libc::FUTEX_WAIT, scope);
    // SAFETY: the word is borrowed for the call; the timeout is null or a timespec that outlives it.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, timeout) };
    if result == 0 {
        return Sleep::Over;
    }
    // SAFETY: the thread's own errno.
    match unsafe { *libc::__errno_location() } {
        libc::ETIMEDOUT => Sleep::TimedOut,
        libc::EINTR => Sleep::Interrupted,
        _ => Sleep::Over,
    }
}

/// Wakes up to `count` sleepers of `word`; gives how many there were.
pub(crate) fn wake(word: &AtomicU32, count: u32, scope: Scope) -> u32 {
    wake_at(word.as_ptr().addr(), count, scope)
}

/// As [`wake`], of the word at this address. Whatever there is, or is not, nothing of it changes.
pub(crate) fn wake_at(address: usize, count: u32, scope: Scope) -> u32 {
    let (word, operation) = (ptr::without_provenance::<u32>(address), flagged(libc::FUTEX_WAKE, scope));
    // SAFETY: the kernel only takes the address, as a name; it neither reads nor writes there.
    let result = unsafe { libc::syscall(libc::SYS_futex, word, operation, count) };
    result.try_into().unwrap_or(0)
}

/// Changes a word and wakes up to `count` of its sleepers in one step; gives how many there were.
pub(crate) fn wake_op(word: &AtomicU32, op: Op, count: u32, scope: Scope) -> u32 {
    let (address, operation) = (word.as_ptr(), flagged(libc::FUTEX_WAKE_OP, scope));
    // SAFETY: the word is borrowed for the call; it is both the word that is changed and the one that is woken.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, address, operation, count, 0_usize, address, op.encoded()) };
    result.try_into().unwrap_or(0)
}
