//! Which program this is, and addresses in it as offsets. `unsafe`: the one call that hashes its own text.
#![allow(unsafe_code)]

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::sys::image::{Segments, bytes, segments};

/// Names one build of one program: two processes with the same id have the same functions at the same offsets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageId(Vec<u8>);

#[cfg(test)]
impl ImageId {
    /// Of a program that is not this one.
    pub(crate) fn foreign() -> Self {
        Self(b"foreign".to_vec())
    }
}

/// The file a process was started from. It stays the same file when another one is put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inode {
    device: u64,
    inode: u64,
}

impl Inode {
    /// The file behind this process.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let meta = fs::metadata("/proc/self/exe")?;
        Ok(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// The main program of this process.
#[derive(Debug)]
pub(crate) struct Image {
    segments: Segments,
    id: OnceLock<ImageId>,
}

/// The main program of this process, looked up once.
pub(crate) fn this() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| Image { segments: segments(), id: OnceLock::new() })
}

impl Image {
    /// The build id that the linker left; without one, a hash of all that is mapped unwritten (a few milliseconds).
    pub(crate) fn id(&self) -> &ImageId {
        self.id.get_or_init(|| match &self.segments.build_id {
            Some(id) => ImageId(id.clone()),
            None => ImageId(hash_of_unwritten(&self.segments).to_vec()),
        })
    }

    /// Whether the linker left an id.
    pub(crate) fn has_build_id(&self) -> bool {
        self.segments.build_id.is_some()
    }

    /// Where code lies, as an offset; `None` if it is not in the main program.
    pub(crate) fn offset_of_code(&self, address: usize) -> Option<u64> {
        within(&self.segments.code, address, 1).then(|| (address - self.segments.base) as u64)
    }

    /// Where a constant of `len` bytes lies, as an offset; `None` if it is not in the main program.
    pub(crate) fn offset_of_constant(&self, address: usize, len: usize) -> Option<u64> {
        within(&self.segments.constants, address, len).then(|| (address - self.segments.base) as u64)
    }

    /// The address of code at an offset that came from elsewhere.
    pub(crate) fn code_at(&self, offset: u64) -> Option<usize> {
        let address = self.segments.base.checked_add(usize::try_from(offset).ok()?)?;
        within(&self.segments.code, address, 1).then_some(address)
    }

    /// The address of a constant of `len` bytes at an offset that came from elsewhere.
    pub(crate) fn constant_at(&self, offset: u64, len: usize) -> Option<usize> {
        let address = self.segments.base.checked_add(usize::try_from(offset).ok()?)?;
        within(&self.segments.constants, address, len).then_some(address)
    }
}

fn within(ranges: &[std::ops::Range<usize>], address: usize, len: usize) -> bool {
    let Some(end) = address.checked_add(len) else {
        return false;
    };
    ranges.iter().any(|r| r.start <= address && end <= r.end)
}

/// Tells builds apart; it defends against nobody.
fn hash_of_unwritten(segments: &Segments) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    for range in &segments.unwritten {
        // SAFETY: the range is one of this process's own unwritten segments.
        hasher.write(unsafe { bytes(range) });
    }
    hasher.finish().to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    static CONSTANT: [u64; 2] = [1, 2];

    #[test]
    fn own_functions_and_constants_are_in_the_image_and_come_back() {
        let code = own_functions_and_constants_are_in_the_image_and_come_back as fn() as usize;
        let offset = this().offset_of_code(code).expect("own code");
        assert_eq!(this().code_at(offset), Some(code));
        let constant = CONSTANT.as_ptr() as usize;
        let offset = this().offset_of_constant(constant, 16).expect("own constant");
        assert_eq!(this().constant_at(offset, 16), Some(constant));
    }

    #[test]
    fn what_lies_elsewhere_is_refused() {
        let local = 0_u8;
        assert_eq!(this().offset_of_code(libc::getpid as *const () as usize), None, "libc is another object");
        assert_eq!(this().offset_of_constant(&raw const local as usize, 1), None, "the stack is no constant");
        assert_eq!(this().offset_of_code(CONSTANT.as_ptr() as usize), None, "data is no code");
        assert_eq!(this().code_at(u64::MAX), None);
        assert_eq!(this().constant_at(u64::MAX - 8, 64), None);
    }

    #[test]
    fn the_id_is_stable_and_the_hash_sees_the_text() {
        assert_eq!(this().id(), this().id());
        assert_ne!(hash_of_unwritten(&segments()), hash_of_unwritten(&Segments::default()));
        assert_eq!(hash_of_unwritten(&segments()), hash_of_unwritten(&segments()));
    }
}
