//! Why the command did not do what it was asked to.

use std::io;

use multiproc_shm::ShmError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Memory(#[from] ShmError),
    #[error("cannot read {what}: {source}")]
    Read { what: &'static str, source: io::Error },
    #[error("cannot write the output: {0}")]
    Write(#[source] io::Error),
}
