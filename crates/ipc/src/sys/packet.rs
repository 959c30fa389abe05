//! Packets with descriptors over Unix sockets. `unsafe`: control messages are laid out by hand, because a
//! truncated one must still be walked (the descriptors that did arrive would leak otherwise).
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ops::Not;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use multiproc_shm::transfer::Descriptor;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Shutdown, SockFlag, SockType, getsockopt, shutdown, socketpair, sockopt,
};

/// Most descriptors that the kernel takes in one packet (`SCM_MAX_FD`).
pub(crate) const MAX_FDS: usize = 253;

/// Room for the descriptors of one packet.
// SAFETY: `CMSG_SPACE` is arithmetic on its argument.
const CONTROL_LEN: usize = unsafe { libc::CMSG_SPACE((MAX_FDS * size_of::<RawFd>()) as u32) } as usize;

/// Room for one control message, aligned as the kernel's header wants it.
#[repr(C)]
union Control {
    _header: libc::cmsghdr,
    bytes: [MaybeUninit<u8>; CONTROL_LEN],
}

/// Two connected sockets that keep packet boundaries, closed on exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((above_stdio(a)?, above_stdio(b)?))
}

/// Moves a descriptor off the numbers of standard input, output and error, which it gets in a program that has closed
/// them: what is printed there would be sent.
pub(super) fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO { Ok(fd) } else { fd.try_clone() }
}

/// Whether the other end is closed.
pub(crate) fn is_hung_up(fd: BorrowedFd<'_>) -> bool {
    // Also when it only will send no more. nix has no name for that.
    let mut fds = [PollFd::new(fd, PollFlags::from_bits_retain(libc::POLLRDHUP))];
    // A process that may not even poll will not receive either: an end it is.
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready == 0).not()
}

/// Whether `fd` is a Unix socket that keeps packet boundaries.
pub(crate) fn is_packet_socket(fd: BorrowedFd<'_>) -> bool {
    let seqpacket = getsockopt(&fd, sockopt::SockType).is_ok_and(|t| t == SockType::SeqPacket);
    let unix = nix::sys::socket::getsockname::<nix::sys::socket::UnixAddr>(fd.as_raw_fd()).is_ok();
    seqpacket && unix
}

/// Ends the connection in both directions.
pub(crate) fn shut_down(fd: BorrowedFd<'_>) {
    // Fails only if the other end is gone already.
    let _ = shutdown(fd.as_raw_fd(), Shutdown::Both);
}

/// A descriptor's number, for [`send`].
pub(crate) fn number(descriptor: &Descriptor) -> RawFd {
    // SAFETY: the number is used to send it alone, and received as a `Descriptor`. To whom: the sockets of this crate connect processes
    // of one family, as its page says.
    unsafe { descriptor.as_fd() }.as_raw_fd()
}

/// Sends one packet, all or nothing, never waiting.
pub(crate) fn send(fd: BorrowedFd<'_>, head: &[u8], body: &[u8], fds: &[RawFd]) -> io::Result<()> {
    debug_assert!(fds.len() <= MAX_FDS, "the caller checks the number of descriptors");
    let mut parts = [
        libc::iovec { iov_base: head.as_ptr().cast_mut().cast(), iov_len: head.len() },
        libc::iovec { iov_base: body.as_ptr().cast_mut().cast(), iov_len: body.len() },
    ];
    let mut control = Control { bytes: [MaybeUninit::uninit(); CONTROL_LEN] };
    // SAFETY: all-zero is a valid `msghdr` (null pointers with zero lengths).
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = if body.is_empty() { 1 } else { 2 };
    if !fds.is_empty() {
        let payload = size_of_val(fds);
        control.bytes = [MaybeUninit::zeroed(); CONTROL_LEN];
        message.msg_control = ptr::from_mut(&mut control).cast();
        // SAFETY: arithmetic; the result is at most CONTROL_LEN because `fds` has at most MAX_FDS items.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(payload as u32) } as _;
        // SAFETY: `msg_control` points at `control`, zeroed, aligned as a `cmsghdr`, with room for the header
        // and `payload` bytes behind it; so the first header exists and its data can be written.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(payload as u32) as _;
            ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), payload);
        }
    }
    loop {
        // SAFETY: `message` and all it points to (parts, their buffers, control) live across the call, and the
        // kernel only reads them.
        let sent =
            unsafe { libc::sendmsg(fd.as_raw_fd(), &message, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        if sent >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// What [`receive`] found.
pub(crate) struct Received {
    /// The peer is gone and nothing is left.
    pub(crate) end: bool,
    /// The packet was longer than the buffer.
    pub(crate) cut: bool,
    /// Descriptors were sent that this process had no room for.
    pub(crate) fds_lost: bool,
}

/// Takes one packet, never waiting, in the place of what `buffer` holds; as much of it as the capacity allows.
/// Descriptors are added to `fds`, closed on exec.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    fds: &mut Vec<OwnedFd>,
) -> io::Result<Received> {
    buffer.clear();
    let room = buffer.spare_capacity_mut();
    let mut part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut control = Control { bytes: [MaybeUninit::uninit(); CONTROL_LEN] };
    // SAFETY: all-zero is a valid `msghdr`.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = ptr::from_mut(&mut control).cast();
    message.msg_controllen = CONTROL_LEN as _;
    let len = loop {
        let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
        // SAFETY: the kernel writes at most `room.len()` bytes to the buffer and CONTROL_LEN to `control`; both live
        // across the call and nobody else refers to them.
        let len = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, flags) };
        if len >= 0 {
            break len as usize;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    if message.msg_controllen > 0 {
        // SAFETY: the kernel filled `msg_controllen` bytes of `control` with well-formed headers, also when it
        // ran out of room (MSG_CTRUNC), where the last one is shortened.
        unsafe { collect_fds(&message, fds) };
    }
    // SAFETY: the kernel has written the first `len` bytes, no more than the capacity.
    unsafe { buffer.set_len(len) };
    Ok(Received {
        end: len == 0,
        cut: message.msg_flags & libc::MSG_TRUNC != 0,
        fds_lost: message.msg_flags & libc::MSG_CTRUNC != 0,
    })
}

/// Takes ownership of every descriptor in the control messages of `message`.
///
/// # Safety
///
/// `message` has just been filled by a successful `recvmsg`, its control buffer is alive, and nobody has taken
/// the descriptors yet.
unsafe fn collect_fds(message: &libc::msghdr, fds: &mut Vec<OwnedFd>) {
    // SAFETY: the caller promises a well-formed control buffer, which is what the CMSG functions walk. A
    // header's `cmsg_len` counts itself and whole descriptors. Each number is a descriptor that the kernel has
    // just installed for us alone.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(h) = header.as_ref() {
            if h.cmsg_level == libc::SOL_SOCKET && h.cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header);
                let count = h.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                for i in 0..count {
                    let raw = ptr::read_unaligned(data.cast::<RawFd>().add(i));
                    fds.push(OwnedFd::from_raw_fd(raw));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
}
