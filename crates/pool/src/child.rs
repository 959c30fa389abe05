//! A child process, held by its descriptor: never confused with another, never left as a zombie.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};

use multiproc_ipc::MessageSocket;
use multiproc_sync::Generation;

use crate::supervisor;
use crate::sys::pidfd::{self, Ended};

/// A child that the supervisor made, and the socket to it.
#[derive(Debug)]
pub(crate) struct Child {
    pid: u32,
    /// `Some` until drop.
    process: Option<OwnedFd>,
    pub(crate) socket: MessageSocket,
    /// Set once it has ended and no zombie is left; `None` inside if somebody else took the status.
    ended: Mutex<Option<Option<ExitStatus>>>,
    /// The process that made it: in a fork of that process the child is somebody else's.
    owner: Generation,
}

impl Child {
    pub(crate) fn new(pid: u32, process: OwnedFd, socket: MessageSocket) -> Self {
        Self { pid, process: Some(process), socket, ended: Mutex::new(None), owner: Generation::now() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether this process made the child, and is not a fork of the one that did.
    pub(crate) fn is_ours(&self) -> bool {
        self.owner.is_ours()
    }

    /// Readable once the child has ended.
    pub(crate) fn sentinel(&self) -> BorrowedFd<'_> {
        self.process.as_ref().expect("taken only by drop").as_fd()
    }

    /// Sends a signal; a child that has ended needs none.
    pub(crate) fn signal(&self, signal: i32) -> io::Result<()> {
        if self.is_ours() { pidfd::signal(self.sentinel(), signal) } else { Err(not_ours()) }
    }

    /// Whether it has ended, and how if that can be known. Does not wait.
    pub(crate) fn try_wait(&self) -> io::Result<Option<Option<ExitStatus>>> {
        // Held across the call, which gives the status to one caller only. Nothing panics under it.
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_none() {
            if !self.is_ours() {
                return Err(not_ours());
            }
            *ended = match pidfd::wait(self.sentinel())? {
                Ended::No => None,
                Ended::Status(status) => Some(Some(status)),
                Ended::StatusTaken => Some(None),
            };
        }
        Ok(*ended)
    }
}

fn not_ours() -> io::Error {
    io::Error::other("this process is a fork of the one that started the child, and cannot wait for it")
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.is_ours() || matches!(self.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Some(process) = self.process.take() {
            supervisor::leave(process);
        }
    }
}
