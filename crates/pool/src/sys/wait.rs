//! The one place where the crate waits for the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Waits until one of `fds` is readable or hung up; `false` at the deadline.
pub(crate) fn until_any(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    loop {
        let timeout = PollTimeout::try_from(millis_until(deadline).unwrap_or(-1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(0) if deadline.is_some_and(|d| Instant::now() >= d) => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(e) => return Err(e.into()),
        }
    }
}

/// The rest of the time, rounded up so that no wait ends before its deadline; `None` without one.
fn millis_until(deadline: Option<Instant>) -> Option<i32> {
    let rest = deadline?.saturating_duration_since(Instant::now());
    Some((rest + Duration::from_nanos(999_999)).as_millis().try_into().unwrap_or(i32::MAX))
}

/// Descriptors that are waited for together, each under a number of the caller's.
#[derive(Debug)]
pub(crate) struct Poller(Epoll);

/// Most events that one wait tells.
pub(crate) const EVENTS: usize = 64;

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Adds a descriptor; `events` say `key` while it is readable or hung up.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        Ok(self.0.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, key))?)
    }

    /// Switches a descriptor on or off without forgetting it.
    pub(crate) fn arm(&self, fd: BorrowedFd<'_>, key: u64, on: bool) -> io::Result<()> {
        let flags = if on { EpollFlags::EPOLLIN } else { EpollFlags::empty() };
        Ok(self.0.modify(fd, &mut EpollEvent::new(flags, key))?)
    }

    /// Forgets a descriptor.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.0.delete(fd)?)
    }

    /// The keys that are ready, at the deadline none; a deadline in the past just looks.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<u64>> {
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let timeout = match millis_until(deadline) {
                None => EpollTimeout::NONE,
                Some(ms) => EpollTimeout::try_from(ms).unwrap_or(EpollTimeout::ZERO),
            };
            match self.0.wait(&mut events, timeout) {
                Ok(0) if deadline.is_none_or(|d| Instant::now() < d) => {}
                Ok(n) => return Ok(events[..n].iter().map(EpollEvent::data).collect()),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

/// Wakes a thread out of a wait.
#[derive(Debug)]
pub(crate) struct Bell(EventFd);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
    }

    /// Makes the bell readable until it is silenced.
    pub(crate) fn ring(&self) {
        // Fails only if it is at its maximum: then it is readable.
        let _ = self.0.write(1);
    }

    /// Makes the bell unreadable until it is rung.
    pub(crate) fn silence(&self) {
        // Fails only if it was not rung.
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
