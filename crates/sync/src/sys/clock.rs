//! The clock that all processes of a machine have in common. `unsafe`: clock_gettime(2).
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Milliseconds since some moment, the same for all processes of one time namespace.
pub(crate) fn milliseconds() -> u64 {
    let time = now();
    time.tv_sec.cast_unsigned() * 1000 + time.tv_nsec.cast_unsigned() / 1_000_000
}

/// Nanoseconds since that moment.
pub(crate) fn nanoseconds() -> u64 {
    let time = now();
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

fn now() -> libc::timespec {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the call writes to a variable. It cannot fail: every Linux has this clock.
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_goes_on_with_the_time() {
        let (begin, before) = (Instant::now(), milliseconds());
        std::thread::sleep(Duration::from_millis(20));
        let passed = milliseconds() - before;
        assert!(passed >= 19 && u128::from(passed) <= begin.elapsed().as_millis() + 1, "{passed}");
    }
}
