//! A task on its way through the pool, and how it can end.

use std::io;
use std::sync::Arc;

use multiproc_ipc::{Message, RecvError};
use serde::de::DeserializeOwned;

use crate::error::{Death, PoolError, TaskError};
use crate::pool::waiter;
pub(crate) use crate::pool::waiter::Waiter;
use crate::request;

/// Where the outcome of one task is left, once.
pub(crate) type Slot = waiter::Slot<Outcome>;

/// A task that has no outcome yet. The pool owns it; encoded, it can be sent again.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) request: Message,
    /// Workers that died while they ran it.
    pub(crate) attempts: u32,
    pub(crate) slot: Arc<Slot>,
}

/// How a task ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Message),
    WorkerDied { pid: u32, death: Death, attempts: u32 },
    WorkersFail(String),
    NotHandedOver(io::Error),
    AnswerLost { pid: u32, reason: RecvError },
    PoolClosed,
}

impl Outcome {
    /// The task's result, decoded here, in the thread that waits for it.
    pub(crate) fn into_result<R: DeserializeOwned>(self) -> Result<R, TaskError> {
        match self {
            Self::Answer(answer) => Ok(request::result(answer)?),
            Self::WorkerDied { pid, death, attempts } => {
                Err(TaskError::WorkerDied { pid, signal: death.signal(), code: death.code(), attempts })
            }
            Self::WorkersFail(reason) => Err(TaskError::WorkersFail { reason }),
            Self::NotHandedOver(e) => Err(TaskError::NotSubmitted(PoolError::Kernel(e))),
            Self::AnswerLost { pid, reason } => {
                Err(TaskError::Codec(format!("the answer of worker {pid} could not be received: {reason}")))
            }
            Self::PoolClosed => Err(TaskError::PoolClosed),
        }
    }
}
