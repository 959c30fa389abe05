//! What the kernel knows of a thread: its number and its name. `unsafe`: the C library is asked for the clock of a thread.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs;

use nix::libc;
use nix::sys::prctl;
use nix::unistd::{getpid, gettid};

/// As many bytes of a thread's name as the kernel keeps.
const KEPT: usize = 15;

/// The calling thread's number.
pub(crate) fn this_thread() -> u32 {
    gettid().as_raw().cast_unsigned()
}

/// As [`this_thread`], in one that the C library has just started and that is no fork, without a system call, which is one part in fifty
/// of a short thread's life: the C library knows the number, and its only way of telling is that of the thread's clock.
pub(crate) fn this_new_thread() -> u32 {
    number_of_clock().unwrap_or_else(this_thread)
}

/// The number that is in the calling thread's clock, if that is made as the kernel numbers those of threads: the complement of the thread's
/// number, then three bits.
fn number_of_clock() -> Option<u32> {
    /// A single thread's, and of the time that it was scheduled.
    const OF_THREAD: i32 = 0b110;
    let mut clock = 0;
    // SAFETY: the calling thread exists, and the number is written to a place of its own.
    let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    (failed == 0 && clock & 0b111 == OF_THREAD).then_some((!(clock >> 3)).cast_unsigned())
}

/// The number of the thread that the process has begun with.
pub(crate) fn main_thread() -> u32 {
    getpid().as_raw().cast_unsigned()
}

/// Names the thread with this number, which is of this process and has not ended. What the kernel refuses is not done: the name
/// is for people.
pub(crate) fn set_name(number: u32, name: &str) {
    let kept = kept(name);
    if number == this_thread() {
        if let Ok(name) = CString::new(kept) {
            let _ = prctl::set_name(&name);
        }
    } else {
        // Nothing written would be no write at all.
        let kept = if kept.is_empty() { b"\0" } else { kept.as_bytes() };
        let _ = fs::write(format!("/proc/self/task/{number}/comm"), kept);
    }
}

/// Names the calling thread anew if the standard library has cut its name in the middle of a character.
pub(crate) fn mend_name(name: &str) {
    if name.len() > KEPT && !name.is_char_boundary(KEPT) {
        set_name(this_thread(), name);
    }
}

/// As much of the name as the kernel keeps, in whole characters.
fn kept(name: &str) -> &str {
    let end = (0..=KEPT.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_thread_has_its_number() {
        for _ in 0..3 {
            let both = std::thread::spawn(|| (number_of_clock(), this_thread())).join().unwrap();
            assert_eq!(both.0, Some(both.1));
        }
        assert_eq!(this_new_thread(), this_thread());
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(kept("short"), "short");
        assert_eq!(kept("Thread-1 (download)"), "Thread-1 (downl");
        assert_eq!(kept("ääääääää"), "äääääää"); // two bytes each: the 15th is the first half of one
        assert_eq!(kept("äbäääääää"), "äbääääää");
        assert_eq!(kept(""), "");
    }
}
