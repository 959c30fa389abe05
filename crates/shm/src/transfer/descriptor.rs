//! A descriptor on its way. `unsafe`: to look into it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A file descriptor beside a message: for those who carry messages, and for nobody else.
///
/// It may be that of a segment in which a value lies that is borrowed, or a lock. A `File` of that could write into it, by safe calls and
/// beside all locks. So what safe code can do with it is to pass it on, and to drop it; a clone is the same descriptor once more, not
/// another one of the process's.
///
/// ```
/// use multiproc_shm::transfer::Descriptor;
/// let descriptor = Descriptor::from(std::os::fd::OwnedFd::from(std::io::pipe()?.0));
/// let same = descriptor.clone(); // no system call, no number
/// drop((descriptor, same));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Descriptor(Arc<File>);

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self(Arc::new(fd.into()))
    }
}

impl From<Arc<File>> for Descriptor {
    fn from(file: Arc<File>) -> Self {
        Self(file)
    }
}

impl Descriptor {
    /// The descriptor itself, to be sent.
    ///
    /// # Safety
    ///
    /// It goes to a process of the same family, which receives it as a `Descriptor`; or its file is known to be no segment of this crate's.
    /// It is not read, written, mapped or cut.
    pub unsafe fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// As [`as_fd`](Self::as_fd), for this crate, which does with its segments what their types promise.
    pub(crate) fn borrowed(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// As [`borrowed`](Self::borrowed).
    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    /// The descriptor itself; a duplicate if there are clones.
    pub(crate) fn into_owned(self) -> io::Result<OwnedFd> {
        match Arc::try_unwrap(self.0) {
            Ok(file) => Ok(file.into()),
            Err(shared) => shared.as_fd().try_clone_to_owned(),
        }
    }
}

/// Inside a message only: it takes no further number of the sender's.
impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = super::add_descriptor(self.clone()).map_err(super::refuse_encoding)?;
        serializer.serialize_u32(number)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::claim_descriptor(u32::deserialize(deserializer)?).map_err(super::refuse_decoding)
    }
}
