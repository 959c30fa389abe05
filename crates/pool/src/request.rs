//! What goes to a child and what comes back.

use std::io;

use multiproc_ipc::{EncodeError, Message};
use multiproc_shm::family::{self, Membership};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Panic, PoolError, ProcessError, TaskError};
use crate::image::{self, ImageId, Inode};
use crate::task::{Answer, Refusal, TaskRef};

/// Tag of the answer to a request that was taken but could not be read, its own tag included.
pub(crate) const UNREADABLE: u64 = u64::MAX;

/// First message to a child: whom it works for.
#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    image: ImageId,
    inode: Option<Inode>,
    /// One task, then the end; else tasks until the socket ends.
    pub(crate) once: bool,
    /// The registry of the parent's family, which the child's is to be.
    pub(crate) family: Option<Membership>,
}

/// A [`Hello`] that borrows what it says.
#[derive(Serialize)]
struct OutgoingHello<'a> {
    image: &'a ImageId,
    inode: Option<Inode>,
    once: bool,
    family: Option<Membership>,
}

impl Hello {
    pub(crate) fn message(once: bool) -> io::Result<Message> {
        let image = image::this();
        // With the linker's id nothing else is needed; without it the inode spares the child a hash.
        let inode = if image.has_build_id() { None } else { Inode::of_this_process().ok() };
        // Without a registry (no memory for it, say) a child starts all the same: it gets one with the first shared value.
        let family = family::membership().ok();
        Message::encode(&OutgoingHello { image: image.id(), inode, once, family }).map_err(
            |error| match error {
                EncodeError::Descriptor(error) => error, // no room for a duplicate
                other => io::Error::other(other),
            },
        )
    }

    /// As a parent would say that runs another build of the program.
    #[cfg(test)]
    pub(crate) fn of_another_build() -> Message {
        let image = &ImageId::foreign();
        Message::encode(&OutgoingHello { image, inode: None, once: true, family: None }).expect("plain data")
    }

    /// Whether the sender's offsets hold here: same file, or same build.
    pub(crate) fn is_from_this_build(&self) -> bool {
        let same_file = self.inode.is_some() && self.inode == Inode::of_this_process().ok();
        same_file || self.image == *image::this().id()
    }
}

/// A task and its argument, ready to be sent.
pub(crate) fn request<A, R>(function: fn(A) -> R, argument: &A) -> Result<Message, PoolError>
where
    A: Serialize + DeserializeOwned,
    R: Serialize,
{
    let mut message = Message::encode(&TaskRef::new(function)?)?;
    message.push(argument)?;
    Ok(message)
}

/// Why an answer holds no result.
#[derive(Debug)]
pub(crate) enum NoResult {
    Panicked(Panic),
    Codec(String),
    Refused(Refusal),
}

/// The result in a child's answer.
pub(crate) fn result<R: DeserializeOwned>(answer: Message) -> Result<R, NoResult> {
    let unreadable = |e: multiproc_ipc::DecodeError| NoResult::Codec(format!("the result of the task: {e}"));
    let mut values = answer.into_values().map_err(unreadable)?;
    match values.next().map_err(unreadable)? {
        Answer::Returned => {
            let value = values.next().map_err(unreadable)?;
            values.finish::<R>().map_err(unreadable)?;
            Ok(value)
        }
        Answer::Panicked(panic) => Err(NoResult::Panicked(panic)),
        Answer::Codec(reason) => Err(NoResult::Codec(reason)),
        Answer::Refused(refusal) => Err(NoResult::Refused(refusal)),
        Answer::Ready => Err(NoResult::Codec("a greeting came in the place of a result".into())),
    }
}

impl From<NoResult> for TaskError {
    fn from(none: NoResult) -> Self {
        match none {
            NoResult::Panicked(panic) => Self::Panicked(panic),
            NoResult::Codec(reason) => Self::Codec(reason),
            NoResult::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<NoResult> for ProcessError {
    fn from(none: NoResult) -> Self {
        match none {
            NoResult::Panicked(panic) => Self::Panicked(panic),
            NoResult::Codec(reason) => Self::Codec(reason),
            NoResult::Refused(refusal) => Self::Refused(refusal),
        }
    }
}
