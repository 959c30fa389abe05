//! Plain bytes over a `Connection`, beside its typed values.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::connection::{Connection, deadline_after, within};
use crate::error::{RecvError, SendError, SendErrorKind};
use crate::message::Message;

/// # Plain bytes
///
/// Nothing is encoded: what is sent is what arrives. Pair these with each other, not with [`send`](Self::send) and
/// [`recv`](Self::recv).
///
/// ```
/// let (left, right) = multiproc_ipc::pipe::<(), ()>()?;
/// left.send_bytes(b"raw".to_vec())?;
/// assert_eq!(right.recv_bytes(1024)?, b"raw");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<S, R> Connection<S, R> {
    /// Sends plain bytes, waiting for room without a limit of time.
    ///
    /// # Errors
    ///
    /// The bytes come back in a [`SendError`] if the other end is gone.
    pub fn send_bytes(&self, bytes: Vec<u8>) -> Result<(), SendError<Vec<u8>>> {
        self.send_bytes_until(bytes, None)
    }

    /// Sends plain bytes if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send_bytes`](Self::send_bytes), and [`SendErrorKind::Full`].
    pub fn try_send_bytes(&self, bytes: Vec<u8>) -> Result<(), SendError<Vec<u8>>> {
        send_with(bytes, |message| self.socket.try_send(message))
    }

    /// Sends plain bytes, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send_bytes`](Self::send_bytes), and [`SendErrorKind::TimedOut`]: then nothing was sent.
    pub fn send_bytes_timeout(&self, bytes: Vec<u8>, timeout: Duration) -> Result<(), SendError<Vec<u8>>> {
        self.send_bytes_until(bytes, deadline_after(timeout))
    }

    /// Sends plain bytes, waiting for room until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_bytes_timeout`](Self::send_bytes_timeout).
    pub fn send_bytes_deadline(&self, bytes: Vec<u8>, deadline: Instant) -> Result<(), SendError<Vec<u8>>> {
        self.send_bytes_until(bytes, Some(deadline))
    }

    fn send_bytes_until(&self, bytes: Vec<u8>, deadline: Option<Instant>) -> Result<(), SendError<Vec<u8>>> {
        send_with(bytes, |message| self.socket.send(message, deadline))
    }

    /// Receives plain bytes, at most `max` of them, waiting without a limit of time.
    ///
    /// # Errors
    ///
    /// [`RecvError::TooLong`] drops that message alone; else as [`recv`](Self::recv).
    pub fn recv_bytes(&self, max: u64) -> Result<Vec<u8>, RecvError> {
        bytes_of(self.socket.recv(None)?, max)
    }

    /// Receives plain bytes, at most `max` of them, if a message is there.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes`](Self::recv_bytes), and [`RecvError::Empty`].
    pub fn try_recv_bytes(&self, max: u64) -> Result<Vec<u8>, RecvError> {
        bytes_of(self.socket.recv_now().unwrap_or(Err(RecvError::Empty))?, max)
    }

    /// Receives plain bytes, at most `max` of them, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes`](Self::recv_bytes), and [`RecvError::TimedOut`].
    pub fn recv_bytes_timeout(&self, max: u64, timeout: Duration) -> Result<Vec<u8>, RecvError> {
        bytes_of(self.socket.recv(deadline_after(timeout))?, max)
    }

    /// Receives plain bytes, at most `max` of them, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_timeout`](Self::recv_bytes_timeout).
    pub fn recv_bytes_deadline(&self, max: u64, deadline: Instant) -> Result<Vec<u8>, RecvError> {
        bytes_of(self.socket.recv(Some(deadline))?, max)
    }

    /// Receives plain bytes into a buffer and returns their number, waiting without a limit of time.
    ///
    /// # Errors
    ///
    /// [`RecvError::BufferTooShort`] hands back the whole message; else as [`recv_bytes`](Self::recv_bytes).
    pub fn recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        into_buffer(self.recv_bytes(self.max_len())?, buffer)
    }

    /// Receives plain bytes into a buffer if a message is there.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into`](Self::recv_bytes_into), and [`RecvError::Empty`].
    pub fn try_recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        into_buffer(self.try_recv_bytes(self.max_len())?, buffer)
    }

    /// Receives plain bytes into a buffer, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into`](Self::recv_bytes_into), and [`RecvError::TimedOut`].
    pub fn recv_bytes_into_timeout(&self, buffer: &mut [u8], timeout: Duration) -> Result<usize, RecvError> {
        into_buffer(self.recv_bytes_timeout(self.max_len(), timeout)?, buffer)
    }

    /// Receives plain bytes into a buffer, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into_timeout`](Self::recv_bytes_into_timeout).
    pub fn recv_bytes_into_deadline(&self, buffer: &mut [u8], deadline: Instant) -> Result<usize, RecvError> {
        into_buffer(self.recv_bytes_deadline(self.max_len(), deadline)?, buffer)
    }

    fn max_len(&self) -> u64 {
        self.max_len.load(Relaxed)
    }
}

fn into_buffer(message: Vec<u8>, buffer: &mut [u8]) -> Result<usize, RecvError> {
    match buffer.get_mut(..message.len()) {
        Some(part) => {
            part.copy_from_slice(&message);
            Ok(message.len())
        }
        None => Err(RecvError::BufferTooShort { message, buffer: buffer.len() }),
    }
}

fn send_with(
    bytes: Vec<u8>,
    send: impl FnOnce(&Message) -> Result<(), SendErrorKind>,
) -> Result<(), SendError<Vec<u8>>> {
    let message = Message::of_bytes(bytes);
    send(&message).map_err(|kind| {
        let value = message.into_bytes().expect("made of bytes above, held in memory");
        SendError { value, kind }
    })
}

fn bytes_of(message: Message, max: u64) -> Result<Vec<u8>, RecvError> {
    Ok(within(message, max)?.into_bytes()?)
}
