//! Messages as a connection carries them. `unsafe`: descriptors by number.
#![allow(unsafe_code)]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use multiproc_shm::transfer::Descriptor;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Bytes, and the descriptors beside them.
pub(crate) type Message = (Vec<u8>, Vec<OwnedFd>);

/// Another descriptor of the same description.
pub(crate) fn duplicate(fd: &Descriptor) -> OwnedFd {
    // SAFETY: for this process, which receives it as what it is.
    unsafe { fd.as_fd() }.try_clone_to_owned().unwrap()
}

/// Puts a message into the socket.
pub(crate) fn send(socket: &UnixStream, bytes: &[u8], fds: &[Descriptor]) {
    // SAFETY: to a process of the family, which receives them as what they are.
    let fds: Vec<_> = fds.iter().map(|fd| unsafe { fd.as_fd() }.as_raw_fd()).collect();
    let with = [ControlMessage::ScmRights(&fds)];
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], &with, MsgFlags::empty(), None).unwrap();
}

/// Takes one out, if there is one.
pub(crate) fn receive(socket: &UnixStream) -> Option<Message> {
    let mut bytes = vec![0; 256];
    let mut room = nix::cmsg_space!([RawFd; 8]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let got = match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::empty()) {
        Err(Errno::EAGAIN) => return None,
        got => got.unwrap(),
    };
    let (len, mut fds) = (got.bytes, Vec::new());
    for with in got.cmsgs().unwrap() {
        if let ControlMessageOwned::ScmRights(numbers) = with {
            // SAFETY: new descriptors, which the kernel has just given to this process.
            fds.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    bytes.truncate(len);
    Some((bytes, fds))
}
