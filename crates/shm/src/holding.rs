//! `Holding`: a segment whose holders are counted, by the kernel.
//!
//! Each process that has the segment holds it by an open file description of its own, on which lies a lock for reading, of a byte that no
//! file has. A message with the segment carries another description with such a lock. So one process is the only holder exactly if its
//! description can have the lock for writing. A lock ends with the last descriptor of its description: with the process, once the memory of all of its
//! threads is gone; with a message when it was received, or with the socket of a receiver that died. Nobody has to notice.
//!
//! The first plan was a table of holders in the segment's header. It has a size, must be swept, and cannot know of a message that its
//! receiver took along when it died.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{Ordering::Acquire, fence};
use std::sync::{Arc, Mutex, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::Generation;

use crate::arrivals::{self, Arrivals};
use crate::error::ShmError;
use crate::memory::SharedMemory;
use crate::sys::ofd;
use crate::transfer::Descriptor;

/// The byte that holders lock: behind all that a file can have.
pub(crate) const HOLD_BYTE: u64 = 1 << 62;

/// How long one who sends waits for another thread to see that it is not alone: some system calls, if it is not stopped.
const YIELDING: Duration = Duration::from_secs(1);

/// A segment that this process holds. A clone is the same one: it counts once.
#[derive(Clone, Debug)]
pub(crate) struct Holding(Arc<Held>);

#[derive(Debug)]
struct Held {
    memory: SharedMemory,
    /// What messages of this process carry: one description for all that are under way.
    travelling: Mutex<Weak<File>>,
    made_by: Generation,
}

/// No other process and no message has the segment, and none can get it but from here.
#[derive(Debug)]
pub(crate) struct Exclusive<'a>(&'a Holding);

static ARRIVALS: Arrivals<Held> = Arrivals::new();

impl Holding {
    /// Holds a new segment, which nobody else has.
    pub(crate) fn new(memory: SharedMemory) -> Result<Self, ShmError> {
        hold(memory.as_fd())?;
        let held = Held::new(memory);
        ARRIVALS.insert(arrivals::key(held.memory.as_file())?, &held);
        Ok(Self(held))
    }

    /// Holds the segment that came with a message; the same as before, if this process has it already.
    pub(crate) fn arrive(descriptor: Descriptor) -> Result<Self, ShmError> {
        // Until the end of this call nobody becomes the only holder: the message's lock is there.
        ARRIVALS
            .find_or(arrivals::key(descriptor.file())?, || {
                let own = ofd::reopen(descriptor.borrowed())
                    .map_err(ShmError::kernel("open a segment by /proc/self/fd"))?;
                hold(own.as_fd())?;
                SharedMemory::attach_any(own.into()).map(Held::new)
            })
            .map(Self)
    }

    pub(crate) fn memory(&self) -> &SharedMemory {
        &self.0.memory
    }

    /// Whether this process made or received it; not so in a fork, which shares the description and with it the lock.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.made_by.is_ours()
    }

    /// What a message carries.
    pub(crate) fn travelling(&self) -> Result<Descriptor, ShmError> {
        let mut last = match self.0.travelling.try_lock() {
            Ok(last) => last,
            Err(TryLockError::Poisoned(last)) => last.into_inner(),
            // At the same time as another thread, or as one that this fork does not have.
            Err(TryLockError::WouldBlock) => return self.carrier().map(Descriptor::from),
        };
        if let Some(file) = last.upgrade() {
            return Ok(file.into());
        }
        let file = self.carrier()?;
        *last = Arc::downgrade(&file);
        Ok(file.into())
    }

    /// A description of its own, which holds the segment too, for what is held besides.
    pub(crate) fn another(&self) -> Result<Descriptor, ShmError> {
        self.carrier().map(Descriptor::from)
    }

    fn carrier(&self) -> Result<Arc<File>, ShmError> {
        let file = ofd::reopen(self.0.memory.as_fd());
        let file = file.map_err(ShmError::kernel("open a segment by /proc/self/fd"))?;
        // Another thread that tries to be alone finds this handle in a moment, and is not.
        let end = Instant::now() + YIELDING;
        while let Err(refused) = hold(file.as_fd()) {
            if Instant::now() > end {
                return Err(refused);
            }
            thread::yield_now();
        }
        Ok(Arc::new(file))
    }

    /// Keeps all others out, if there are none: neither another process nor a message has the segment, nor a clone of this.
    pub(crate) fn try_exclusive(&self) -> Result<Result<Exclusive<'_>, Others>, ShmError> {
        let fd = self.0.memory.as_fd();
        // First without a lock: it would be in the way of a clone that is being sent.
        if Arc::strong_count(&self.0) > 1 {
            return Ok(Err(Others::Here));
        }
        if !ofd::lock_for_writing(fd, HOLD_BYTE).map_err(ShmError::kernel("lock a segment"))? {
            return Ok(Err(Others::Elsewhere));
        }
        let exclusive = Exclusive(self);
        // Looked at once no message is under way: one that was received before has become a clone by now.
        if Arc::strong_count(&self.0) > 1 {
            return Ok(Err(Others::Here));
        }
        // Acquire: what was done by clones that are dropped, whose drops count down by a Release. The count is read without an order.
        fence(Acquire);
        Ok(Ok(exclusive))
    }
}

/// Who has a segment too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// Another handle of this process.
    Here,
    /// Another process, or a message that is under way or kept to be sent again.
    Elsewhere,
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        // Never refused in the place of a stronger lock. Were it, nobody else could hold the segment any more: safe, and seen by all.
        let _ = ofd::lock_for_reading(self.0.0.memory.as_fd(), HOLD_BYTE);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Not by closing alone: a fork, or a child that has not yet executed its program, may have a copy of the descriptor.
        if self.made_by.is_ours() {
            let _ = ofd::unlock(self.memory.as_fd(), HOLD_BYTE);
        }
    }
}

impl Held {
    fn new(memory: SharedMemory) -> Arc<Self> {
        Arc::new(Self { memory, travelling: Mutex::default(), made_by: Generation::now() })
    }
}

fn hold(fd: BorrowedFd<'_>) -> Result<(), ShmError> {
    match ofd::lock_for_reading(fd, HOLD_BYTE).map_err(ShmError::kernel("lock a segment"))? {
        true => Ok(()),
        // Who changes an array's mode has it for itself for a moment: a thread of this process that is stopped there, if nobody lies.
        false => Err(ShmError::Kernel {
            doing: "hold a segment, whose mode is being changed",
            source: io::ErrorKind::WouldBlock.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use multiproc_testkit::fork::{Fork, fork, idle, kill, reap};
    use multiproc_testkit::{Watchdog, eventually};

    use super::*;

    fn new() -> Holding {
        Holding::new(SharedMemory::anonymous(4096).unwrap()).unwrap()
    }

    fn others(holding: &Holding) -> Option<Others> {
        holding.try_exclusive().unwrap().err()
    }

    /// As it would arrive elsewhere: `Descriptor::into_owned` would duplicate what the sender keeps.
    fn arrive(descriptor: Descriptor) -> Holding {
        Holding::arrive(descriptor).unwrap()
    }

    /// In a process that does nothing else.
    fn alone(body: impl FnOnce()) {
        let _watchdog = Watchdog::with_limit(60);
        assert_eq!(reap(fork(body)), 0);
    }

    #[test]
    fn handles_and_messages_are_counted() {
        alone(|| {
            let holding = new();
            assert_eq!(others(&holding), None);
            let clone = holding.clone();
            assert_eq!(others(&holding), Some(Others::Here));
            drop(clone);
            let messages = [(); 3].map(|()| holding.travelling().unwrap());
            assert_eq!(others(&holding), Some(Others::Elsewhere));
            let [first, second, third] = messages;
            drop((first, second));
            assert_eq!(others(&holding), Some(Others::Elsewhere));
            let arrived = arrive(third);
            assert_eq!(others(&holding), Some(Others::Here));
            assert_eq!(arrived.memory().as_ptr(), holding.memory().as_ptr());
            drop(arrived);
            for _ in 0..3 {
                assert_eq!(others(&holding), None);
            }
        });
    }

    #[test]
    fn while_one_is_exclusive_nobody_else_becomes_a_holder() {
        alone(|| {
            let holding = new();
            let exclusive = holding.try_exclusive().unwrap().unwrap();
            assert!(holding.travelling().is_err());
            drop(exclusive);
            assert!(holding.travelling().is_ok());
        });
    }

    #[test]
    fn all_messages_of_a_process_take_one_descriptor() {
        alone(|| {
            let holding = new();
            let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
            let before = count();
            let messages: Vec<_> = (0..100).map(|_| holding.travelling().unwrap()).collect();
            assert_eq!(count(), before + 1);
            drop(messages);
            assert_eq!(count(), before);
        });
    }

    /// Another process that has the segment, once this returns.
    fn holder(holding: &Holding) -> Fork {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let mut message = Some(holding.travelling().unwrap());
        let child = fork(|| {
            // What it inherited is not its own: it holds by what the message brings.
            let own = arrive(message.take().unwrap());
            assert!(own.is_ours() && !holding.is_ours());
            assert_ne!(own.memory().as_ptr(), holding.memory().as_ptr());
            std::io::Write::write_all(&mut theirs, b"!").unwrap();
            idle();
        });
        drop(message);
        std::io::Read::read_exact(&mut ours, &mut [0]).unwrap();
        child
    }

    #[test]
    fn another_process_is_counted_until_it_dies() {
        alone(|| {
            let holding = new();
            let child = holder(&holding);
            assert_eq!(others(&holding), Some(Others::Elsewhere));
            assert_eq!(others(&holding), Some(Others::Elsewhere), "a refused one changes nothing");
            kill(child);
            eventually("the dead process does not hold it", || others(&holding).is_none());
        });
    }

    /// A fork has a copy of the descriptor, and so has a child on its way to another program.
    #[test]
    fn what_is_dropped_is_not_held_by_a_copy_of_its_descriptor() {
        alone(|| {
            let holding = new();
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let mut message = Some(holding.travelling().unwrap());
            let other = fork(|| {
                let own = arrive(message.take().unwrap());
                std::io::Write::write_all(&mut theirs, b"!").unwrap();
                eventually("it is alone", || others(&own).is_none());
            });
            drop(message);
            std::io::Read::read_exact(&mut ours, &mut [0]).unwrap();
            let copy = fork(|| idle());
            drop(holding);
            assert_eq!(reap(other), 0);
            kill(copy);
        });
    }

    #[test]
    fn who_tries_to_be_alone_keeps_no_other_thread_from_sending() {
        alone(|| {
            let holding = new();
            let clone = holding.clone();
            std::thread::scope(|scope| {
                scope.spawn(|| (0..2000).for_each(|_| drop(clone.travelling().unwrap())));
                for _ in 0..2000 {
                    assert!(others(&holding).is_some());
                }
            });
        });
    }

    /// It never received it.
    #[test]
    fn a_message_ends_with_the_socket_of_its_receiver() {
        alone(|| {
            let holding = new();
            let (ours, theirs) = UnixStream::pair().unwrap();
            let message = holding.travelling().unwrap();
            send(&ours, message.into_owned().unwrap());
            assert_eq!(others(&holding), Some(Others::Elsewhere));
            drop(theirs);
            eventually("the message is gone", || others(&holding).is_none());
        });
    }

    fn send(socket: &UnixStream, fd: OwnedFd) {
        use std::os::fd::AsRawFd;

        use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
        let fds = [fd.as_raw_fd()];
        let with = [ControlMessage::ScmRights(&fds)];
        let bytes = [std::io::IoSlice::new(b"!")];
        sendmsg::<()>(socket.as_raw_fd(), &bytes, &with, MsgFlags::empty(), None).unwrap();
    }
}
