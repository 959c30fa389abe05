//! The hook at the start of `main` or of a test, where a child becomes a worker. `unsafe`: it takes over the
//! descriptors that its parent names.
#![allow(unsafe_code)]

use std::env;
use std::fmt;
use std::os::fd::OwnedFd;
use std::process;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use multiproc_ipc::MessageSocket;

use crate::error::PoolError;
use crate::sys::child;
use crate::worker;

/// The environment variable that tells a child what it is.
pub(crate) const MARKER: &str = "MULTIPROC_CHILD";

/// Exit code of a child that cannot begin: the software is at fault (`EX_SOFTWARE`).
const CANNOT_BEGIN: i32 = 70;

/// How a child of this process is to reach the hook again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    /// The hook is in `main`.
    Main,
    /// The hook is in the test with this path, as libtest names it.
    Test(&'static str),
}

static ENTRY: OnceLock<Entry> = OnceLock::new();

/// `init` was called on another thread than the main one.
static OFF_MAIN: AtomicBool = AtomicBool::new(false);

/// The entry hook: the first line of `main` in a program that starts processes.
///
/// In an ordinary process it returns at once. In a process that [`Process`](crate::Process) or
/// [`ProcessPool`](crate::ProcessPool) started it never returns: it runs what the parent sends, then ends the process.
/// `#[multiproc::main]` writes this line for you. Code before it runs in every child as well.
///
/// A program that starts processes without it gets [`PoolError::MissingEntry`], one that calls it on another thread
/// [`PoolError::EntryOffMain`]: a test, say, that wants `#[multiproc::test]`.
///
/// ```
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     multiproc_pool::init();
///     let process = multiproc_pool::Process::spawn(|n: u32| n + 1, 41)?;
///     assert_eq!(process.join()?, 42);
///     Ok(())
/// }
/// ```
#[doc(alias = "freeze_support")]
pub fn init() {
    if child::on_main_thread() {
        enter(Entry::Main);
    } else {
        // What a child would do before it came here is not known; another hook may still be passed.
        OFF_MAIN.store(true, Relaxed);
    }
}

/// The entry hook of a test: `path` is `module_path!()` and the function's name.
///
/// Not public API: called by what `#[multiproc::test]` writes.
#[doc(hidden)]
pub fn test(path: &'static str) {
    // libtest names a test without its crate.
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    enter(Entry::Test(name));
}

fn enter(entry: Entry) {
    // The first hook that is passed stays: any one leads back to here. A worker too may start processes.
    if ENTRY.set(entry).is_ok()
        && let Some(marker) = Marker::of_this_process()
    {
        become_child(&marker);
    }
}

/// How children of this process get to the hook.
pub(crate) fn entry() -> Result<Entry, PoolError> {
    match ENTRY.get() {
        Some(entry) => Ok(*entry),
        None if Marker::of_this_process().is_some() => Err(PoolError::InsideWorker),
        None if OFF_MAIN.load(Relaxed) => Err(PoolError::EntryOffMain),
        None => Err(PoolError::MissingEntry),
    }
}

fn become_child(marker: &Marker) -> ! {
    if !child::is_child_of(marker.parent) {
        process::exit(0); // the parent died while this process started: nobody waits for it
    }
    let code = match begin(marker) {
        Ok(socket) => worker::run(&socket),
        Err(e) => {
            eprintln!("multiproc: this child cannot begin: {e}");
            CANNOT_BEGIN
        }
    };
    process::exit(code)
}

fn begin(marker: &Marker) -> std::io::Result<MessageSocket> {
    let adopt = |fd: Numbered| -> std::io::Result<OwnedFd> {
        if child::inode_of(fd.number) != Some(fd.inode) {
            let what = "a descriptor that its parent opened for it was closed before the hook of multiproc";
            return Err(std::io::Error::other(what));
        }
        // SAFETY: the parent opened this very file for us under this number, and the hook, which runs once, is all
        // that knows of it.
        unsafe { child::adopt(fd.number) }
    };
    let socket = adopt(marker.socket)?;
    // SAFETY: no thread of the library's runs yet, Rust's own readers of the environment take a lock, and the hook comes
    // first: code of the user's that reads it in C from another thread by now has started that thread before the hook.
    // Left there, the marker would deceive a program that a task starts and that this process's parent adopts.
    unsafe { env::remove_var(MARKER) };
    if let Some(stdout) = marker.stdout {
        child::restore_stdout(adopt(stdout)?)?;
    }
    if !child::die_with(marker.parent)? {
        process::exit(0);
    }
    if let Some(program) = env::args_os().next() {
        child::take_name(&program);
    }
    MessageSocket::from_fd(socket)
}

/// An open descriptor and what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: i32,
    pub(crate) inode: u64,
}

/// What the environment tells a child, as `1 PARENT SOCKET:INODE [STDOUT:INODE]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) parent: u32,
    pub(crate) socket: Numbered,
    pub(crate) stdout: Option<Numbered>,
}

impl Marker {
    /// The marker if it is meant for this process, and not left over in the environment from one further up.
    fn of_this_process() -> Option<Self> {
        let marker: Self = env::var(MARKER).ok()?.parse().ok()?;
        if child::is_privileged() {
            return None; // whoever starts a program of more rights than his own does not tell it what to run
        }
        let has_socket = child::inode_of(marker.socket.number) == Some(marker.socket.inode);
        (has_socket || child::is_child_of(marker.parent)).then_some(marker)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 {} {}:{}", self.parent, self.socket.number, self.socket.inode)?;
        match self.stdout {
            Some(stdout) => write!(f, " {}:{}", stdout.number, stdout.inode),
            None => Ok(()),
        }
    }
}

impl FromStr for Marker {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        fn numbered(text: &str) -> Option<Numbered> {
            let (number, inode) = text.split_once(':')?;
            Some(Numbered { number: number.parse().ok()?, inode: inode.parse().ok()? })
        }
        let mut words = text.split(' ');
        let (Some("1"), Some(parent), Some(socket)) = (words.next(), words.next(), words.next()) else {
            return Err(());
        };
        let stdout = words.next().map(|word| numbered(word).ok_or(())).transpose()?;
        let parent = parent.parse().map_err(|_| ())?;
        Ok(Self { parent, socket: numbered(socket).ok_or(())?, stdout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        for stdout in [None, Some(Numbered { number: 9, inode: 77 })] {
            let marker = Marker { parent: 12, socket: Numbered { number: 5, inode: u64::MAX }, stdout };
            assert_eq!(marker.to_string().parse(), Ok(marker));
        }
        for text in ["", "2 1 3:4", "1 x 3:4", "1 1 3", "1 1 3:4 5", "1"] {
            assert_eq!(text.parse::<Marker>(), Err(()), "{text:?}");
        }
    }
}
