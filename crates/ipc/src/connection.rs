//! `Connection`: typed messages between two processes.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use multiproc_shm::transfer::{self, Fd, FdRef};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::{RecvError, SendError, SendErrorKind};
use crate::message::Message;
use crate::socket::MessageSocket;

/// Longest message that a connection takes unless told otherwise: 16 GiB.
pub const DEFAULT_MAX_LEN: u64 = 1 << 34;

/// One end of a two-way connection that sends `S` and receives `R`.
///
/// Values are moved: `send` takes its value and gives it back inside the error if it was not sent. Each message
/// arrives whole or not at all, whichever process is killed at whatever instruction; lengths are 64 bits wide;
/// [`Fd`]s and connections inside a value arrive as descriptors of the receiver's own. Messages come in the order in
/// which they were sent. Several threads may use one end at once through `&self`.
///
/// # Death
///
/// When the other end is dropped, or the last process that holds it dies, messages that it had sent can still be
/// received; then every receive is [`RecvError::Disconnected`], and every send [`SendErrorKind::Disconnected`], at
/// once.
///
/// # Cost
///
/// A message of up to 64 KiB is one system call a side, a longer one costs an anonymous file. Receiving spins for
/// up to 40 µs before it sleeps, as [`Pace`](multiproc_sync::Pace) says.
///
/// Plain `Vec<u8>` inside a value is encoded byte by byte; `send_bytes` copies.
///
/// # What serde attributes do not work
///
/// The format does not write names, so a value must write all its fields, always: `skip_serializing_if` misleads the
/// receiver, `flatten` and `untagged` are errors.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use multiproc_ipc::{RecvError, pipe};
///
/// let (left, right) = pipe::<String, usize>()?;
/// let echo = std::thread::spawn(move || {
///     while let Ok(line) = right.recv() {
///         right.send(line.len()).unwrap();
///     }
/// });
/// left.send("seven..".to_string())?;
/// assert_eq!(left.recv()?, 7);
/// assert!(matches!(left.recv_timeout(Duration::from_millis(1)), Err(RecvError::TimedOut)));
/// drop(left);
/// echo.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.connection.Connection")]
pub struct Connection<S, R> {
    pub(crate) socket: MessageSocket,
    pub(crate) max_len: AtomicU64,
    // Sends S and gives R, holds neither: usable from any thread whatever they are.
    types: PhantomData<fn(S) -> R>,
}

/// Two connected ends; what one sends the other receives.
///
/// # Errors
///
/// The process may not open two more descriptors.
///
/// ```
/// let (asker, answerer) = multiproc_ipc::pipe::<u32, bool>()?;
/// asker.send(7)?;
/// answerer.send(answerer.recv()? % 2 == 1)?;
/// assert!(asker.recv()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Pipe")]
pub fn pipe<A, B>() -> io::Result<(Connection<A, B>, Connection<B, A>)> {
    let (a, b) = MessageSocket::pair()?;
    Ok((Connection::new(a), Connection::new(b)))
}

impl<S, R> Connection<S, R> {
    /// A connection over one end of a pair of message sockets. Nothing checks that the other end has the same types:
    /// a message of another type is an error of its receiver.
    pub fn new(socket: MessageSocket) -> Self {
        Self { socket, max_len: AtomicU64::new(DEFAULT_MAX_LEN), types: PhantomData }
    }

    /// The layer below, for messages that are encoded elsewhere.
    pub fn into_socket(self) -> MessageSocket {
        self.socket
    }

    /// Sets the longest message that is received; a longer one is [`RecvError::TooLong`], and dropped.
    pub fn set_max_len(&self, bytes: u64) {
        self.max_len.store(bytes, Relaxed);
    }

    /// Waits until something can be received: a message, or the end of the connection. `false` says that the time
    /// passed first; a zero timeout just looks.
    ///
    /// # Errors
    ///
    /// The kernel's refusal to wait.
    pub fn poll(&self, timeout: Duration) -> io::Result<bool> {
        self.socket.wait_readable(deadline_after(timeout))
    }

    /// As [`poll`](Self::poll), until `deadline`.
    ///
    /// # Errors
    ///
    /// The kernel's refusal to wait.
    pub fn poll_deadline(&self, deadline: Instant) -> io::Result<bool> {
        self.socket.wait_readable(Some(deadline))
    }
}

impl<S: Serialize, R> Connection<S, R> {
    /// Sends a value, waiting for room without a limit of time.
    ///
    /// # Errors
    ///
    /// The value comes back in a [`SendError`] if the other end is gone or the value cannot be encoded.
    pub fn send(&self, value: S) -> Result<(), SendError<S>> {
        self.send_until(value, None)
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendErrorKind::Full`].
    pub fn try_send(&self, value: S) -> Result<(), SendError<S>> {
        self.send_with(value, |message| self.socket.try_send(message))
    }

    /// Sends a value, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendErrorKind::TimedOut`]: then nothing of the value was sent.
    pub fn send_timeout(&self, value: S, timeout: Duration) -> Result<(), SendError<S>> {
        self.send_until(value, deadline_after(timeout))
    }

    /// Sends a value, waiting for room until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_deadline(&self, value: S, deadline: Instant) -> Result<(), SendError<S>> {
        self.send_until(value, Some(deadline))
    }

    fn send_until(&self, value: S, deadline: Option<Instant>) -> Result<(), SendError<S>> {
        self.send_with(value, |message| self.socket.send(message, deadline))
    }

    fn send_with(
        &self,
        value: S,
        send: impl FnOnce(&Message) -> Result<(), SendErrorKind>,
    ) -> Result<(), SendError<S>> {
        let sent = Message::encode(&value).map_err(SendErrorKind::Encode).and_then(|message| send(&message));
        sent.map_err(|kind| SendError { value, kind })
    }
}

impl<S, R: DeserializeOwned> Connection<S, R> {
    /// Receives a value, waiting without a limit of time.
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] once the other end is gone and all it sent is received. A message that is too long,
    /// corrupt or no `R` is an error of that message alone: the next call receives the next one.
    pub fn recv(&self) -> Result<R, RecvError> {
        self.recv_until(None)
    }

    /// Receives a value if one is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`RecvError::Empty`].
    pub fn try_recv(&self) -> Result<R, RecvError> {
        match self.socket.recv_now() {
            Some(found) => self.decode(found?),
            None => Err(RecvError::Empty),
        }
    }

    /// Receives a value, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`RecvError::TimedOut`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, RecvError> {
        self.recv_until(deadline_after(timeout))
    }

    /// Receives a value, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&self, deadline: Instant) -> Result<R, RecvError> {
        self.recv_until(Some(deadline))
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<R, RecvError> {
        self.decode(self.socket.recv(deadline)?)
    }

    fn decode(&self, message: Message) -> Result<R, RecvError> {
        Ok(within(message, self.max_len.load(Relaxed))?.decode()?)
    }
}

pub(crate) fn within(message: Message, max: u64) -> Result<Message, RecvError> {
    match message.len() {
        len if len > max => Err(RecvError::TooLong { len, max }),
        _ => Ok(message),
    }
}

/// A time so far away that it cannot be told is no deadline.
pub(crate) fn deadline_after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

impl<S, R> AsFd for Connection<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S, R> From<Connection<S, R>> for OwnedFd {
    fn from(connection: Connection<S, R>) -> Self {
        connection.socket.into_fd()
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("sends", &std::any::type_name::<S>())
            .field("receives", &std::any::type_name::<R>())
            .field("socket", &self.socket)
            .finish()
    }
}

/// A connection travels inside a message, as an [`Fd`] does: sent by value, it moves to the receiver.
impl<S, R> Serialize for Connection<S, R> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        FdRef::from(self.as_fd()).serialize(serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fd = Fd::deserialize(deserializer)?.into_owned();
        Ok(Self::new(MessageSocket::from_fd(fd).map_err(transfer::refuse_decoding)?))
    }
}
