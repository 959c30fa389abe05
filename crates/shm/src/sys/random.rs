//! Numbers that nobody else has drawn. `unsafe`: a system call that fills memory.
#![allow(unsafe_code)]

use std::io;

/// 64 bits from the kernel, in a fork others than in its parent.
pub(crate) fn number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    loop {
        // SAFETY: writes to the array, at most as many bytes as it has.
        match unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } {
            8 => return Ok(u64::from_ne_bytes(bytes)),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            _ => {} // so few bytes are never given in part
        }
    }
}
