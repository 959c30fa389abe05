//! Packet sockets with an address that is no file (`unix(7)`, abstract), and who is at their other ends. `unsafe`: a descriptor that comes as a number.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, accept4, bind, connect, getsockopt, listen, socket,
    sockopt,
};
use nix::unistd::geteuid;

use super::packet;
use super::wait::timeout_until;

/// How many may stand before a door that nobody opens.
const BACKLOG: i32 = 128;

fn address(number: u64) -> io::Result<UnixAddr> {
    Ok(UnixAddr::new_abstract(format!("multiproc-{number:016x}").as_bytes())?)
}

fn packets() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    packet::above_stdio(socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?)
}

/// A socket at which others connect to this number. It is gone with its last descriptor.
pub(crate) fn open(number: u64) -> io::Result<OwnedFd> {
    let door = packets()?;
    bind(door.as_raw_fd(), &address(number)?)?;
    listen(&door, Backlog::new(BACKLOG)?)?;
    Ok(door)
}

/// The next who has connected; `None`: nobody.
pub(crate) fn admit(door: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    match accept4(door.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
        // SAFETY: a descriptor that the kernel has just made for us.
        Ok(fd) => packet::above_stdio(unsafe { OwnedFd::from_raw_fd(fd) }).map(Some),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What came of a try to connect.
pub(crate) enum Knock {
    Connected(OwnedFd),
    /// So many are before the door that there is no room.
    Crowded,
    /// Nobody has a socket with this number.
    Nobody,
}

/// Tries to connect, without waiting.
pub(crate) fn knock(number: u64) -> io::Result<Knock> {
    let fd = packets()?;
    loop {
        return match connect(fd.as_raw_fd(), &address(number)?) {
            Ok(()) => Ok(Knock::Connected(fd)),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => Ok(Knock::Crowded),
            Err(Errno::ECONNREFUSED) => Ok(Knock::Nobody),
            Err(error) => Err(error.into()),
        };
    }
}

/// Whether the other end was made by a process of this process's user.
pub(crate) fn is_of_this_user(socket: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(getsockopt(&socket, sockopt::PeerCredentials)?.uid() == geteuid().as_raw())
}

/// Waits until one of them can be read, or the deadline has passed.
pub(crate) fn until_any_readable<'a>(
    fds: impl Iterator<Item = BorrowedFd<'a>>,
    deadline: Option<std::time::Instant>,
) -> io::Result<()> {
    let mut fds: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    match poll(&mut fds, timeout_until(deadline)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
