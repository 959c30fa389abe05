//! Where copies of bytes come from.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Memory that is read by copies, as a file is, and never mapped: whoever has it may change it, or cut it, at any time.
///
/// ```
/// use multiproc_sync::registry::inspect::Source;
///
/// let mut copy = [0; 4];
/// assert_eq!(b"abcdef"[..].copy_at(3, &mut copy)?, 3);
/// assert_eq!(&copy, b"def\0");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Source {
    /// Copies the bytes from `offset` on; gives how many there were: 0 behind the end.
    ///
    /// # Errors
    ///
    /// Whatever the memory cannot be read for.
    fn copy_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// How many bytes there are.
    ///
    /// # Errors
    ///
    /// As [`copy_at`](Self::copy_at).
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// As [`copy_at`](Self::copy_at).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

impl Source for File {
    fn copy_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.read_at(into, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Source for [u8] {
    fn copy_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let len = from.len().min(into.len());
        into[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }
}

/// As many bytes from `offset` on as there are, up to `len`.
pub(super) fn copy(source: &(impl Source + ?Sized), offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut have = 0;
    while have < len {
        match source.copy_at(offset.saturating_add(have as u64), &mut bytes[have..]) {
            Ok(0) => break,
            // A source of somebody else's may say anything.
            Ok(more) => have = have.saturating_add(more).min(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}
