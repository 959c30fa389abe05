//! A function as something that can be sent: offsets into the image that both processes run. `unsafe`: what comes
//! back from offsets is called.
#![allow(unsafe_code)]

use std::any::type_name;
use std::mem::{align_of, size_of};

use multiproc_ipc::{DecodeError, EncodeError, Message, Values};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::error::PoolError;
use crate::image;

/// Marks an entry, so that a wrong offset is found out before anything is called.
const MAGIC: u64 = 0x6d70_7461_736b_0001;

/// How to run any `fn(A) -> R` of one type. One constant for each type of function lies in the image.
#[repr(C)]
struct Entry {
    magic: u64,
    signature: fn() -> &'static str,
    run: unsafe fn(*const (), Values) -> Result<Message, RunError>,
}

/// Why a task's function was not run, or its result not encoded.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("the argument of the task: {0}")]
    Argument(#[from] DecodeError),
    #[error("the result of the task: {0}")]
    Result(#[from] EncodeError),
}

trait HasEntry {
    const ENTRY: &'static Entry;
}

impl<A: DeserializeOwned, R: Serialize> HasEntry for fn(A) -> R {
    const ENTRY: &'static Entry =
        &Entry { magic: MAGIC, signature: type_name::<fn(A) -> R>, run: run::<A, R> };
}

/// Decodes the argument, calls the function, encodes the result.
///
/// # Safety
///
/// `function` is an `fn(A) -> R`.
unsafe fn run<A: DeserializeOwned, R: Serialize>(
    function: *const (),
    mut values: Values,
) -> Result<Message, RunError> {
    let argument = values.next::<A>()?;
    values.finish::<A>()?;
    // SAFETY: the caller's promise; function pointers and data pointers have the same size on Linux.
    let function = unsafe { std::mem::transmute::<*const (), fn(A) -> R>(function) };
    let mut message = Message::new();
    message.push(&Answer::Returned)?;
    message.push(&function(argument))?;
    Ok(message)
}

/// First value of each message from a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The worker has begun to wait for tasks.
    Ready,
    /// The function returned; its result is the next value.
    Returned,
    /// The function panicked.
    Panicked(crate::error::Panic),
    /// The argument was no `A`, or the result cannot be encoded.
    Codec(String),
    /// The request was not run.
    Refused(Refusal),
}

/// Why a process does not run what it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The sender is another build, so that its offsets mean something else here.
    #[error("the sender is another build of the program")]
    WrongImage,
    /// The entry's offset points outside the program's constants.
    #[error("the task's entry at offset {offset:#x} lies outside the program")]
    EntryOutOfRange {
        /// The offset that came.
        offset: u64,
    },
    /// The entry's offset is not a multiple of an entry's alignment.
    #[error("the task's entry at offset {offset:#x} is misaligned")]
    Misaligned {
        /// The offset that came.
        offset: u64,
    },
    /// What lies at the entry's offset is no entry.
    #[error("what lies at offset {offset:#x} is no task entry")]
    WrongMagic {
        /// The offset that came.
        offset: u64,
    },
    /// The function's offset points outside the program's code.
    #[error("the task's function at offset {offset:#x} lies outside the program")]
    FunctionOutOfRange {
        /// The offset that came.
        offset: u64,
    },
    /// The request itself cannot be read.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
}

/// A function and the way to run it, as offsets into the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskRef {
    entry: u64,
    function: u64,
}

impl TaskRef {
    /// Refers to `function`, if it lies in the program itself.
    pub(crate) fn new<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> Result<Self, PoolError> {
        let entry = <fn(A) -> R as HasEntry>::ENTRY;
        let image = image::this();
        let offsets = image
            .offset_of_constant(std::ptr::from_ref(entry) as usize, size_of::<Entry>())
            .zip(image.offset_of_code(function as usize));
        match offsets {
            Some((entry, function)) => Ok(Self { entry, function }),
            None => Err(PoolError::NotInImage { signature: type_name::<fn(A) -> R>() }),
        }
    }

    /// Finds what it refers to in this process.
    pub(crate) fn resolve(self) -> Result<Task, Refusal> {
        let image = image::this();
        let offset = self.entry;
        let entry =
            image.constant_at(offset, size_of::<Entry>()).ok_or(Refusal::EntryOutOfRange { offset })?;
        if entry % align_of::<Entry>() != 0 {
            return Err(Refusal::Misaligned { offset });
        }
        // SAFETY: the range is mapped, readable, aligned and never written; any 8 bytes are a u64.
        let magic = unsafe { *(entry as *const u64) };
        if magic != MAGIC {
            return Err(Refusal::WrongMagic { offset });
        }
        let offset = self.function;
        let function = image.code_at(offset).ok_or(Refusal::FunctionOutOfRange { offset })?;
        // SAFETY: behind the magic, in the same image as the sender's, lies an `Entry`: nothing else holds that
        // number in a constant but the code that compares it, where it is no aligned constant.
        let entry = unsafe { &*(entry as *const Entry) };
        Ok(Task { entry, function: function as *const () })
    }
}

/// A function that was found in this process.
pub(crate) struct Task {
    entry: &'static Entry,
    function: *const (),
}

impl Task {
    /// Runs the function on the argument that comes next in `values`. A panic of the function goes through.
    pub(crate) fn run(&self, values: Values) -> Result<Message, RunError> {
        // SAFETY: entry and function were sent together by `TaskRef::new` of the same image, which takes them from
        // one `fn(A) -> R`; the peer is family, which is what makes it trustworthy (see the crate's page).
        unsafe { (self.entry.run)(self.function, values) }
    }

    /// The function's type.
    pub(crate) fn signature(&self) -> &'static str {
        (self.entry.signature)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(n: u64) -> u64 {
        n * 2
    }

    fn double_ref() -> TaskRef {
        TaskRef::new(double as fn(u64) -> u64).expect("own function")
    }

    #[test]
    fn a_reference_leads_back_to_the_function() {
        let task = double_ref().resolve().expect("own function");
        assert_eq!(task.signature(), "fn(u64) -> u64");
        let mut answer = task
            .run(Message::encode(&21_u64).unwrap().into_values().unwrap())
            .unwrap()
            .into_values()
            .unwrap();
        assert!(matches!(answer.next::<Answer>(), Ok(Answer::Returned)));
        assert_eq!(answer.next::<u64>().unwrap(), 42);
    }

    #[test]
    fn each_broken_reference_is_refused_by_name() {
        let good = double_ref();
        let refusal = |task: TaskRef| task.resolve().err();
        let offset = u64::MAX / 2;
        assert_eq!(refusal(TaskRef { entry: offset, ..good }), Some(Refusal::EntryOutOfRange { offset }));
        assert_eq!(
            refusal(TaskRef { function: offset, ..good }),
            Some(Refusal::FunctionOutOfRange { offset })
        );
        let offset = good.entry + 1;
        assert_eq!(refusal(TaskRef { entry: offset, ..good }), Some(Refusal::Misaligned { offset }));
        let offset = good.entry + 8; // still a constant, and aligned: the entry's second word
        assert_eq!(refusal(TaskRef { entry: offset, ..good }), Some(Refusal::WrongMagic { offset }));
        let code_as_entry = TaskRef { entry: good.function, ..good };
        assert!(matches!(refusal(code_as_entry), Some(Refusal::EntryOutOfRange { .. })));
    }

    #[test]
    fn a_function_of_another_object_is_refused() {
        // SAFETY: the pointer is looked at, never called.
        let foreign = unsafe { std::mem::transmute::<*const (), fn(()) -> i32>(libc::getpid as *const ()) };
        assert!(matches!(TaskRef::new(foreign), Err(PoolError::NotInImage { .. })));
    }
}
