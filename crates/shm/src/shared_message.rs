//! A `Shared` inside a message: its descriptor, and that of the family's registry where it has locks.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::ShmError;
use crate::family;
use crate::shared::Shared;
use crate::transfer::{self, Fd, FdRef};
use multiproc_sync::shm_safe::ShmSafe;

impl<T: ShmSafe + Sync> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let registry = match T::NEEDS_PLACEMENT.then(family::descriptor).transpose() {
            Ok(registry) => registry.map(FdRef::from),
            Err(error) => return Err(transfer::refuse_encoding(ShmError::from(error))),
        };
        (FdRef::from(self.descriptor()), registry).serialize(serializer)
    }
}

impl<'de, T: ShmSafe + Sync> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (fd, registry) = <(Fd, Option<Fd>)>::deserialize(deserializer)?;
        Self::attach(fd.into_owned(), registry.map(Fd::into_owned)).map_err(transfer::refuse_decoding)
    }
}
