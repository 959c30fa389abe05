//! Descriptors inside values: a side table that exists only while a message is encoded or decoded.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::LocalKey;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

/// Most descriptors in one message.
///
/// The kernel takes 253 a packet; one place is kept for the body of a long message.
pub const MAX_DESCRIPTORS: usize = 252;

/// A file descriptor that travels inside a message: the receiver gets a descriptor of its own for the same open
/// file.
///
/// Put it anywhere in a value. Outside a multiproc message (in JSON, say) its `Serialize` is an error: the number
/// alone means nothing to another process. The sender's own descriptor is closed when the sent value is dropped.
///
/// ```
/// use std::fs::File;
/// use std::io::{Read, Write};
/// use multiproc_ipc::{Fd, pipe};
///
/// let (left, right) = pipe::<(String, Fd), ()>()?;
/// let (reader, mut writer) = std::io::pipe()?;
/// left.send(("read me".to_string(), Fd::from(reader)))?;
/// writer.write_all(b"shared")?;
/// drop(writer);
///
/// let (name, fd) = right.recv()?;
/// let mut text = String::new();
/// File::from(fd).read_to_string(&mut text)?;
/// assert_eq!((name.as_str(), text.as_str()), ("read me", "shared"));
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

/// Descriptors of the message that this thread is encoding.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Descriptors that the message holds already, before these.
    base: usize,
    pub(crate) fds: Vec<OwnedFd>,
    /// Why a descriptor was refused: the format drops the text of custom errors.
    pub(crate) refused: Option<io::Error>,
}

/// Descriptors of the message that this thread is decoding; each can be taken once.
type Incoming = Vec<Option<OwnedFd>>;

thread_local! {
    static OUTGOING: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
    static INCOMING: RefCell<Option<Incoming>> = const { RefCell::new(None) };
}

type Slot<T> = &'static LocalKey<RefCell<Option<T>>>;

/// Puts back what the slot held before, also when the user's `Serialize` panics or sends a message itself.
struct Restore<T: 'static> {
    /// `None` while the thread ends and its slots are gone: then no descriptors travel.
    slot: Option<Slot<T>>,
    before: Option<T>,
}

impl<T> Restore<T> {
    fn swap_in(slot: Slot<T>, value: T) -> Self {
        match slot.try_with(|slot| slot.replace(Some(value))) {
            Ok(before) => Self { slot: Some(slot), before },
            Err(_) => Self { slot: None, before: None },
        }
    }

    fn swap_back(&mut self) -> Option<T> {
        let before = self.before.take();
        self.slot.take()?.try_with(|slot| slot.replace(before)).ok()?
    }
}

impl<T> Drop for Restore<T> {
    fn drop(&mut self) {
        self.swap_back();
    }
}

/// Runs `encode`, collecting the descriptors that it meets, to be numbered from `base` on.
pub(crate) fn collecting<T>(base: usize, encode: impl FnOnce() -> T) -> (T, Outgoing) {
    let mut slot = Restore::swap_in(&OUTGOING, Outgoing { base, ..Outgoing::default() });
    let result = encode();
    (result, slot.swap_back().unwrap_or_default())
}

/// Runs `decode`, handing out `fds`; gives back those that nobody took.
pub(crate) fn offering<T>(
    fds: Vec<Option<OwnedFd>>,
    decode: impl FnOnce() -> T,
) -> (T, Vec<Option<OwnedFd>>) {
    let mut slot = Restore::swap_in(&INCOMING, fds);
    let result = decode();
    (result, slot.swap_back().unwrap_or_default())
}

/// The text of a value that has no message around it.
const NO_MESSAGE: &str = "a descriptor travels only inside a message";

impl Outgoing {
    /// Adds a duplicate, so that the message stays whole whatever becomes of the value; gives its number.
    fn add(&mut self, fd: &OwnedFd) -> Result<u32, &'static str> {
        match fd.try_clone() {
            Ok(fd) => {
                self.fds.push(fd);
                Ok((self.base + self.fds.len() - 1) as u32)
            }
            Err(e) => {
                self.refused = Some(e);
                Err("a descriptor could not be duplicated")
            }
        }
    }
}

impl Serialize for Fd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index =
            OUTGOING.try_with(|slot| slot.borrow_mut().as_mut().map(|outgoing| outgoing.add(&self.0)));
        let index = index.ok().flatten().unwrap_or(Err(NO_MESSAGE));
        serializer.serialize_u32(index.map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Fd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)? as usize;
        let taken = INCOMING.try_with(|slot| {
            let mut slot = slot.borrow_mut();
            let fds = slot.as_mut().ok_or(NO_MESSAGE)?;
            let fd = fds.get_mut(index).and_then(Option::take);
            fd.ok_or("the message has no such descriptor, or it was taken already")
        });
        taken.unwrap_or(Err(NO_MESSAGE)).map(Fd).map_err(D::Error::custom)
    }
}
