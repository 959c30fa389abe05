//! Arrays inside messages: their segment's descriptor, and their family.

use multiproc_sync::shm_safe::ShmPlain;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::body::Body;
use super::header::ArrayMode;
use super::{AtomicArray, AtomicElement, SharedArray};
use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::transfer::{self, Descriptor};

/// Inside a message only. The elements stay where they are.
impl<T: ShmPlain + Send + Sync> Serialize for SharedArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.travelling().map_err(transfer::refuse_encoding)?.serialize(serializer)
    }
}

impl<'de, T: ShmPlain + Send + Sync> Deserialize<'de> for SharedArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (segment, family) = <(Descriptor, Membership)>::deserialize(deserializer)?;
        let body = Body::arrive(segment, family, ArrayMode::Locked).map_err(transfer::refuse_decoding)?;
        Ok(Self { body })
    }
}

/// Inside a message only. The elements stay where they are.
impl<T: AtomicElement> Serialize for AtomicArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body().travelling().map_err(transfer::refuse_encoding)?.serialize(serializer)
    }
}

impl<'de, T: AtomicElement> Deserialize<'de> for AtomicArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (segment, family) = <(Descriptor, Membership)>::deserialize(deserializer)?;
        let body = Body::arrive(segment, family, ArrayMode::Atomic).map_err(transfer::refuse_decoding)?;
        Ok(Self::of(body))
    }
}

impl<T> Body<T> {
    fn travelling(&self) -> Result<(Descriptor, Membership), ShmError> {
        if self.holding().is_ours() {
            Ok((self.holding().travelling()?, family::membership()?))
        } else {
            Err(ShmError::Forked)
        }
    }
}
