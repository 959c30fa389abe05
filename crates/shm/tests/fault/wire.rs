//! Handles between the processes of a scenario: a message with descriptors over a socket that all of them have. `unsafe`: descriptors of
//! messages are looked into.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use memmap2::MmapOptions;
use multiproc_shm::SharedArray;
use multiproc_shm::transfer::{self, Descriptor, Outgoing};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes an array that nobody holds but a message on the wire. Gives a descriptor of its file, and where it is mapped beside all handles: there
/// stores are seen, and what is left.
pub(crate) fn put(wire: &Wire, array: &SharedArray<u64>) -> (RawFd, Range<usize>) {
    wire.open();
    wire.send(array);
    let mut own = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let is_array = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|link| link.to_string_lossy().contains("/memfd:multiproc-shm"))
    };
    let file = File::options().read(true).write(true).open(own.find(is_array).unwrap()).unwrap();
    let map = MmapOptions::new().map_raw(&file).unwrap();
    let start = map.as_ptr().addr();
    let range = start..start + map.len();
    std::mem::forget(map);
    (file.into_raw_fd(), range)
}

/// Another description of the file behind a descriptor.
pub(crate) fn reopen(fd: RawFd) -> OwnedFd {
    File::options().read(true).write(true).open(format!("/proc/self/fd/{fd}")).unwrap().into()
}

/// The numbers of its ends, in each fork the same.
#[repr(C)]
pub(crate) struct Wire {
    near: AtomicI32,
    far: AtomicI32,
}

/// What came over a wire.
pub(crate) struct Parcel {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Wire {
    /// Before the forks.
    pub(crate) fn open(&self) {
        let (near, far) = UnixStream::pair().unwrap();
        self.near.store(near.into_raw_fd(), SeqCst);
        self.far.store(far.into_raw_fd(), SeqCst);
    }

    pub(crate) fn send<T: Serialize>(&self, value: &T) {
        self.post(value).transfers.commit();
    }

    /// Sends it, and does not yet tell it so.
    pub(crate) fn post<T: Serialize>(&self, value: &T) -> Outgoing {
        let (bytes, sent) = transfer::encoding(0, || postcard::to_stdvec(value));
        let bytes = bytes.unwrap();
        // SAFETY: it goes to the same family, which receives it as a `Descriptor`.
        let fds: Vec<RawFd> = sent.fds.iter().map(|fd| unsafe { fd.as_fd() }.as_raw_fd()).collect();
        let with = [ControlMessage::ScmRights(&fds)];
        sendmsg::<()>(self.near.load(SeqCst), &[IoSlice::new(&bytes)], &with, MsgFlags::empty(), None)
            .unwrap();
        sent
    }

    /// Waits for a message.
    pub(crate) fn take(&self) -> Parcel {
        self.take_by(MsgFlags::empty()).expect("somebody sends")
    }

    /// A message that is there already.
    pub(crate) fn try_take(&self) -> Option<Parcel> {
        self.take_by(MsgFlags::MSG_DONTWAIT)
    }

    fn take_by(&self, flags: MsgFlags) -> Option<Parcel> {
        let mut bytes = vec![0; 256];
        let mut space = nix::cmsg_space!([RawFd; 4]);
        let mut into = [IoSliceMut::new(&mut bytes)];
        let got = recvmsg::<()>(self.far.load(SeqCst), &mut into, Some(&mut space), flags).ok()?;
        let mut fds = Vec::new();
        for message in got.cmsgs().unwrap() {
            if let ControlMessageOwned::ScmRights(numbers) = message {
                // SAFETY: they have just come, and are nobody else's.
                fds.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
            }
        }
        let len = got.bytes;
        bytes.truncate(len);
        Some(Parcel { bytes, fds })
    }
}

impl Parcel {
    /// What a handle would have been sent as, with the segment behind this descriptor in the place of its own.
    pub(crate) fn like<T: Serialize>(value: &T, segment: OwnedFd) -> Self {
        let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(value));
        // SAFETY: duplicated to be received as a `Descriptor`, by this process.
        let family = unsafe { sent.fds[1].as_fd() }.try_clone_to_owned().unwrap();
        sent.fds.clear();
        Self { bytes: bytes.unwrap(), fds: vec![segment, family] }
    }

    /// The same with other bytes.
    pub(crate) fn with_bytes(self, bytes: Vec<u8>) -> Self {
        Self { bytes, ..self }
    }

    pub(crate) fn try_clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), fds: self.fds.iter().map(|fd| fd.try_clone().unwrap()).collect() }
    }

    pub(crate) fn open<T: DeserializeOwned>(self) -> Result<T, String> {
        let fds = self.fds.into_iter().map(|fd| Some(Descriptor::from(fd))).collect();
        let (value, left) = transfer::decoding(fds, || postcard::from_bytes(&self.bytes));
        value.map_err(|error| left.refused.map_or(error.to_string(), |refused| refused.to_string()))
    }
}
