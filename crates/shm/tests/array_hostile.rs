//! Arrays whose header, words of parts and messages a stranger writes: each is taken if nothing that counts was changed, and else refused by
//! the error of a rule that it breaks. What is taken has the shape that it says and the elements that were there, and can be used.

mod common;
mod fuzzing;
mod hostile;

use std::fmt::Debug;
use std::sync::atomic::Ordering::SeqCst;

use common::{Parcel, forged, pack, unpack};
use hostile::array::{
    Attack, DATA, FIXED, GIVEN_UP, Kind, Letter, MOST_DIMS, MOST_PARTS, WORDS, attack, data_len,
};
use hostile::{Registry, bytes_of, long, short, write};
use multiproc_shm::transfer::{Refusal, TransferError};
use multiproc_shm::{ArrayPart, AtomicArray, JoinError, SharedArray, ShmError, Split, family};
use proptest::prelude::*;

/// What a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Version,
    Layout,
    Length,
    /// It is an array, in another mode.
    Mode,
    Family,
    /// The message has nothing to bring any more.
    Sent,
    /// The message has no such descriptor.
    Descriptor,
    /// Whatever else a header, or a message, says wrongly.
    Bytes,
}

fn rule(refusal: &Refusal) -> Rule {
    if let Some(TransferError::NoSuchDescriptor) = refusal.downcast_ref() {
        return Rule::Descriptor;
    }
    match refusal.downcast_ref::<ShmError>().unwrap_or_else(|| panic!("{refusal:?}")) {
        ShmError::Version { .. } => Rule::Version,
        ShmError::LayoutMismatch { .. } => Rule::Layout,
        ShmError::TooShort { .. } => Rule::Length,
        ShmError::ArrayMode { .. } => Rule::Mode,
        ShmError::PartIsSent => Rule::Sent,
        ShmError::Corrupt { .. } => Rule::Bytes,
        ShmError::ForeignFamily { .. } => Rule::Family,
        other => panic!("no error for damaged bytes: {other:?}"),
    }
}

/// A message with an array of `u32` that is whole, and who has split it.
fn message(attack: &Attack) -> (Parcel, Option<Split<u32>>) {
    let len: usize = attack.shape.iter().product();
    let array = SharedArray::from_fn(len, |i| i as u32 + 1).unwrap();
    let array = if attack.shape.len() == 1 { array } else { shaped(&attack.shape) };
    match attack.is {
        Kind::Locked => (pack(&array).unwrap(), None),
        Kind::Atomic => (pack(&array.into_atomics().unwrap()).unwrap(), None),
        Kind::Split => {
            let mut split = array.split(attack.parts).unwrap();
            let part = split.take(attack.index).unwrap().unwrap();
            (pack(&part).unwrap(), attack.splitter_stays.then_some(split))
        }
    }
}

fn shaped(shape: &[usize]) -> SharedArray<u32> {
    let array = SharedArray::with_shape(shape).unwrap();
    array.write().unwrap().iter_mut().zip(1..).for_each(|(element, n)| *element = n);
    array
}

/// The fingerprints of arrays of `u32` and of `u64`, from such that are whole.
fn fingerprints() -> [u64; 2] {
    static FOUND: std::sync::OnceLock<[u64; 2]> = std::sync::OnceLock::new();
    *FOUND.get_or_init(|| {
        let narrow = pack(&SharedArray::<u32>::zeroed(1).unwrap()).unwrap();
        let wide = pack(&SharedArray::<u64>::zeroed(1).unwrap()).unwrap();
        [narrow, wide].map(|message| long(&bytes_of(&message.fds[0]), 16))
    })
}

/// What of the segment is broken, for who expects `kind`.
fn broken(bytes: &[u8], kind: Kind, wide: bool) -> Vec<Rule> {
    if bytes.len() < FIXED {
        return vec![Rule::Length];
    }
    let size = if wide { 8 } else { 4 };
    let mode = short(bytes, 36);
    let dims = short(bytes, 40);
    let shape: Vec<u64> = (0..dims.min(MOST_DIMS) as usize).map(|dim| long(bytes, 48 + 8 * dim)).collect();
    let len = data_len(&shape, size);
    let rules = [
        (Rule::Bytes, &bytes[..8] != b"mpshared"),
        (Rule::Version, short(bytes, 8) != 1),
        (Rule::Bytes, short(bytes, 12) != DATA as u32),
        (Rule::Layout, long(bytes, 16) != fingerprints()[usize::from(wide)]),
        (Rule::Bytes, u64::from(short(bytes, 32)) != size),
        (Rule::Bytes, !(2..=4).contains(&mode)),
        (Rule::Mode, (2..=4).contains(&mode) && mode != kind as u32),
        (Rule::Bytes, dims > MOST_DIMS),
        (Rule::Bytes, len != Some(long(bytes, 24))),
        (Rule::Length, len.is_some_and(|len| len.saturating_add(DATA as u64) > bytes.len() as u64)),
        (Rule::Bytes, short(bytes, 44) > MOST_PARTS),
    ];
    rules.into_iter().filter(|(_, broken)| *broken).map(|(rule, _)| rule).collect()
}

/// Decodes the damaged message. Tells whether it was taken in spite of some damage.
fn survive(attack: &Attack) -> bool {
    // Of this family, before any of another can come.
    family::registry().unwrap();
    let (mut parcel, split) = message(attack);
    let whole = bytes_of(&parcel.fds[0]);
    let mut damaged = whole.clone();
    attack.changes.iter().for_each(|change| change.apply(&mut damaged, attack.index));
    let mut another_file = false;
    match attack.cut {
        Some(len) => {
            another_file = true;
            damaged.resize(len, 0);
            parcel.fds[0] = forged(&damaged);
        }
        None => write(&parcel.fds[0], &damaged),
    }
    let mut rules = broken(&damaged, attack.taken_for, attack.wide);
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
    let (index, number) = relabel(attack, &mut parcel);
    if attack.taken_for == Kind::Split && damaged.len() >= DATA {
        let parts = short(&damaged, 44);
        if index >= parts.min(MOST_PARTS) {
            rules.push(Rule::Bytes);
        }
        let word = long(&damaged, WORDS.start + 8 * index.min(MOST_PARTS - 1) as usize);
        if word != number || number & (GIVEN_UP | 1) != 1 {
            rules.push(Rule::Sent);
        }
    }
    let taken = if attack.wide {
        received::<u64>(attack.taken_for, parcel, &damaged, index, &rules)
    } else {
        received::<u32>(attack.taken_for, parcel, &damaged, index, &rules)
    };
    assert_eq!(taken, rules.is_empty(), "taken or not, against the rules: {rules:?}");
    if let Some(split) = split {
        go_on(split, attack, another_file);
    }
    taken && damaged != whole
}

/// Changes what the message says of its part; gives its index and its number. One that was made for an array is lengthened, if a part is expected.
fn relabel(attack: &Attack, parcel: &mut Parcel) -> (u32, u64) {
    let (mut index, mut number) = match attack.is {
        Kind::Split => {
            let (_, _, index, number): (u32, u32, u32, u64) = postcard::from_bytes(&parcel.bytes).unwrap();
            (index, number)
        }
        _ => (attack.index as u32, 3),
    };
    match attack.letter {
        Some(Letter::Index(other)) => index = other,
        Some(Letter::Number(other)) => number = other,
        None => {}
    }
    parcel.bytes = postcard::to_stdvec(&(0_u32, 1_u32, index, number)).unwrap();
    (index, number)
}

/// Of elements of both sizes.
trait Element: multiproc_shm::AtomicElement + Debug + PartialEq {
    fn of(bytes: &[u8]) -> Self;
    fn load(atomic: &Self::Atomic) -> Self;
}

impl Element for u32 {
    fn of(bytes: &[u8]) -> Self {
        short(bytes, 0)
    }

    fn load(atomic: &Self::Atomic) -> Self {
        atomic.load(SeqCst)
    }
}

impl Element for u64 {
    fn of(bytes: &[u8]) -> Self {
        long(bytes, 0)
    }

    fn load(atomic: &Self::Atomic) -> Self {
        atomic.load(SeqCst)
    }
}

/// Whether the message was taken; if so it is as its bytes say, else refused for one of these rules.
fn received<T: Element>(kind: Kind, parcel: Parcel, bytes: &[u8], index: u32, rules: &[Rule]) -> bool {
    let result = match kind {
        Kind::Locked => unpack::<SharedArray<T>>(parcel).map(|array| locked(&array, bytes)),
        Kind::Atomic => unpack::<AtomicArray<T>>(parcel).map(|array| {
            assert_eq!(shape_of(bytes), array.shape());
            assert_eq!(array.iter().map(T::load).collect::<Vec<_>>(), elements(bytes));
        }),
        Kind::Split => unpack::<ArrayPart<T>>(parcel).map(|part| own(part, bytes, index as usize)),
    };
    match result {
        Ok(()) => true,
        Err(refusal) => {
            assert!(rules.contains(&rule(&refusal)), "{refusal:?} for {rules:?}");
            false
        }
    }
}

fn shape_of(bytes: &[u8]) -> Vec<usize> {
    (0..short(bytes, 40) as usize).map(|dim| long(bytes, 48 + 8 * dim) as usize).collect()
}

fn elements<T: Element>(bytes: &[u8]) -> Vec<T> {
    let end = DATA + long(bytes, 24) as usize;
    bytes[DATA..end].chunks_exact(size_of::<T>()).map(T::of).collect()
}

/// The lock says whatever its bytes say, without waiting; with bytes of its own it is free.
fn locked<T: Element>(array: &SharedArray<T>, bytes: &[u8]) {
    assert_eq!(shape_of(bytes), array.shape());
    let reader = array.try_read();
    if let Ok(guard) = &reader {
        assert_eq!(**guard, elements::<T>(bytes));
    }
    drop(reader);
    if let Ok(mut guard) = array.try_write() {
        let first = guard.first().copied();
        guard.iter_mut().zip(first).for_each(|(element, first)| *element = first);
    }
}

/// A part is the elements that its index and the number of parts say, and this process's.
fn own<T: Element>(mut part: ArrayPart<T>, bytes: &[u8], index: usize) {
    let (all, parts) = (elements::<T>(bytes), short(bytes, 44) as usize);
    let first = |index: usize| index * (all.len() / parts) + index.min(all.len() % parts);
    assert_eq!((part.index(), part.range()), (index, first(index)..first(index + 1)));
    assert_eq!(*part.read(), all[part.range()]);
    part.as_mut_slice().reverse();
    let again = pack(&part).unwrap();
    assert!(pack(&part).is_err(), "it is sent once");
    let part: ArrayPart<T> = unpack(again).unwrap();
    drop(part);
}

/// Who has split the array gives parts of it away and takes them back, whatever became of the memory.
fn go_on(mut split: Split<u32>, attack: &Attack, another_file: bool) {
    let len: usize = attack.shape.iter().product();
    let ranges: Vec<_> = split.ranges().collect();
    assert_eq!(ranges.last().map(|range| range.end), Some(len));
    let missing = split.missing().unwrap();
    assert!(missing.iter().all(|index| *index == attack.index), "{missing:?}");
    assert_eq!(ranges.len(), attack.parts);
    for (index, range) in ranges.into_iter().enumerate() {
        let Some(part) = split.take(index).unwrap() else {
            assert_eq!(missing, [index]);
            continue;
        };
        assert_eq!((part.read().len(), part.range()), (range.len(), range), "as it was split");
        drop(part);
    }
    match split.join() {
        Ok(array) => assert_eq!(array.len(), len),
        Err(JoinError::Torn(_, _)) => assert!(!another_file),
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_array_is_an_error_by_name_or_nothing_that_counts(attack in attack()) {
        survive(&attack);
    }
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("array", attack(), survive);
}
