//! Descriptors as values.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A file descriptor that travels inside a message: the receiver gets a descriptor of its own for the same open
/// file.
///
/// Put it anywhere in a value. Outside a multiproc message (in JSON, say) its `Serialize` is an error: the number
/// alone means nothing to another process. The sender's own descriptor is closed when the sent value is dropped.
///
/// ```
/// use std::fs::File;
/// use std::io::{Read, Write};
/// use multiproc_shm::transfer::Fd;
///
/// let (reader, mut writer) = std::io::pipe()?;
/// let fd = Fd::from(reader); // to be sent, over a connection for one
/// writer.write_all(b"shared")?;
/// drop(writer);
///
/// let mut text = String::new();
/// File::from(fd).read_to_string(&mut text)?;
/// assert_eq!(text, "shared");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fd(OwnedFd);

impl<T: Into<OwnedFd>> From<T> for Fd {
    fn from(fd: T) -> Self {
        Self(fd.into())
    }
}

macro_rules! into_owner {
    ($($owner:ty),*) => {$(
        impl From<Fd> for $owner {
            fn from(fd: Fd) -> Self {
                fd.0.into()
            }
        }
    )*};
}
into_owner!(
    std::fs::File,
    std::net::TcpListener,
    std::net::TcpStream,
    std::os::unix::net::UnixListener,
    std::os::unix::net::UnixStream,
    std::process::Stdio
);

impl Fd {
    /// The descriptor itself.
    pub fn into_owned(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Serialize for Fd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FdRef(self.as_fd()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::claim(u32::deserialize(deserializer)?).map(Self).map_err(super::refuse_decoding)
    }
}

/// A descriptor that is sent and stays the sender's; it arrives as an [`Fd`].
#[derive(Clone, Copy, Debug)]
pub struct FdRef<'a>(BorrowedFd<'a>);

impl<'a> From<BorrowedFd<'a>> for FdRef<'a> {
    fn from(fd: BorrowedFd<'a>) -> Self {
        Self(fd)
    }
}

impl Serialize for FdRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = super::add(self.0).map_err(super::refuse_encoding)?;
        serializer.serialize_u32(number)
    }
}
