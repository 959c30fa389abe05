//! The pool's way to one worker: hand over requests, take answers, learn of its end.

use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;

use multiproc_ipc::{Message, Polled, RecvError, SendErrorKind};

use crate::child::Child;

/// Length in bytes above which a message stays in its file until it is decoded. Each holds a descriptor so long; memory
/// for more than a few hundred of them there is not.
pub(crate) const VERY_LONG: u64 = 64 << 20;

/// One worker, as the pool sees it. No method waits.
pub(crate) trait Transport: Debug + Send + Sync {
    /// The worker's process number.
    fn pid(&self) -> u32;

    /// Sends a request to a worker that has none.
    fn hand_over(&self, request: &Message) -> Result<(), NotHandedOver>;

    /// Takes what the worker has sent. Called by one thread at a time: the one that has the pool's role.
    fn take(&self) -> Taken;

    /// Readable when something can be taken.
    fn answers(&self) -> BorrowedFd<'_>;

    /// Readable when the worker has ended.
    fn sentinel(&self) -> BorrowedFd<'_>;

    /// Whether it has ended, and how if that can be known.
    fn ended(&self) -> Option<Option<ExitStatus>>;

    /// Tells the worker that nothing more will come; an idle one then ends by itself.
    fn shut_down(&self);

    /// Sends a signal; one that has ended needs none.
    fn signal(&self, signal: i32);
}

/// Why a worker did not get a request.
#[derive(Debug)]
pub(crate) enum NotHandedOver {
    /// It has died, or closed its end.
    Gone,
    /// The kernel refused.
    Refused(io::Error),
}

/// What a worker has sent.
#[derive(Debug)]
pub(crate) enum Taken {
    Answer(Message),
    /// An answer came and went, as this process had no room for it.
    Lost(RecvError),
    /// Nothing yet.
    Nothing,
    /// It has ended with a request unread: that task was never begun.
    Unread,
    /// Nothing more will come.
    Gone,
}

/// A packet socket to a child of this process.
impl Transport for Child {
    fn pid(&self) -> u32 {
        self.pid()
    }

    fn hand_over(&self, request: &Message) -> Result<(), NotHandedOver> {
        match self.socket.try_send(request) {
            Ok(()) => Ok(()),
            Err(SendErrorKind::Disconnected) => Err(NotHandedOver::Gone),
            Err(SendErrorKind::Io(e)) => Err(NotHandedOver::Refused(e)),
            Err(SendErrorKind::Full) => {
                let what =
                    "files of messages that nobody has received are at this user's limit (`ulimit -n`)";
                Err(NotHandedOver::Refused(io::Error::other(what)))
            }
            Err(e) => Err(NotHandedOver::Refused(io::Error::other(e))),
        }
    }

    fn take(&self) -> Taken {
        match self.socket.poll_recv() {
            Ok(Polled::Message(message)) if message.len() > VERY_LONG => Taken::Answer(message),
            // Long answers are read now: waiting to be decoded they would hold a descriptor each.
            Ok(Polled::Message(message)) => match message.load() {
                Ok(message) => Taken::Answer(message),
                Err(reason) => Taken::Lost(reason.into()),
            },
            Ok(Polled::Empty) => Taken::Nothing,
            Ok(Polled::Unread) => Taken::Unread,
            Err(reason @ RecvError::DescriptorsLost) => Taken::Lost(reason),
            // The end of the stream, a kernel that cannot even say that, or bytes that no worker in its senses sends.
            _ => Taken::Gone,
        }
    }

    fn answers(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn sentinel(&self) -> BorrowedFd<'_> {
        self.sentinel()
    }

    fn ended(&self) -> Option<Option<ExitStatus>> {
        // An error of waitid says that the child is not ours to wait for: its status is lost.
        self.try_wait().unwrap_or(Some(None))
    }

    fn shut_down(&self) {
        self.socket.shut_down();
    }

    fn signal(&self, signal: i32) {
        // Fails only for a process of another user, which a worker is not unless it changed its user: then the
        // kernel's parent-death signal is all that is left.
        let _ = self.signal(signal);
    }
}
