//! Handles inside messages: a segment's descriptor, and that of the family's registry where it has locks.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::memory::SharedMemory;
use crate::shared::Shared;
use crate::transfer::{self, Descriptor};
use multiproc_sync::shm_safe::ShmSafe;

impl<T: ShmSafe + Sync> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let family = match T::NEEDS_PLACEMENT.then(family::membership).transpose() {
            Ok(family) => family,
            Err(error) => return Err(transfer::refuse_encoding(ShmError::from(error))),
        };
        (self.memory().travelling().map_err(transfer::refuse_encoding)?, family).serialize(serializer)
    }
}

impl<'de, T: ShmSafe + Sync> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (segment, family) = <(Descriptor, Option<Membership>)>::deserialize(deserializer)?;
        Self::arrive(segment, family).map_err(transfer::refuse_decoding)
    }
}

/// Inside a message only. One with a name does not travel: send the name.
impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_sealed().map_err(transfer::refuse_encoding)? {
            return self.travelling().map_err(transfer::refuse_encoding)?.serialize(serializer);
        }
        Err(transfer::refuse_encoding(ShmError::NotSendable))
    }
}

impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let descriptor = Descriptor::deserialize(deserializer)?;
        Self::refuse_typed(descriptor.borrowed()).map_err(transfer::refuse_decoding)?;
        Self::arrive(descriptor).map_err(transfer::refuse_decoding)
    }
}
