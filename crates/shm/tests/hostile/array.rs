//! Arrays and messages of parts, damaged.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Damage, Registry, damage, registry};

/// Where what lies in the segment begins and ends, as docs/shm-layout.md has it.
pub(crate) const FIXED: usize = 304;
pub(crate) const LOCK: Range<usize> = 512..8832;
pub(crate) const WORDS: Range<usize> = 12_288..16_384;
pub(crate) const DATA: usize = 16_384;
pub(crate) const MOST_DIMS: u32 = 32;
pub(crate) const MOST_PARTS: u32 = 512;
pub(crate) const GIVEN_UP: u64 = 1 << 63;

/// The numbers of the modes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Locked = 2,
    Atomic = 3,
    Split = 4,
}

/// Where damage is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Header,
    /// What is not looked at, and 0.
    Unused,
    Lock,
    Words,
    Data,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Bytes(Place, Damage),
    /// Another mode, so that other types are met.
    Mode(u32),
    Parts(u32),
    /// Another shape, with the right length of the elements if that is told.
    Shape(Vec<u64>, bool),
    /// The word of the part that is sent.
    Word(u64),
}

/// What a message with a part says otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    Index(u32),
    Number(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) shape: Vec<usize>,
    pub(crate) parts: usize,
    /// The part that is sent.
    pub(crate) index: usize,
    pub(crate) is: Kind,
    pub(crate) taken_for: Kind,
    /// Elements of eight bytes are expected, where those that were sent have four.
    pub(crate) wide: bool,
    pub(crate) changes: Vec<Change>,
    /// Another file of this length, with the same bytes as far as they go; `None`: the segment itself.
    pub(crate) cut: Option<usize>,
    pub(crate) registry: Registry,
    pub(crate) letter: Option<Letter>,
    /// Who has split the array goes on with it.
    pub(crate) splitter_stays: bool,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Locked, Kind::Atomic, Kind::Split])
}

fn change() -> impl Strategy<Value = Change> {
    let place = prop_oneof![
        4 => Just(Place::Header),
        1 => Just(Place::Unused),
        2 => Just(Place::Lock),
        2 => Just(Place::Words),
        1 => Just(Place::Data),
    ];
    let len = prop_oneof![4 => 0_u64..8, 1 => Just(1 << 31), 1 => Just(1 << 63), 1 => any::<u64>()];
    prop_oneof![
        8 => (place, damage()).prop_map(|(place, damage)| Change::Bytes(place, damage)),
        1 => (0_u32..6).prop_map(Change::Mode),
        2 => prop_oneof![0_u32..8, 500_u32..520, any::<u32>()].prop_map(Change::Parts),
        2 => (vec(len, 0..34), any::<bool>()).prop_map(|(shape, told)| Change::Shape(shape, told)),
        1 => prop_oneof![0_u64..8, (0_u64..8).prop_map(|n| n | GIVEN_UP), Just(GIVEN_UP - 1), any::<u64>()]
            .prop_map(Change::Word),
    ]
}

pub(crate) fn attack() -> impl Strategy<Value = Attack> {
    let shapes = vec![vec![], vec![12], vec![3, 4], vec![0, 7], vec![2, 1, 5], vec![1; 32]];
    let array = (prop::sample::select(shapes), 1_usize..6, 0_usize..6);
    let same = kind().prop_map(|kind| (kind, kind));
    let kinds = prop_oneof![5 => same, 1 => (kind(), kind())];
    let cut = prop_oneof![
        8 => Just(None),
        1 => (1_usize..17_000).prop_map(Some),
        1 => (DATA - 8..DATA + 64).prop_map(Some),
    ];
    let letter = prop_oneof![
        4 => Just(None),
        1 => prop_oneof![0_u32..6, any::<u32>()].prop_map(|index| Some(Letter::Index(index))),
        1 => prop_oneof![0_u64..8, Just(GIVEN_UP - 1), any::<u64>()].prop_map(|number| Some(Letter::Number(number))),
    ];
    let wide = prop::bool::weighted(0.1);
    let rest = (cut, registry(), letter, any::<bool>());
    (array, kinds, wide, vec(change(), 0..4), rest).prop_map(|(array, kinds, wide, changes, rest)| {
        let ((shape, parts, index), (is, taken_for)) = (array, kinds);
        let (cut, registry, letter, splitter_stays) = rest;
        let index = index % parts;
        Attack { shape, parts, index, is, taken_for, wide, changes, cut, registry, letter, splitter_stays }
    })
}

impl Change {
    pub(crate) fn apply(&self, bytes: &mut [u8], index: usize) {
        match self {
            Self::Bytes(place, damage) => {
                let range = match place {
                    Place::Header => 0..FIXED,
                    Place::Unused => FIXED..LOCK.start,
                    Place::Lock => LOCK,
                    Place::Words => WORDS,
                    Place::Data => DATA..bytes.len(),
                };
                if range.len() >= 8 {
                    damage.apply(bytes, range);
                }
            }
            Self::Mode(mode) => bytes[36..40].copy_from_slice(&mode.to_le_bytes()),
            Self::Parts(parts) => bytes[44..48].copy_from_slice(&parts.to_le_bytes()),
            Self::Shape(shape, told) => {
                bytes[40..44].copy_from_slice(&(shape.len() as u32).to_le_bytes());
                let room = bytes[48..FIXED].chunks_exact_mut(8);
                room.zip(shape).for_each(|(to, len)| to.copy_from_slice(&len.to_le_bytes()));
                if let (true, Some(len)) = (told, data_len(shape, 4)) {
                    bytes[24..32].copy_from_slice(&len.to_le_bytes());
                }
            }
            Self::Word(word) => {
                let at = WORDS.start + 8 * index;
                bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
            }
        }
    }
}

/// The bytes of so many elements; `None`: the lengths that are not 0 are too many.
pub(crate) fn data_len(shape: &[u64], size: u64) -> Option<u64> {
    let others = shape.iter().filter(|len| **len > 0);
    let bytes = others.fold(u128::from(size), |bytes, len| bytes.saturating_mul(u128::from(*len)));
    let empty = shape.contains(&0);
    (bytes <= i64::MAX as u128).then_some(if empty { 0 } else { bytes as u64 })
}
