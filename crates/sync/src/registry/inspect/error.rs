//! Why nothing is known of a family.

use std::io;

use crate::registry::RegistryError;

/// Why a registry cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The kernel does not give its bytes.
    #[error("the registry cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The bytes are no registry of this version.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What somebody has damaged, or forged.
pub(super) fn corrupt(what: &'static str) -> InspectError {
    RegistryError::Corrupt { what }.into()
}
