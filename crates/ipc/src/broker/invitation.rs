//! `Invitation`: where an offer is, and the right to it.

use std::fmt;
use std::os::fd::AsFd;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::error::{AcceptError, InvitationError};
use super::{Request, Verdict};
use crate::connection::deadline_after;
use crate::error::{DecodeError, RecvError, SendErrorKind};
use crate::message::Message;
use crate::socket::MessageSocket;
use crate::sys::door::{self, Knock};
use crate::sys::wait;

/// How long [`Invitation::accept`] waits for an answer.
pub const ACCEPT_LIMIT: Duration = Duration::from_secs(5);

/// The right to what is [offered](super::Offer): a line of text, to be kept from those who shall not have it.
///
/// `Display` writes it, `parse` reads it; it goes inside messages and through serde's text formats too. `Debug` does not show the secret.
///
/// ```
/// use multiproc_ipc::{Invitation, Offer};
/// let offer = Offer::new("welcome".to_string())?;
/// let line = offer.invitation().to_string();
/// assert_eq!(line.len(), 69);
/// assert_eq!(line.parse::<Invitation>()?.accept::<String>()?, "welcome");
/// assert!("no invitation".parse::<Invitation>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    pub(super) address: u64,
    pub(super) number: u64,
    pub(super) secret: u128,
}

impl Invitation {
    /// Gets what is offered. Waits up to [`ACCEPT_LIMIT`], or as long as a process takes that is busy: some microseconds.
    ///
    /// # Errors
    ///
    /// [`FamilyGone`](AcceptError::FamilyGone) if the process that offered has ended, or is in another network namespace;
    /// [`Withdrawn`](AcceptError::Withdrawn) if the offer was dropped; [`TimedOut`](AcceptError::TimedOut);
    /// [`ForeignUser`](AcceptError::ForeignUser); [`Decode`](AcceptError::Decode) if it is no `T`, or a handle that this process cannot have.
    pub fn accept<T: DeserializeOwned>(&self) -> Result<T, AcceptError> {
        self.accept_timeout(ACCEPT_LIMIT)
    }

    /// As [`accept`](Self::accept), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn accept_timeout<T: DeserializeOwned>(&self, timeout: Duration) -> Result<T, AcceptError> {
        self.accept_until(deadline_after(timeout))
    }

    /// As [`accept`](Self::accept), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn accept_deadline<T: DeserializeOwned>(&self, deadline: Instant) -> Result<T, AcceptError> {
        self.accept_until(Some(deadline))
    }

    fn accept_until<T: DeserializeOwned>(&self, deadline: Option<Instant>) -> Result<T, AcceptError> {
        // The broker sends away who stands still for long, and who cannot be answered. Whether it has ended shows when it is asked again.
        let answer = loop {
            match self.ask(deadline)? {
                Some(answer) => break answer,
                None if wait::a_moment(deadline) => {}
                None => return Err(AcceptError::TimedOut),
            }
        };
        let mut values = answer.into_values()?;
        match values.next()? {
            Verdict::Withdrawn => Err(AcceptError::Withdrawn),
            Verdict::Given => {
                let value = values.next()?;
                values.finish::<T>()?;
                Ok(value)
            }
        }
    }

    /// Asks once; `None`: the other end was closed before it answered.
    fn ask(&self, deadline: Option<Instant>) -> Result<Option<Message>, AcceptError> {
        let socket = self.connect(deadline)?;
        let request = Message::encode(&Request { number: self.number, secret: self.secret });
        let request = request.expect("three numbers are a message");
        match socket.send(&request, deadline) {
            Ok(()) => {}
            Err(SendErrorKind::Disconnected) => return Ok(None),
            Err(SendErrorKind::Io(error)) => return Err(AcceptError::Io(error)),
            Err(_) => return Err(AcceptError::TimedOut),
        }
        match socket.recv(deadline) {
            Ok(answer) => Ok(Some(answer)),
            Err(RecvError::Disconnected) => Ok(None),
            Err(RecvError::TimedOut) => Err(AcceptError::TimedOut),
            Err(RecvError::Decode(error)) => Err(AcceptError::Decode(error)),
            Err(RecvError::Io(error)) => Err(AcceptError::Io(error)),
            Err(other) => Err(AcceptError::Receive(other)),
        }
    }

    fn connect(&self, deadline: Option<Instant>) -> Result<MessageSocket, AcceptError> {
        loop {
            match door::knock(self.address).map_err(AcceptError::Io)? {
                Knock::Connected(fd) => {
                    // Whoever listens at this number has it from the kernel, which gives it to the first who asks.
                    if !door::is_of_this_user(fd.as_fd()).map_err(AcceptError::Io)? {
                        return Err(AcceptError::ForeignUser);
                    }
                    return MessageSocket::from_fd(fd).map_err(AcceptError::Io);
                }
                Knock::Nobody => return Err(AcceptError::FamilyGone),
                Knock::Crowded if !wait::a_moment(deadline) => return Err(AcceptError::TimedOut),
                Knock::Crowded => {}
            }
        }
    }
}

impl From<DecodeError> for AcceptError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mp-{:016x}-{:016x}-{:032x}", self.address, self.number, self.secret)
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Invitation");
        shown.field("address", &format_args!("{:016x}", self.address)).field("number", &self.number);
        shown.finish_non_exhaustive()
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(line: &str) -> Result<Self, InvitationError> {
        let wrong = || InvitationError { line: shortened(line) };
        let mut parts = line.trim().split('-');
        if parts.next() != Some("mp") {
            return Err(wrong());
        }
        let mut number = |digits: usize| {
            let part = parts
                .next()
                .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_hexdigit()));
            part.and_then(|part| u128::from_str_radix(part, 16).ok())
        };
        let (address, index, secret) = (number(16), number(16), number(32));
        match (address, index, secret, parts.next()) {
            (Some(address), Some(number), Some(secret), None) => {
                Ok(Self { address: address as u64, number: number as u64, secret })
            }
            _ => Err(wrong()),
        }
    }
}

/// Enough to see what it was, and no secret.
fn shortened(line: &str) -> String {
    line.chars().take(20).collect()
}

/// As its line of text.
impl Serialize for Invitation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Invitation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
