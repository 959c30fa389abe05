//! What a thread has panicked with, and where.

use std::any::{Any, TypeId};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Once, PoisonError};

use multiproc_sync::primitive::blocking::Mutex;

/// The panic that a thread has ended with.
///
/// ```
/// use multiproc_thread::{JoinError, Thread};
///
/// let thread = Thread::builder().name("cook").on_panic(|_| ()).spawn(|| -> u8 { panic!("no salt") })?;
/// let Err(JoinError::Panicked(panic)) = thread.join() else { unreachable!() };
/// assert_eq!((panic.thread(), panic.message()), ("cook", "no salt"));
/// assert_eq!(panic.into_payload().downcast_ref(), Some(&"no salt"));
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
///
/// Dropped, it drops the payload; should that panic, nobody notices but the panic hook.
pub struct Panic(Box<Inner>);

struct Inner {
    thread: String,
    message: String,
    location: Option<String>,
    backtrace: Option<Backtrace>,
    /// A payload is no more than `Send`; nobody locks this.
    payload: Mutex<Payload>,
}

impl Panic {
    /// What it said; a payload that is no text is described.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `file:line:column`. `None`: nobody saw it happen, as the panic was [resumed](panic::resume_unwind), or the program has replaced
    /// the hook of its panics since it started the first thread.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// How it came to that, if `RUST_BACKTRACE` asks for it and the location is known.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.0.backtrace.as_ref()
    }

    /// The name that the thread had.
    pub fn thread(&self) -> &str {
        &self.0.thread
    }

    /// What [`catch_unwind`](panic::catch_unwind) would have given.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let mut payload = self.0.payload.into_inner().unwrap_or_else(PoisonError::into_inner);
        payload.0.take().unwrap_or_else(|| Box::new(())) // is there until it is dropped
    }

    /// Panics with it in the calling thread, without calling the panic hook again.
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.into_payload())
    }

    /// The panic that `payload` was caught of in this thread.
    pub(crate) fn of(payload: Box<dyn Any + Send>, thread: String) -> Self {
        let message = text_of(&*payload);
        let noted = NOTE.try_with(RefCell::take).ok().flatten();
        // One that came without its hook is not the one that was noted last.
        let noted = noted.filter(|note| note.message == message && note.kind == (*payload).type_id());
        let (location, backtrace) = noted.map_or((None, None), |note| (note.location, note.backtrace));
        let payload = Mutex::new(Payload(Some(payload)));
        Self(Box::new(Inner { thread, message, location, backtrace, payload }))
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { thread, message, location, .. } = &*self.0;
        write!(f, "thread '{thread}' panicked")?;
        if let Some(location) = location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {message}")
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("thread", &self.thread())
            .field("message", &self.message())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Panic {}

/// What somebody has panicked with: its `Drop` may be anything.
struct Payload(Option<Box<dyn Any + Send>>);

impl Drop for Payload {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// Drops a value of the user's where a panic must not go on.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = contained(|| drop(value));
}

/// What `f` gives; a panic ends here. The hook has told of it.
pub(crate) fn contained<R>(f: impl FnOnce() -> R) -> Option<R> {
    // Unwind safety: what it leaves behind broken is the user's, and was at other times, too.
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(payload) => {
            mem::forget(payload); // it could panic again
            None
        }
    }
}

/// A panic as the hook saw it.
struct Note {
    message: String,
    kind: TypeId,
    location: Option<String>,
    backtrace: Option<Backtrace>,
    /// The one before it.
    before: Option<Box<Note>>,
}

/// What the hook does in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// Nothing: it is not this crate's.
    None,
    Note,
    /// As `Note`, and the hook that was there before is not called.
    NoteQuietly,
}

thread_local! {
    /// The last panic of this thread.
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
    static DUTY: Cell<Duty> = const { Cell::new(Duty::None) };
}

/// Panics of the calling thread are noted from now on; `quietly`: the outer hook does not hear of them.
pub(super) fn note(quietly: bool) {
    // Where no panic is caught the outer hook is the last to tell of it.
    let quietly = quietly && cfg!(panic = "unwind");
    DUTY.set(if quietly { Duty::NoteQuietly } else { Duty::Note });
}

/// Puts a hook before that of the process, once.
pub(super) fn install_hook() {
    static INSTALLED: Once = Once::new();
    if std::thread::panicking() {
        return; // the hook may not be changed now: who starts the next thread does it
    }
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let duty = DUTY.get();
            let is_last = duty == Duty::NoteQuietly && ends_the_process(info);
            if is_last {
                let _ = NOTE.try_with(|last| last.borrow().iter().for_each(Note::tell));
            } else if duty != Duty::None {
                let note = Note::of(info);
                let _ = NOTE.try_with(|last| {
                    let mut last = last.borrow_mut();
                    let before = last.take().map(|note| Box::new(Note { before: None, ..note }));
                    *last = Some(Note { before, ..note });
                });
            }
            if duty != Duty::NoteQuietly || is_last {
                before(info);
            }
        }));
    });
}

/// Whether nobody catches the panic, nor hears of it but by its hook: one in a destructor while another panic unwinds, or in a function
/// of C's. Only the text of the hook's argument says so; were it to change, nothing more would be lost than what this tells.
fn ends_the_process(info: &PanicHookInfo<'_>) -> bool {
    format!("{info:?}").contains("can_unwind: false")
}

impl Note {
    /// Tells of the panics that have led to the end of the process, and that nobody has been told of.
    fn tell(&self) {
        for note in self.before.as_deref().into_iter().chain([self]) {
            let place = note.location.as_deref().unwrap_or("a place that is not known");
            let _ = writeln!(io::stderr(), "panicked before at {place}: {}", note.message);
        }
    }

    fn of(info: &PanicHookInfo<'_>) -> Self {
        let backtrace = Backtrace::capture();
        Self {
            message: text_of(info.payload()),
            kind: info.payload().type_id(),
            location: info.location().map(ToString::to_string),
            backtrace: (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace),
            before: None,
        }
    }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "(the payload is no text)".to_owned(),
        },
    }
}
