//! Arenas and messages of parcels, damaged.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Damage, Registry, damage, long, registry};

/// What an arena is made of, as docs/shm-layout.md has it.
pub(crate) const SPAN: u64 = 65_536;
pub(crate) const SPANS: u64 = 3;
pub(crate) const BLOCKS: u64 = 1024;
pub(crate) const MOST_SPANS: u64 = (1 << 22) - 1;
pub(crate) const SPAN_WORDS: Range<usize> = 4160..4160 + 8 * SPANS as usize;
pub(crate) const BLOCK_WORDS: Range<usize> = 8192..8192 + 8192 * SPANS as usize;
pub(crate) const END: usize = BLOCK_WORDS.end;

/// A run, in the word of a span and in that of its block.
pub(crate) const IS_RUN: u64 = 1 << 32;
pub(crate) const RUN: u64 = 15;

/// The state of a block that a message has.
pub(crate) const IN_FLIGHT: u64 = 3;

/// Where damage is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Header,
    /// What is not looked at, up to the lock.
    Unused,
    Spans,
    Blocks,
    /// The words of the block that is sent.
    Own,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Bytes(Place, Damage),
    Mode(u32),
    /// The length of the blocks.
    Len(u64),
    /// What the span of the block that is sent is used for.
    Use(u64),
    /// The state of that block.
    State(u64),
}

/// What the message says otherwise, or so much more.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    Place(u64),
    Further(u64),
    Word(u64),
    /// Some bits of the word.
    Bits(u32, u64),
    Len(u64),
    Layout(u64),
    /// The word that stands there now.
    Now,
    /// Another block, and the word that stands there now.
    Other(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Arena,
    /// A row of `u64`.
    Row,
    /// A row of `u8`, whose layout is another.
    Bytes,
}

#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) taken_for: Kind,
    /// How many numbers are sent.
    pub(crate) len: usize,
    /// How many blocks of that length others have before.
    pub(crate) before: usize,
    pub(crate) changes: Vec<Change>,
    /// Another file of this length, with the same words as far as they go; `None`: the segment itself.
    pub(crate) cut: Option<u64>,
    pub(crate) registry: Registry,
    pub(crate) letter: Option<Letter>,
}

fn change() -> impl Strategy<Value = Change> {
    let places = vec![Place::Header, Place::Header, Place::Unused, Place::Spans, Place::Blocks, Place::Own];
    let place = prop::sample::select(places);
    let len = prop_oneof![
        (0_u64..6).prop_map(|spans| spans * SPAN),
        prop::sample::select(vec![MOST_SPANS * SPAN, (MOST_SPANS + 1) * SPAN, u64::MAX, 1 << 63]),
        any::<u64>()
    ];
    let uses = prop_oneof![0_u64..14, (0_u64..6).prop_map(|spans| IS_RUN | spans), any::<u64>()];
    prop_oneof![
        8 => (place, damage()).prop_map(|(place, damage)| Change::Bytes(place, damage)),
        1 => (0_u32..20).prop_map(Change::Mode),
        1 => len.prop_map(Change::Len),
        2 => uses.prop_map(Change::Use),
        1 => (0_u64..4).prop_map(Change::State),
    ]
}

fn letter() -> impl Strategy<Value = Letter> {
    prop_oneof![
        prop_oneof![0..BLOCKS * SPANS + 2, any::<u64>()].prop_map(Letter::Place),
        (1_u64..5).prop_map(Letter::Further),
        any::<u64>().prop_map(Letter::Word),
        (0_u32..64, 1_u64..16).prop_map(|(at, bits)| Letter::Bits(at, bits)),
        prop_oneof![0_u64..9000, 0_u64..20_000, any::<u64>()].prop_map(Letter::Len),
        any::<u64>().prop_map(Letter::Layout),
        Just(Letter::Now),
        (0..BLOCKS * SPANS).prop_map(Letter::Other),
    ]
}

pub(crate) fn attack() -> impl Strategy<Value = Attack> {
    let kind = prop_oneof![3 => Just(Kind::Arena), 6 => Just(Kind::Row), 1 => Just(Kind::Bytes)];
    let lens = prop::sample::select(vec![0_usize, 1, 8, 9, 500, 8192, 8193, 20_000]);
    let end = END as u64 + SPANS * SPAN;
    let cut = prop_oneof![
        8 => Just(None),
        1 => (1..end).prop_map(Some),
        1 => (end - 2..end + 9).prop_map(Some),
    ];
    let letter = prop_oneof![2 => Just(None), 1 => letter().prop_map(Some)];
    let all = (kind, lens, 0_usize..3, vec(change(), 0..4), cut, registry(), letter);
    all.prop_map(|(taken_for, len, before, changes, cut, registry, letter)| Attack {
        taken_for,
        len,
        before,
        changes,
        cut,
        registry,
        letter,
    })
}

impl Change {
    pub(crate) fn apply(&self, bytes: &mut [u8], place: u64) {
        let set =
            |bytes: &mut [u8], at: usize, long: u64| bytes[at..at + 8].copy_from_slice(&long.to_le_bytes());
        match self {
            Self::Bytes(of, damage) => {
                let own = BLOCK_WORDS.start + 8 * place as usize;
                let range = match of {
                    Place::Header => 0..40,
                    Place::Unused => 40..4096,
                    Place::Spans => SPAN_WORDS,
                    Place::Blocks => BLOCK_WORDS,
                    Place::Own => own..own + 8,
                };
                damage.apply(bytes, range);
            }
            Self::Mode(mode) => bytes[36..40].copy_from_slice(&mode.to_le_bytes()),
            Self::Len(len) => set(bytes, 24, *len),
            Self::State(state) => {
                let at = BLOCK_WORDS.start + 8 * place as usize;
                let word = long(bytes, at) & !(3 << 26) | state << 26;
                set(bytes, at, word);
            }
            Self::Use(used) => set(bytes, SPAN_WORDS.start + 8 * (place / BLOCKS) as usize, *used),
        }
    }
}

/// A parcel's message, as it is or was changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) place: u64,
    pub(crate) word: u64,
    pub(crate) len: u64,
    pub(crate) layout: u64,
}

impl Said {
    /// `bytes` are those of the segment that it goes with.
    pub(crate) fn change(&mut self, letter: Option<&Letter>, bytes: &[u8]) {
        let now = |place: u64| {
            let at = BLOCK_WORDS.start + 8 * place as usize;
            bytes.get(at..at + 8).map_or(0, |word| long(word, 0))
        };
        match letter {
            Some(Letter::Place(place)) => self.place = *place,
            Some(Letter::Further(places)) => self.place += places,
            Some(Letter::Word(word)) => self.word = *word,
            Some(Letter::Bits(at, bits)) => self.word ^= bits << at,
            Some(Letter::Len(len)) => self.len = *len,
            Some(Letter::Layout(layout)) => self.layout = *layout,
            Some(Letter::Now) => self.word = now(self.place),
            Some(Letter::Other(place)) => (self.place, self.word) = (*place, now(*place)),
            None => {}
        }
    }
}
