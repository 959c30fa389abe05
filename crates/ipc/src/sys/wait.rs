//! The one place where the crate waits for the kernel: `poll(2)` until a deadline.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interest {
    /// Data, or the end of the stream.
    Readable,
    /// Room to send.
    Writable,
}

/// Waits until `fd` is ready, or hung up, or the deadline has passed (`false`). No deadline: for ever.
pub(crate) fn until_ready(
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    let events = match interest {
        Interest::Readable => PollFlags::POLLIN,
        Interest::Writable => PollFlags::POLLOUT,
    };
    loop {
        let mut fds = [PollFd::new(fd, events)];
        match poll(&mut fds, timeout_until(deadline)) {
            Ok(0) if deadline.is_some_and(|d| Instant::now() >= d) => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Lets a moment pass, for what the kernel has no event for; `false` at the deadline.
pub(crate) fn a_moment(deadline: Option<Instant>) -> bool {
    let moment = Duration::from_millis(1);
    let rest = deadline.map_or(moment, |deadline| deadline.saturating_duration_since(Instant::now()));
    std::thread::sleep(rest.min(moment));
    !rest.is_zero()
}

/// The rest of the time in milliseconds, rounded up, so that a wait never ends before its deadline.
pub(super) fn timeout_until(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else {
        return PollTimeout::NONE;
    };
    let rest = deadline.saturating_duration_since(Instant::now());
    let millis = (rest + Duration::from_nanos(999_999)).as_millis();
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}
