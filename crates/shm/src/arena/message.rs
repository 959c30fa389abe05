//! An arena, and blocks of it, inside messages: a descriptor, the family's registry, and of a block its number and its word.

use std::any::type_name;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::Arena;
use super::content::ArenaContent;
use super::error::ParcelError;
use super::ground::Ground;
use super::parcel::{ArenaParcel, Flight};
use super::word::Word;
use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::transfer::{self, Descriptor};

impl Serialize for Arena {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let family =
            family::membership().map_err(|error| transfer::refuse_encoding(ShmError::from(error)))?;
        (self.ground().descriptor(), family).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Arena {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (segment, family) = <(Descriptor, Membership)>::deserialize(deserializer)?;
        Ground::arrive(&segment, family).map(Self::of).map_err(transfer::refuse_decoding)
    }
}

/// What a parcel is in a message: the descriptor that locks its block, the family, and the block's place, word, number of elements and layout.
type Letter = (Descriptor, Membership, u64, u64, u64, u64);

impl<T: ArenaContent + ?Sized + Send> Serialize for ArenaParcel<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let family =
            family::membership().map_err(|error| transfer::refuse_encoding(ShmError::from(error)))?;
        let Flight { lock, word, place, len } = self.take_off().map_err(transfer::refuse_encoding)?;
        let letter: Letter = (lock, family, place as u64, word.to_bits(), len as u64, T::LAYOUT);
        letter.serialize(serializer)
    }
}

impl<'de, T: ArenaContent + ?Sized + Send> Deserialize<'de> for ArenaParcel<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (lock, family, place, word, len, layout) = Letter::deserialize(deserializer)?;
        let arrive = || {
            if layout != T::LAYOUT {
                let (type_name, expected) = (type_name::<T>(), T::LAYOUT);
                return Err(ShmError::LayoutMismatch { type_name, found: layout, expected }.into());
            }
            let ground = Ground::arrive(&lock, family)?;
            // Beyond what a number can say is beyond the arena.
            let [place, len] = [place, len].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            Self::land(ground, &Flight { lock, word: Word::from_bits(word), place, len })
        };
        arrive().map_err(|error: ParcelError| transfer::refuse_decoding(error))
    }
}
