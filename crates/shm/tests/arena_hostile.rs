//! Arenas whose header, words and parcels a stranger writes: each is taken if nothing that counts was changed, and else refused by the error of a
//! rule that it breaks. What is taken lies where its words say, and what is allocated beside it lies in the arena.
//!
//! The arena's lock stays what it is: who waits for a lock that others hold for ever waits, and whether one is held its bytes say.

mod common;
mod fuzzing;
mod hostile;

use std::fs::File;
use std::os::unix::fs::FileExt;

use common::{forged, pack, unpack};
use hostile::arena::{
    Attack, BLOCKS, END, IN_FLIGHT, IS_RUN, Kind, MOST_SPANS, RUN, SPAN, SPANS, Said, attack,
};
use hostile::{Registry, long, short, start_of, write};
use multiproc_shm::transfer::{Refusal, TransferError};
use multiproc_shm::{Arena, ArenaBox, ArenaParcel, ParcelError, ShmError, family};
use proptest::prelude::*;

/// What a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Version,
    Layout,
    Length,
    Family,
    /// The block is in no such message.
    Gone,
    Descriptor,
    /// Whatever else the header, or the message, says wrongly.
    Bytes,
}

fn rule(refusal: &Refusal) -> Rule {
    let error = match refusal.downcast_ref::<ParcelError>() {
        Some(ParcelError::Gone) => return Rule::Gone,
        Some(ParcelError::Memory(error)) => Some(error),
        Some(other) => panic!("no error for damaged bytes: {other:?}"),
        None => refusal.downcast_ref::<ShmError>(),
    };
    match error {
        Some(ShmError::Version { .. }) => Rule::Version,
        Some(ShmError::LayoutMismatch { .. }) => Rule::Layout,
        Some(ShmError::TooShort { .. }) => Rule::Length,
        Some(ShmError::Corrupt { .. }) => Rule::Bytes,
        Some(ShmError::ForeignFamily { .. }) => Rule::Family,
        Some(other) => panic!("no error for damaged bytes: {other:?}"),
        None => match refusal.downcast_ref() {
            Some(TransferError::NoSuchDescriptor) => Rule::Descriptor,
            _ => panic!("no error for damaged bytes: {refusal:?}"),
        },
    }
}

/// What of the header is broken, of a file of `len` bytes.
fn broken(bytes: &[u8], len: u64, fingerprint: u64) -> Vec<Rule> {
    if bytes.len() < 48 {
        return vec![Rule::Length];
    }
    let data = long(bytes, 24);
    let spans = data / SPAN;
    let words = (4160 + 8 * spans).next_multiple_of(4096) + 8192 * spans;
    let rules = [
        (Rule::Bytes, &bytes[..8] != b"mpshared"),
        (Rule::Version, short(bytes, 8) != 1),
        (Rule::Bytes, short(bytes, 12) != 4096),
        (Rule::Layout, long(bytes, 16) != fingerprint),
        (Rule::Bytes, !data.is_multiple_of(SPAN) || spans == 0 || spans > MOST_SPANS),
        (Rule::Length, len < words.saturating_add(data)),
        (Rule::Bytes, short(bytes, 32) != 4096),
        (Rule::Bytes, short(bytes, 36) != 16),
    ];
    rules.into_iter().filter(|(_, broken)| *broken).map(|(rule, _)| rule).collect()
}

/// Where the words say that the block lies, from the segment's beginning in bytes, and how long it is; `None`: it is in no such message. `spans` are as
/// many as the header says.
fn block(bytes: &[u8], spans: u64, said: &Said) -> Option<(u64, u64)> {
    if said.place >= spans * BLOCKS {
        return None;
    }
    let (span, number) = (said.place / BLOCKS, said.place % BLOCKS);
    let table = (4160 + 8 * spans).next_multiple_of(4096);
    let at = |at: u64| bytes.get(at as usize..at as usize + 8).map_or(0, |word| long(word, 0));
    let (used, word) = (at(4160 + 8 * span), at(table + 8 * said.place));
    let (class, state) = (said.word >> 28 & 15, said.word >> 26 & 3);
    let data = table + 8192 * spans + span * SPAN;
    let (begin, len) = if used & IS_RUN != 0 {
        let spans = (used & u64::from(u32::MAX)).clamp(1, spans - span);
        (class == RUN && number == 0).then_some((data, spans * SPAN))?
    } else if (1..=11).contains(&used) {
        (class == used - 1 && number < BLOCKS >> class)
            .then_some((data + (number << (class + 6)), 64 << class))?
    } else {
        // Of no meaning: as a run of one.
        (used != 0 && class == RUN && number == 0).then_some((data, SPAN))?
    };
    (word == said.word && state == IN_FLIGHT).then_some((begin, len))
}

/// Decodes the damaged message. Tells whether it was taken in spite of some damage.
fn survive(attack: &Attack) -> bool {
    // Of this family, before any of another can come.
    family::registry().unwrap();
    let arena = Arena::new((SPANS * SPAN) as usize).unwrap();
    let numbers: Vec<u64> = (0..attack.len as u64).collect();
    let others: Vec<_> =
        (0..attack.before).map_while(|_| arena.alloc_zeroed::<u64>(attack.len).ok()).collect();
    let Ok(row) = arena.alloc_slice(&numbers) else {
        return survive(&Attack { before: 0, ..attack.clone() });
    };
    let mut parcel = pack(&row.into_parcel()).unwrap();
    let (_, _, place, word, len, layout): (u32, u32, u64, u64, u64, u64) =
        postcard::from_bytes(&parcel.bytes).unwrap();
    let mut said = Said { place, word, len, layout };
    // Not found again by its file: it arrives as it would elsewhere.
    drop((others, arena));
    let whole = start_of(&parcel.fds[0], END);
    let mut damaged = whole.clone();
    attack.changes.iter().for_each(|change| change.apply(&mut damaged, place));
    let mut file_len = END as u64 + SPANS * SPAN;
    match attack.cut {
        Some(len) => {
            let file = forged_long(&damaged, len);
            damaged.truncate(len as usize);
            (parcel.fds[0], file_len) = (file, len);
        }
        None => write(&parcel.fds[0], &damaged),
    }
    let mut rules = broken(&damaged, file_len, long(&whole, 16));
    match &attack.registry {
        Registry::Own => {}
        Registry::Missing => {
            parcel.fds.truncate(1);
            rules.push(Rule::Descriptor);
        }
        Registry::Forged(bytes) => {
            parcel.fds[1] = forged(bytes);
            rules.push(Rule::Family);
        }
    }
    said.change(attack.letter.as_ref(), &damaged);
    parcel.bytes =
        postcard::to_stdvec(&(0_u32, 1_u32, said.place, said.word, said.len, said.layout)).unwrap();
    let taken = match attack.taken_for {
        Kind::Arena => taken(unpack::<Arena>(parcel), &rules, |arena| whatever_it_says(&arena)),
        kind => {
            let expected = if kind == Kind::Row { layout } else { layout ^ 1 };
            rules.extend((said.layout != expected).then_some(Rule::Layout));
            let spans = if rules.is_empty() { long(&damaged, 24) / SPAN } else { SPANS };
            let found = block(&damaged, spans, &said);
            rules.extend(found.is_none().then_some(Rule::Gone));
            // Said where the block's words are right, whatever its own word is.
            let size = if kind == Kind::Row { 8 } else { 1 };
            let fits =
                said.len.checked_mul(size).is_some_and(|len| found.is_none_or(|(_, most)| len <= most));
            rules.extend((!fits || found.is_none()).then_some(Rule::Bytes));
            let file = File::from(parcel.fds[0].try_clone().unwrap());
            match kind {
                Kind::Row => taken(unpack::<ArenaParcel<[u64]>>(parcel), &rules, |parcel| {
                    own(&parcel.open().unwrap(), &file, found.unwrap().0, &said);
                }),
                _ => taken(unpack::<ArenaParcel<[u8]>>(parcel), &rules, |_| panic!("it has another layout")),
            }
        }
    };
    assert_eq!(taken, rules.is_empty(), "taken or not, against the rules: {rules:?}");
    taken && (damaged != whole || attack.letter.is_some())
}

/// A file of this length that begins with these bytes, as far as they go.
fn forged_long(bytes: &[u8], len: u64) -> std::os::fd::OwnedFd {
    let mut bytes = bytes.to_vec();
    bytes.resize(len as usize, 0);
    forged(&bytes)
}

fn taken<T>(result: Result<T, Refusal>, rules: &[Rule], whole: impl FnOnce(T)) -> bool {
    match result {
        Ok(value) => {
            whole(value);
            true
        }
        Err(refusal) => {
            assert!(rules.contains(&rule(&refusal)), "{refusal:?} for {rules:?}");
            false
        }
    }
}

/// A row lies where its words say.
fn own(row: &ArenaBox<[u64]>, file: &File, begin: u64, said: &Said) {
    assert_eq!(row.len() as u64, said.len);
    let mut there = vec![0; 8 * row.len()];
    file.read_exact_at(&mut there, begin).unwrap();
    assert!(there.chunks_exact(8).map(|word| long(word, 0)).eq(row.iter().copied()));
}

/// All that can be done with an arena ends, and what it gives out can be written.
fn whatever_it_says(arena: &Arena) {
    assert!(arena.used() <= arena.capacity() && arena.largest_free() <= arena.capacity());
    let sizes = [1, 64, 4096, SPAN as usize, 2 * SPAN as usize];
    let rows: Vec<_> = sizes.iter().filter_map(|len| arena.alloc_zeroed::<u8>(*len).ok()).collect();
    for (number, mut row) in (1..).zip(rows) {
        row.fill(number);
        let sent: ArenaParcel<[u8]> = match pack(&row.into_parcel()) {
            Ok(parcel) => unpack(parcel).unwrap(),
            Err(_) => continue, // its span is damaged
        };
        assert!(sent.open().unwrap().iter().all(|byte| *byte == number));
    }
    arena.sweep();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_arena_is_an_error_by_name_or_nothing_that_counts(attack in attack()) {
        survive(&attack);
    }
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("arena", attack(), survive);
}
