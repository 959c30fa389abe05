//! Long messages travel as an anonymous file beside a short packet, so that a packet is never sent in part.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit};

/// An anonymous file in memory that holds `body`, read position at its start.
pub(crate) fn write(body: &[u8]) -> io::Result<OwnedFd> {
    // Files in memory count too, and beyond the limit the kernel does not say so, it sends SIGXFSZ.
    if getrlimit(Resource::RLIMIT_FSIZE)?.0 < body.len() as u64 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut file = File::from(memfd_create(c"multiproc-message", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(body)?;
    Ok(file.into())
}

/// Reads the `len` bytes that [`write()`] put in `file`, from its start whatever its position is.
///
/// The file may come from a process that lies: a length that the file does not have is `UnexpectedEof`.
pub(crate) fn read(file: OwnedFd, len: u64) -> io::Result<Vec<u8>> {
    let file = File::from(file);
    if file.metadata()?.len() != len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut body = Vec::new();
    body.try_reserve_exact(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    FromStart { file: &file, at: 0 }.take(len as u64).read_to_end(&mut body)?;
    if body.len() == len { Ok(body) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads without the file's own position, which its sender shares.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
