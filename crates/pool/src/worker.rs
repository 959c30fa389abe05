//! The life of a child: it takes requests, runs them, answers, until its socket ends.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use multiproc_ipc::{Message, MessageSocket, RecvError, SendErrorKind};

use crate::error::Panic;
use crate::request::{Hello, UNREADABLE};
use crate::sys::child;
use crate::sys::thread::let_interrupts_pass;
use crate::task::{Answer, Refusal, RunError, TaskRef};

/// Exit code of a process whose function panicked, as of any Rust program.
const PANICKED: i32 = 101;

/// Exit code of a worker to which the kernel refuses what it needs (`EX_OSERR`).
const CANNOT_GO_ON: i32 = 71;

/// Exit code of a child whose parent speaks in a way that it does not understand (`EX_PROTOCOL`).
const NOT_UNDERSTOOD: i32 = 76;

/// Runs tasks until the parent closes the socket or is gone; returns the exit code.
pub(crate) fn run(socket: &MessageSocket) -> i32 {
    let hello = match socket.recv(None) {
        Ok(message) => message.decode::<Hello>(),
        Err(RecvError::Disconnected) => return 0,
        Err(e) => return not_understood(&e),
    };
    let mut hello = match hello {
        Ok(hello) => hello,
        Err(e) => return not_understood(&e),
    };
    let process = std::process::id();
    let same_build = hello.is_from_this_build();
    // Another build may lay a registry out differently; its tasks are refused anyway.
    if let Some(family) = hello.family.take().filter(|_| same_build)
        && let Err(e) = family.adopt()
    {
        // Made before the hook: then tasks with values of the parent's family are refused by name, others run.
        eprintln!("multiproc: this child shares no locks with its parent: {e}");
    }
    record_panics();
    if !hello.once {
        // The parent decides what an interrupt from the keyboard means; an error leaves the default.
        let _ = let_interrupts_pass();
        if answer(socket, Answer::Ready, 0).is_err() {
            return 0;
        }
    }
    loop {
        let request = match socket.recv(None) {
            Ok(request) => request,
            Err(RecvError::Disconnected) => return 0,
            // Nothing was taken, so nothing may be answered, or every later answer would be that of another task.
            Err(RecvError::Io(e)) => {
                eprintln!("multiproc: this worker cannot receive any more: {e}");
                return CANNOT_GO_ON;
            }
            Err(e) => {
                if answer(socket, Answer::Refused(Refusal::Malformed(e.to_string())), UNREADABLE).is_err() {
                    return 0;
                }
                continue;
            }
        };
        let tag = request.tag();
        let (message, code) =
            if same_build { perform(request) } else { (Err(Answer::Refused(Refusal::WrongImage)), 0) };
        if std::process::id() != process {
            // The task has forked and its child has come back here: the answer is its parent's to give.
            child::leave();
        }
        let sent = match message {
            Ok(message) => match send(socket, message, tag) {
                Err(SendErrorKind::Io(e)) => {
                    answer(socket, Answer::Codec(format!("the result of the task: {e}")), tag)
                }
                sent => sent,
            },
            Err(failure) => answer(socket, failure, tag),
        };
        if hello.once || sent.is_err() {
            return code;
        }
    }
}

fn not_understood(e: &dyn std::error::Error) -> i32 {
    eprintln!("multiproc: this child does not understand its parent: {e}");
    NOT_UNDERSTOOD
}

fn answer(socket: &MessageSocket, answer: Answer, tag: u64) -> Result<(), SendErrorKind> {
    send(socket, Message::encode(&answer)?, tag)
}

fn send(socket: &MessageSocket, mut message: Message, tag: u64) -> Result<(), SendErrorKind> {
    message.set_tag(tag);
    socket.send(&message, None)
}

/// Runs one request; with it the exit code of a process that ends here.
fn perform(request: Message) -> (Result<Message, Answer>, i32) {
    let attempt = || {
        let unreadable = |e: multiproc_ipc::DecodeError| Answer::Refused(Refusal::Malformed(e.to_string()));
        let mut values = request.into_values().map_err(unreadable)?;
        let task = values.next::<TaskRef>().map_err(unreadable)?.resolve().map_err(Answer::Refused)?;
        task.run(values).map_err(|e: RunError| Answer::Codec(format!("{} ({e})", task.signature())))
    };
    LAST_PANIC.set(None);
    // Unwind safety: what a broken task leaves behind in its process is its own affair, as between threads.
    match panic::catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(answer) => (answer, 0),
        Err(payload) => (Err(Answer::Panicked(describe(payload))), PANICKED),
    }
}

thread_local! {
    /// This thread's last panic, as its hook saw it.
    static LAST_PANIC: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Notes place and backtrace of each panic, then goes on to the hook that was there.
fn record_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        let message = text_of(info.payload());
        LAST_PANIC.set(Some(Panic { message, location: Some(location), backtrace, pid: std::process::id() }));
        before(info);
    }));
}

fn describe(payload: Box<dyn Any + Send>) -> Panic {
    let message = text_of(&*payload);
    // Not dropped: a payload of the user's may panic again.
    std::mem::forget(payload);
    match LAST_PANIC.take() {
        Some(seen) if seen.message == message => seen,
        // One that came without its hook: passed on from another thread, or from an earlier catch.
        _ => Panic { message, location: None, backtrace: None, pid: std::process::id() },
    }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_string(),
        None => payload
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| "(the payload is no text)".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{NoResult, request, result};

    /// What a child that is greeted with `hello` answers to a request.
    fn answer_to(hello: &Message, request: &Message) -> Result<u64, NoResult> {
        let (parent, child) = MessageSocket::pair().unwrap();
        parent.send(hello, None).unwrap();
        parent.send(request, None).unwrap();
        assert_eq!(run(&child), 0);
        result(parent.recv(None).unwrap())
    }

    #[test]
    fn a_request_of_another_build_or_that_is_none_is_refused_by_name() {
        let task = request(|n: u64| n + 1, &1).unwrap();
        let hello = Hello::message(true).unwrap();
        assert!(matches!(answer_to(&hello, &task), Ok(2)));
        let refusal = |answer: Result<u64, NoResult>| match answer {
            Err(NoResult::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        assert_eq!(refusal(answer_to(&Hello::of_another_build(), &task)), Refusal::WrongImage);
        let nonsense = Message::encode("nonsense").unwrap();
        refusal(answer_to(&hello, &nonsense)); // which one depends on what lies at the offsets that the letters make
        assert!(matches!(refusal(answer_to(&hello, &Message::new())), Refusal::Malformed(_)));
    }
}
