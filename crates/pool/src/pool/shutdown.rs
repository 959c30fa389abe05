//! The end of a pool's workers: a ladder of ever stronger means, each with a limit of time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pool::transport::Transport;
use crate::sys::wait;

/// Time for idle workers to see the end of their socket, and for busy ones to obey SIGTERM.
const GRACE: Duration = Duration::from_millis(300);

/// Time for the kernel to end what it was told to kill.
const LAST: Duration = Duration::from_secs(2);

/// Ends workers and reaps them. Idle ones find their socket closed, busy ones get SIGTERM; after a grace all get
/// SIGKILL. One that outlives even that, stuck in the kernel, is left to the supervisor to be reaped.
pub(crate) fn end(workers: Vec<(Arc<dyn Transport>, bool)>) {
    for (worker, busy) in &workers {
        worker.shut_down();
        if *busy {
            worker.signal(libc::SIGTERM);
        }
    }
    let mut living: Vec<_> = workers.into_iter().map(|(worker, _)| worker).collect();
    wait_for(&mut living, GRACE);
    for worker in &living {
        worker.signal(libc::SIGKILL);
    }
    wait_for(&mut living, LAST);
}

/// Waits until all have ended, dropping those that have.
fn wait_for(living: &mut Vec<Arc<dyn Transport>>, limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        living.retain(|worker| worker.ended().is_none());
        let sentinels: Vec<_> = living.iter().map(|worker| worker.sentinel()).collect();
        // An error of poll is lack of memory in the kernel: go up the ladder.
        if sentinels.is_empty() || !wait::until_any(&sentinels, Some(deadline)).unwrap_or(false) {
            return;
        }
    }
}
