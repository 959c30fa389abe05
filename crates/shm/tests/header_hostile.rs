//! Segments whose first bytes a stranger writes, or of which he sends another file: each is taken if nothing that counts was changed, and else
//! refused by a typed error. What is taken has the value that was there.

mod common;
mod fuzzing;
mod hostile;

use std::fmt::Debug;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use common::{Parcel, forged, pack, unpack};
use hostile::{Registry, bytes_of, write};
use multiproc_shm::transfer::{Fd, Refusal};
use multiproc_shm::{FamilyError, Shared, SharedMemory, SharedValue, ShmError};
use multiproc_sync::Mutex;
use proptest::prelude::*;
use proptest::sample::Index;

/// How many bytes of a header are looked at, as docs/shm-layout.md has them; the rest may be anything.
const LOOKED_AT: usize = 40;

/// How long the header of these types is.
const HEADER: usize = 256;

/// A plain value, one with a lock, and one that none of both is.
type Numbers = Shared<[AtomicU64; 5]>;
type Locked = Shared<Mutex<[u64; 3]>>;
type Value = SharedValue<[u64; 20]>;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Numbers,
    Locked,
    Value,
}

#[derive(Clone, Debug)]
enum Damage {
    Bytes(hostile::Damage),
    /// The header of another type of segment, from here on.
    Graft(Kind, Index),
}

#[derive(Clone, Debug)]
struct Attack {
    is: Kind,
    taken_for: Kind,
    damages: Vec<Damage>,
    /// Another file of this length, with the same bytes as far as they go; `None`: the segment itself.
    cut: Option<usize>,
    registry: Registry,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Numbers, Kind::Locked, Kind::Value])
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => hostile::damage().prop_map(Damage::Bytes),
        1 => (kind(), any::<Index>()).prop_map(|(kind, at)| Damage::Graft(kind, at)),
    ]
}

fn attack() -> impl Strategy<Value = Attack> {
    let same = kind().prop_map(|kind| (kind, kind));
    let kinds = prop_oneof![4 => same, 1 => (kind(), kind())];
    let cut = prop_oneof![4 => Just(None), 1 => (1_usize..900).prop_map(Some)];
    (kinds, prop::collection::vec(damage(), 0..4), cut, hostile::registry()).prop_map(
        |((is, taken_for), damages, cut, registry)| Attack { is, taken_for, damages, cut, registry },
    )
}

const NUMBERS: [u64; 5] = [1, u64::MAX, 3, 1 << 63, 5];

fn numbers() -> Numbers {
    Shared::new(NUMBERS.map(AtomicU64::new)).unwrap()
}

fn locked() -> Locked {
    Shared::new(Mutex::new([7, 8, 9])).unwrap()
}

fn value() -> Value {
    SharedValue::new([11; 20]).unwrap()
}

/// A message with a new segment of this type, whole.
fn message(kind: Kind) -> Parcel {
    match kind {
        Kind::Numbers => pack(&numbers()).unwrap(),
        Kind::Locked => pack(&locked()).unwrap(),
        Kind::Value => pack(&value()).unwrap(),
    }
}

impl Damage {
    fn apply(&self, bytes: &mut [u8]) {
        match self {
            Self::Bytes(damage) => damage.apply(bytes, 0..HEADER),
            Self::Graft(kind, at) => {
                let other = bytes_of(&message(*kind).fds[0]);
                let at = at.index(LOOKED_AT);
                bytes[at..LOOKED_AT].copy_from_slice(&other[at..LOOKED_AT]);
            }
        }
    }
}

/// Errors that may be said of a damaged segment; all others are wrong.
fn is_named(refusal: &Refusal, registry: &Registry) -> bool {
    match refusal.downcast_ref::<ShmError>() {
        Some(
            ShmError::Corrupt { .. }
            | ShmError::Version { .. }
            | ShmError::LayoutMismatch { .. }
            | ShmError::TooShort { .. },
        ) => true,
        Some(ShmError::ForeignFamily { .. }) => matches!(registry, Registry::Forged(_)),
        Some(ShmError::Family(
            FamilyError::Registry(_) | FamilyError::Memory(_) | FamilyError::AlreadyMember,
        )) => {
            matches!(registry, Registry::Forged(_))
        }
        _ => false,
    }
}

/// Decodes the damaged message. What is taken must be what it was; what is not must be refused by name, and for a reason. Tells whether it was
/// taken in spite of some damage.
fn survive(attack: &Attack) -> bool {
    // Of this family, before any of another can come.
    multiproc_shm::family::registry().unwrap();
    let mut parcel = message(attack.is);
    let whole = bytes_of(&parcel.fds[0]);
    let mut damaged = whole.clone();
    attack.damages.iter().for_each(|damage| damage.apply(&mut damaged));
    match attack.cut {
        Some(len) => {
            damaged.resize(len, 0);
            parcel.fds[0] = forged(&damaged);
        }
        None => write(&parcel.fds[0], &damaged),
    }
    let has_lock = |kind| !matches!(kind, Kind::Numbers);
    match &attack.registry {
        Registry::Missing if has_lock(attack.is) => {
            let with_none = (Fd::from(parcel.fds.swap_remove(0)), None::<Fd>);
            parcel = pack(&with_none).unwrap();
        }
        Registry::Forged(bytes) if has_lock(attack.is) => parcel.fds[1] = forged(bytes),
        _ => {}
    }
    let header = bytes_of(&message(attack.taken_for).fds[0]);
    let is_its = damaged.len() >= header.len() && damaged[..LOOKED_AT] == header[..LOOKED_AT];
    // A plain value has no eye for a registry; one with locks wants that of its family.
    let is_ours = has_lock(attack.is) && matches!(attack.registry, Registry::Own);
    let expected = is_its && (is_ours || !has_lock(attack.taken_for));
    // With the header of another type in the place of its own, it is some value of that.
    let is_same = std::mem::discriminant(&attack.is) == std::mem::discriminant(&attack.taken_for);
    plain(attack, &parcel.fds[0], &damaged);
    let taken = match attack.taken_for {
        Kind::Numbers => taken(unpack::<Numbers>(parcel), &attack.registry, |numbers| {
            let found: Vec<u64> = numbers.iter().map(|number| number.load(Relaxed)).collect();
            assert!(found == NUMBERS || !is_same, "{found:?}");
        }),
        Kind::Locked => taken(unpack::<Locked>(parcel), &attack.registry, |locked| {
            assert!(*locked.lock().unwrap() == [7, 8, 9] || !is_same);
        }),
        Kind::Value => taken(unpack::<Value>(parcel), &attack.registry, |value| {
            assert!(value.get().unwrap() == [11; 20] || !is_same);
            value.update(|row| row[0] = row[0].wrapping_add(1)).unwrap();
        }),
    };
    assert_eq!(taken, expected, "taken or not, against the rules");
    taken && damaged != whole
}

fn taken<T: Debug>(result: Result<T, Refusal>, registry: &Registry, whole: impl FnOnce(&T)) -> bool {
    match result {
        Ok(value) => {
            whole(&value);
            true
        }
        Err(refusal) => {
            assert!(is_named(&refusal, registry), "{refusal:?}");
            false
        }
    }
}

/// As plain bytes it is to be had unless it says that it is more than that.
fn plain(attack: &Attack, fd: &OwnedFd, damaged: &[u8]) {
    let is_typed = damaged.starts_with(b"mpshared") || damaged.starts_with(b"mpregist");
    match SharedMemory::attach(fd.as_fd().try_clone_to_owned().unwrap()) {
        Ok(memory) => {
            assert!(!is_typed, "{attack:?}");
            assert_eq!(memory.len(), damaged.len());
        }
        Err(ShmError::NotPlain) => assert!(is_typed, "{attack:?}"),
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_header_is_an_error_by_name_or_nothing_that_counts(attack in attack()) {
        survive(&attack);
    }
}

/// No luck involved: each bit of all that is looked at, and of what is not.
#[test]
fn every_flipped_bit_is_told_or_does_not_count() {
    for at in 0..HEADER {
        for bit in 0..8 {
            let flip = |damaged: &mut Vec<u8>| damaged[at] ^= 1 << bit;
            let parcel = message(Kind::Value);
            let mut damaged = bytes_of(&parcel.fds[0]);
            flip(&mut damaged);
            write(&parcel.fds[0], &damaged);
            let result = unpack::<Value>(parcel);
            assert_eq!(result.is_ok(), at >= LOOKED_AT, "byte {at}, bit {bit}");
        }
    }
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("header", attack(), survive);
}
