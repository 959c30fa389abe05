//! Segments without names, which travel by descriptor: no name, so nothing for a tracker. `unsafe`: a descriptor that the
//! kernel has made.
#![allow(unsafe_code)]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use multiproc_shm::{SharedMemory, ShmError};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use crate::check::{Check, Failure, Judged, Lie, holds, same};
use crate::peer::{Peer, Python};

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "descriptors/inherited by cpython", run: inherited, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "descriptors/received by recv_handle", run: received, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "descriptors/sent by send_handle", run: sent, lies: &[Lie::Words, Lie::Bytes] },
];

const VALUES: [u32; 4] = [1, 1 << 16, u32::MAX, 0x0102_0304];

/// What the other side does with a segment that it has only the descriptor of.
fn turned_around(memory: &SharedMemory, peer: &mut Peer) -> Judged {
    let view = memory.raw_view::<u32>(0, &[4])?;
    let text = |values: &[u32]| values.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    same("length and values there", peer.hear()?, format!("16 {}", text(&VALUES)))?;
    // Sealed: nobody cuts it under the feet of those who read, nor makes it longer.
    same("another length", peer.hear()?, "PermissionError PermissionError")?;
    peer.hear()?;
    let mut turned = VALUES;
    turned.reverse();
    same("turned around", view.to_vec(), turned)?;
    view.set(&[3], 99)?;
    peer.say("set")?;
    turned[3] = 99;
    same("what it finds then", peer.hear()?, text(&turned))
}

fn anonymous() -> Result<SharedMemory, Failure> {
    let memory = SharedMemory::anonymous(16)?;
    memory.raw_view::<u32>(0, &[4])?.copy_from_slice(&VALUES)?;
    Ok(memory)
}

fn inherited(python: &Python) -> Judged {
    let memory = anonymous()?;
    let descriptor = inheritable(memory.try_clone_fd()?)?;
    let mut peer = python.act("descriptors.inherited", &[&descriptor.as_raw_fd().to_string(), "16"])?;
    drop(descriptor);
    turned_around(&memory, &mut peer)?;
    peer.end()?;
    Ok(())
}

/// A connection to an act that gets its descriptor.
fn connected(python: &Python, act: &str, arguments: &[&str]) -> Result<(UnixStream, Peer), Failure> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = inheritable(theirs.into())?;
    let number = theirs.as_raw_fd().to_string();
    let peer = python.act(act, &[&[&*number], arguments].concat())?;
    Ok((ours, peer))
}

fn received(python: &Python) -> Judged {
    let memory = anonymous()?;
    let (connection, mut peer) = connected(python, "descriptors.received", &["16"])?;
    // One byte that counts the descriptors, and one control message with them.
    let numbers = [memory.as_fd().as_raw_fd()];
    let control = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<()>(connection.as_raw_fd(), &[IoSlice::new(&[1])], &control, MsgFlags::empty(), None)?;
    turned_around(&memory, &mut peer)?;
    peer.end()?;
    Ok(())
}

/// The descriptor that comes next, as CPython sends it.
fn receive(connection: &UnixStream) -> Result<OwnedFd, Failure> {
    let (mut count, mut room) = ([0], nix::cmsg_space!([i32; 1]));
    let mut bytes = [IoSliceMut::new(&mut count)];
    let message =
        recvmsg::<()>(connection.as_raw_fd(), &mut bytes, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let number = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(numbers) => numbers.first().copied(),
        _ => None,
    });
    let number = number.ok_or_else(|| Failure::Broken("no descriptor has come".to_owned()))?;
    same("how many it says there are", count, [1])?;
    // SAFETY: the kernel has just made it for this process.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn sent(python: &Python) -> Judged {
    let (connection, mut peer) = connected(python, "descriptors.sent", &[])?;
    let sealed = SharedMemory::attach(receive(&connection)?)?;
    let view = sealed.raw_view::<u8>(0, &[100])?;
    same("what it wrote", view.slice_axis(0, ..5, 1)?.to_vec(), b"numpy")?;
    view.set(&[5], b'!')?;
    peer.say("set")?;
    same("what it finds then", peer.hear()?, "6e756d707921")?;
    let unsealed = SharedMemory::attach(receive(&connection)?);
    holds("one that can be cut is refused", matches!(unsealed, Err(ShmError::Corrupt { .. })))?;
    peer.say("refused")?;
    same("which changes nothing", peer.hear()?, "6e756d707900")?;
    peer.end()?;
    Ok(())
}

/// Has a program that is started have this descriptor too.
pub(crate) fn inheritable(descriptor: OwnedFd) -> Result<OwnedFd, Failure> {
    fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(descriptor)
}
