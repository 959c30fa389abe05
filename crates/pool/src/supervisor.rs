//! The thread that makes every child of this process, and never ends: a child is killed when the *thread* that
//! made it ends, so no other thread may make one.

use std::collections::VecDeque;
use std::env;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use multiproc_ipc::{Message, MessageSocket, SendErrorKind};
use multiproc_sync::Generation;

use crate::child::Child;
use crate::entry::{Entry, MARKER, Marker, Numbered};
use crate::sys::thread::{Affinity, block_all_signals};
use crate::sys::wait::{self, Bell};
use crate::sys::{child::inode_of, pidfd, spawn};

/// The sockets between this process and a child that is to be made.
pub(crate) struct Line {
    ours: MessageSocket,
    theirs: MessageSocket,
}

impl Line {
    /// A line on which these messages wait for the child, so that it finds them when it comes to the hook.
    pub(crate) fn with(messages: &[&Message]) -> io::Result<Self> {
        let (ours, theirs) = MessageSocket::pair()?;
        for message in messages {
            ours.try_send(message).map_err(|kind| match kind {
                SendErrorKind::Io(e) => e,
                other => io::Error::other(other),
            })?;
        }
        Ok(Self { ours, theirs })
    }
}

/// Starts a child that enters the hook as `entry` says, on the CPUs of `affinity`.
pub(crate) fn start(entry: Entry, affinity: Option<Affinity>, line: Line) -> io::Result<Child> {
    let (answer, answered) = mpsc::sync_channel(1);
    let supervisor = supervisor()?;
    supervisor.order(Order::Start(entry, affinity, line, answer));
    answered.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that starts processes is gone")))
}

/// Leaves a child to itself; its zombie is removed when it ends.
pub(crate) fn leave(process: OwnedFd) {
    if let Ok(supervisor) = supervisor() {
        supervisor.order(Order::Reap(process));
    }
}

enum Order {
    Start(Entry, Option<Affinity>, Line, mpsc::SyncSender<io::Result<Child>>),
    Reap(OwnedFd),
}

struct Supervisor {
    /// The process it was made in; a forked child has the memory but not the thread.
    process: Generation,
    orders: Mutex<VecDeque<Order>>,
    bell: Bell,
}

/// This process's supervisor, started at first use.
fn supervisor() -> io::Result<Arc<Supervisor>> {
    static SUPERVISOR: Mutex<Option<Arc<Supervisor>>> = Mutex::new(None);
    let mut slot = lock(&SUPERVISOR);
    if let Some(running) = slot.as_ref().filter(|s| s.process.is_ours()) {
        return Ok(running.clone());
    }
    let orders = Mutex::new(VecDeque::new());
    let made = Arc::new(Supervisor { process: Generation::now(), orders, bell: Bell::new()? });
    let theirs = made.clone();
    thread::Builder::new().name("multiproc-supervisor".into()).spawn(move || theirs.run())?;
    Ok(slot.insert(made).clone())
}

/// Nothing panics while one of these locks is held, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Supervisor {
    fn order(&self, order: Order) {
        lock(&self.orders).push_back(order);
        self.bell.ring();
    }

    fn run(&self) -> ! {
        block_all_signals();
        let mut left: Vec<OwnedFd> = Vec::new();
        loop {
            // Silenced before looking: an order that comes after the look rings again.
            self.bell.silence();
            while let Some(order) = self.next_order() {
                match order {
                    // Whoever asked may be gone; then the child goes with the dropped answer.
                    Order::Start(entry, affinity, line, answer) => {
                        if affinity != Affinity::of_this_thread()
                            && let Some(affinity) = affinity
                        {
                            affinity.take_on();
                        }
                        drop(answer.send(make_child_or_say_why(entry, line)));
                    }
                    Order::Reap(process) => left.push(process),
                }
            }
            left.retain(|process| matches!(pidfd::wait(process.as_fd()), Ok(pidfd::Ended::No)));
            let waited: Vec<_> =
                std::iter::once(self.bell.as_fd()).chain(left.iter().map(AsFd::as_fd)).collect();
            // An error here is lack of memory in the kernel: look again.
            let _ = wait::until_any(&waited, None);
        }
    }

    fn next_order(&self) -> Option<Order> {
        lock(&self.orders).pop_front()
    }
}

/// This thread must outlive any fault in it: with it would go every child.
fn make_child_or_say_why(entry: Entry, line: Line) -> io::Result<Child> {
    panic::catch_unwind(AssertUnwindSafe(|| make_child(entry, line)))
        .unwrap_or_else(|_| Err(io::Error::other("starting a process panicked")))
}

fn make_child(entry: Entry, line: Line) -> io::Result<Child> {
    let Line { ours, theirs } = line;
    // libtest prints before a test runs: its words go nowhere until the hook puts the real output back.
    let stdout = match entry {
        Entry::Main => None,
        Entry::Test(_) => io::stdout().as_fd().try_clone_to_owned().ok(),
    };
    let marker = Marker {
        parent: std::process::id(),
        socket: numbered(&theirs.as_fd())?,
        stdout: stdout.as_ref().map(numbered).transpose()?,
    };
    let mut keep = vec![theirs.as_fd()];
    keep.extend(stdout.as_ref().map(AsFd::as_fd));
    let pid = spawn::this_program(&arguments(entry), &environment(&marker), &keep, stdout.is_some())?;
    // Not waited for yet, so the number is still the child's.
    match pidfd::open(pid) {
        Ok(process) => Ok(Child::new(pid, process, ours)),
        Err(e) => {
            // Were it gone already, its number could be another's by now.
            if e.raw_os_error() != Some(libc::ESRCH) {
                spawn::undo(pid);
            }
            Err(e)
        }
    }
}

fn numbered(fd: &impl AsFd) -> io::Result<Numbered> {
    let number = fd.as_fd().as_raw_fd();
    let inode = inode_of(number).ok_or_else(io::Error::last_os_error)?;
    Ok(Numbered { number, inode })
}

/// The child's arguments: those of this process, or what makes libtest run one test.
fn arguments(entry: Entry) -> Vec<CString> {
    let mut own = env::args_os();
    match entry {
        Entry::Main => own.filter_map(|a| CString::new(a.into_vec()).ok()).collect(),
        Entry::Test(path) => {
            let name = own.next().and_then(|a| CString::new(a.into_vec()).ok()).unwrap_or_default();
            let path = CString::new(path).unwrap_or_default();
            let fixed = [c"--nocapture", c"--include-ignored", c"--test-threads=1", c"-q"];
            [name, c"--exact".into(), path].into_iter().chain(fixed.map(Into::into)).collect()
        }
    }
}

/// The environment of this process, with the marker in it.
fn environment(marker: &Marker) -> Vec<CString> {
    let inherited = env::vars_os().filter(|(name, _)| name != MARKER).filter_map(|(name, value)| {
        // Made once and in its final size, with room for the NUL: a hundred variables cost as much as a wake-up.
        let mut entry = Vec::with_capacity(name.len() + value.len() + 2);
        entry.extend_from_slice(name.as_bytes());
        entry.push(b'=');
        entry.extend_from_slice(value.as_bytes());
        CString::new(entry).ok()
    });
    // Digits and punctuation: no NUL.
    let marker = CString::new(format!("{MARKER}={marker}")).ok();
    inherited.chain(marker).collect()
}
