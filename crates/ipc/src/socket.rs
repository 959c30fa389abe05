//! Messages over a packet socket: whole or not at all, in order, with their descriptors.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use multiproc_shm::transfer::Descriptor;
use multiproc_sync::Pace;

use crate::error::{RecvError, SendErrorKind};
use crate::header::{HEADER_LEN, Header};
use crate::message::{Body, Message};
use crate::sys::wait::Interest;
use crate::sys::{packet, spill, wait};

/// Longest body that travels inside its packet; longer ones go through an anonymous file.
///
/// Well under half of the smallest send buffer that Linux gives by default (212,992 bytes).
pub const INLINE_MAX: usize = 64 * 1024;

/// One end of a pair of sockets that carry [`Message`]s.
///
/// The layer below [`Connection`](crate::Connection). Each message is one packet, so it arrives whole or not at all,
/// whenever either process is killed; a body above [`INLINE_MAX`] bytes lies in an anonymous file that the packet
/// refers to. Any number of threads may send and receive at once.
#[derive(Debug)]
pub struct MessageSocket {
    fd: OwnedFd,
    pace: Pace,
}

/// What a receiver that does not wait found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Polled {
    /// The next message.
    Message(Message),
    /// Nothing yet.
    Empty,
    /// The other end was closed and held messages of ours that it never took. What it sent can still be received.
    Unread,
    /// The other end is gone and everything it sent has been received.
    Disconnected,
}

impl MessageSocket {
    /// Two connected ends.
    ///
    /// # Errors
    ///
    /// The process may not open two more descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = packet::pair()?;
        Ok((Self::over(a), Self::over(b)))
    }

    /// Takes over a descriptor that is one end of a pair, inherited or received.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not a Unix socket of type `SOCK_SEQPACKET`.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        if packet::is_packet_socket(fd.as_fd()) {
            Ok(Self::over(fd))
        } else {
            let message = "the descriptor is not a Unix socket of type SOCK_SEQPACKET";
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }

    fn over(fd: OwnedFd) -> Self {
        Self { fd, pace: Pace::new() }
    }

    /// The descriptor, for handing it to a child.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Sends without waiting; the message can be sent again.
    ///
    /// # Errors
    ///
    /// `Full` if there is no room now, `Disconnected` if the other end is gone, `Io` for the kernel's refusals.
    pub fn try_send(&self, message: &Message) -> Result<(), SendErrorKind> {
        let spilled;
        let (file, body): (Option<BorrowedFd<'_>>, &[u8]) = match &message.body {
            Body::Inline(bytes) if bytes.len() <= INLINE_MAX => (None, bytes),
            Body::Inline(bytes) => {
                spilled = spill::write(bytes).map_err(SendErrorKind::Io)?;
                (Some(spilled.as_fd()), &[])
            }
            Body::Spilled { file, .. } => (Some(file.as_fd()), &[]),
        };
        let header = Header {
            kind: message.kind,
            spilled: file.is_some(),
            fds: message.fds.len() as u16,
            len: message.len(),
            tag: message.tag,
        };
        let fds: Vec<_> =
            file.iter().map(AsRawFd::as_raw_fd).chain(message.fds.iter().map(packet::number)).collect();
        packet::send(self.fd.as_fd(), &header.to_bytes(), body, &fds).map_err(|e| {
            match e.raw_os_error() {
                // ETOOMANYREFS: the user's messages that nobody has received hold as many files as one may have open.
                Some(libc::EAGAIN | libc::ETOOMANYREFS) => SendErrorKind::Full,
                // ECONNRESET: the other end was closed with messages of ours unread.
                Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN) => SendErrorKind::Disconnected,
                _ => SendErrorKind::Io(e),
            }
        })?;
        message.transfers.commit();
        Ok(())
    }

    /// Sends, waiting for room until the deadline; without one, for ever.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), with `TimedOut` in the place of `Full`.
    pub fn send(&self, message: &Message, deadline: Option<Instant>) -> Result<(), SendErrorKind> {
        let mut ready = false;
        loop {
            match self.try_send(message) {
                Err(SendErrorKind::Full) => {}
                other => return other,
            }
            // Ready and yet full: it is not this queue that is full but a limit over all, which has no event.
            if ready && !wait::a_moment(deadline) {
                return Err(SendErrorKind::TimedOut);
            }
            ready = wait::until_ready(self.fd.as_fd(), Interest::Writable, deadline)
                .map_err(SendErrorKind::Io)?;
            if !ready {
                return Err(SendErrorKind::TimedOut);
            }
        }
    }

    /// Ends the connection for both sides, whoever else holds descriptors of it: the other end receives what was sent
    /// and then finds it disconnected.
    pub fn shut_down(&self) {
        packet::shut_down(self.fd.as_fd());
    }

    /// Receives without waiting.
    ///
    /// # Errors
    ///
    /// A packet that breaks the format, or the kernel's refusal. The packet is gone, the next one can be received.
    pub fn poll_recv(&self) -> Result<Polled, RecvError> {
        let mut buffer = Scratch::take();
        let mut fds = Vec::new();
        let received = match packet::receive(self.fd.as_fd(), &mut buffer.0, &mut fds) {
            Ok(received) => received,
            Err(e) => {
                return match e.raw_os_error() {
                    Some(libc::EAGAIN) => Ok(Polled::Empty),
                    Some(libc::ECONNRESET) => Ok(Polled::Unread),
                    _ => Err(RecvError::Io(e)),
                };
            }
        };
        if received.end {
            // What reads as the end of the stream may also be a packet of no bytes.
            return match packet::is_hung_up(self.fd.as_fd()) {
                true => Ok(Polled::Disconnected),
                false => Err(RecvError::Corrupt { what: "empty" }),
            };
        }
        if received.fds_lost {
            return Err(RecvError::DescriptorsLost);
        }
        if received.cut {
            return Err(RecvError::Corrupt { what: "longer than a packet may be" });
        }
        let packet = buffer.0.as_slice();
        let header = Header::check(packet, fds.len()).map_err(|what| RecvError::Corrupt { what })?;
        let body = if header.spilled {
            Body::Spilled { file: fds.remove(0), len: header.len }
        } else {
            Body::Inline(packet[HEADER_LEN..].to_vec())
        };
        let fds = fds.into_iter().map(Descriptor::from).collect();
        Ok(Polled::Message(Message { kind: header.kind, body, fds, tag: header.tag, ..Message::new() }))
    }

    /// Receives, waiting until the deadline; without one, for ever. Spins first, as [`Pace`] says.
    ///
    /// # Errors
    ///
    /// `TimedOut`, `Disconnected`, or as [`poll_recv`](Self::poll_recv).
    pub fn recv(&self, deadline: Option<Instant>) -> Result<Message, RecvError> {
        if let Some(found) = self.recv_now() {
            return found;
        }
        if let Some(found) = self.pace.spin(deadline, || self.recv_now()) {
            return found;
        }
        loop {
            if !self.wait_readable(deadline).map_err(RecvError::Io)? {
                return Err(RecvError::TimedOut);
            }
            if let Some(found) = self.recv_now() {
                return found;
            }
        }
    }

    /// What is there now; `None` if nothing is and something may still come.
    pub(crate) fn recv_now(&self) -> Option<Result<Message, RecvError>> {
        loop {
            return match self.poll_recv() {
                Ok(Polled::Message(message)) => Some(Ok(message)),
                Ok(Polled::Empty) => None,
                Ok(Polled::Disconnected) => Some(Err(RecvError::Disconnected)),
                Ok(Polled::Unread) => continue, // reported once
                Err(e) => Some(Err(e)),
            };
        }
    }

    /// Waits until something can be received, be it the end; `false` at the deadline.
    pub(crate) fn wait_readable(&self, deadline: Option<Instant>) -> io::Result<bool> {
        wait::until_ready(self.fd.as_fd(), Interest::Readable, deadline)
    }
}

impl AsFd for MessageSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// This thread's buffer for one packet, given back on drop.
struct Scratch(Vec<u8>);

impl Scratch {
    fn take() -> Self {
        // While a thread ends its slot may be gone already, as below.
        let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        buffer.reserve_exact(HEADER_LEN + INLINE_MAX); // not written, so that pages nobody needs are never touched
        Self(buffer)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        let _ = SCRATCH.try_with(|slot| slot.set(buffer));
    }
}
