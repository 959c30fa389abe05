//! Messages of handles that a stranger writes: other bytes, other descriptors, or more or fewer of them. Each is taken if it says what a handle of
//! that type says, with the segment and the registry that belong to it, and else refused by the error of the first thing that is wrong.

mod common;
mod fuzzing;
mod hostile;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use common::{Parcel, pack, unpack};
use hostile::letter::{Attack, Expected, Handle, Role, attack, expected};
use multiproc_shm::transfer::{Refusal, TransferError};
use multiproc_shm::{
    Arena, ArenaParcel, ArrayPart, AtomicArray, ParcelError, Shared, SharedArray, SharedMemory, SharedValue,
    ShmError, family,
};
use multiproc_sync::Mutex;
use proptest::prelude::*;

/// A message of each type, with the elements 5, 6, 7 or the number 7.
fn message(handle: Handle) -> Parcel {
    let array = || SharedArray::from_slice(&[5_u32, 6, 7]).unwrap();
    match handle {
        Handle::Memory => pack(&SharedMemory::anonymous(4096).unwrap()),
        Handle::Plain => pack(&Shared::new(AtomicU64::new(7)).unwrap()),
        Handle::Locked => pack(&Shared::new(Mutex::new(7_u64)).unwrap()),
        Handle::Value => pack(&SharedValue::new(7_u64).unwrap()),
        Handle::Array => pack(&array()),
        Handle::Atomics => pack(&array().into_atomics().unwrap()),
        Handle::Part => pack(&array().split(3).unwrap().take(1).unwrap().unwrap()),
        Handle::Arena => pack(&Arena::new(1).unwrap()),
        Handle::Parcel => pack(&Arena::new(1).unwrap().alloc_slice(&[5_u64, 6, 7]).unwrap().into_parcel()),
    }
    .unwrap()
}

/// Decodes the message; what is taken is used.
fn receive(handle: Handle, parcel: Parcel) -> Result<(), Refusal> {
    match handle {
        Handle::Memory => unpack::<SharedMemory>(parcel).map(|memory| {
            assert_eq!(memory.read_at(0, &mut [0; 4096]).unwrap(), 4096.min(memory.len()));
        }),
        Handle::Plain => unpack::<Shared<AtomicU64>>(parcel).map(|number| {
            assert_eq!(number.fetch_add(1, SeqCst), 7);
        }),
        Handle::Locked => unpack::<Shared<Mutex<u64>>>(parcel).map(|number| {
            assert_eq!(*number.lock().unwrap(), 7);
        }),
        Handle::Value => unpack::<SharedValue<u64>>(parcel).map(|number| {
            assert_eq!(number.get().unwrap(), 7);
        }),
        Handle::Array => unpack::<SharedArray<u32>>(parcel).map(|array| {
            assert_eq!(array.to_vec().unwrap(), [5, 6, 7]);
        }),
        Handle::Atomics => unpack::<AtomicArray<u32>>(parcel).map(|array| {
            assert_eq!(array[2].load(SeqCst), 7);
        }),
        Handle::Part => unpack::<ArrayPart<u32>>(parcel).map(|mut part| {
            assert_eq!(*part.as_mut_slice(), [6]);
        }),
        Handle::Arena => unpack::<Arena>(parcel).map(|arena| {
            assert!(arena.alloc(7_u64).is_ok() && arena.used() <= 64);
        }),
        Handle::Parcel => unpack::<ArenaParcel<[u64]>>(parcel).map(|parcel| {
            let row = parcel.open().unwrap();
            assert!(row.iter().zip(5..8).all(|(found, number)| *found == number));
        }),
    }
}

/// What is wrong, by the error that says it.
fn told(refusal: &Refusal) -> Expected {
    if refusal.is::<postcard::Error>() {
        return Expected::Format;
    }
    if let Some(TransferError::NoSuchDescriptor) = refusal.downcast_ref() {
        return Expected::NoDescriptor;
    }
    let error = match refusal.downcast_ref::<ParcelError>() {
        Some(ParcelError::Gone) => return Expected::Refused,
        Some(ParcelError::Memory(error)) => Some(error),
        _ => refusal.downcast_ref::<ShmError>(),
    };
    match error {
        Some(
            ShmError::Corrupt { .. }
            | ShmError::LayoutMismatch { .. }
            | ShmError::TooShort { .. }
            | ShmError::ArrayMode { .. }
            | ShmError::PartIsSent
            | ShmError::NotPlain
            | ShmError::ForeignFamily { .. },
        ) => Expected::Refused,
        _ => panic!("no error for a message of a stranger: {refusal:?}"),
    }
}

/// Decodes the altered message. Tells whether it was taken in spite of that.
fn survive(attack: &Attack) -> bool {
    // Of this family, before any of another can come.
    family::registry().unwrap();
    let whole = message(attack.is);
    let mut parcel = Parcel { bytes: whole.bytes.clone(), fds: whole.fds };
    let mut roles = vec![Role::Segment(attack.is), Role::Registry];
    roles.truncate(parcel.fds.len());
    attack.bytes.iter().for_each(|edit| edit.apply(&mut parcel.bytes));
    attack.fds.iter().for_each(|edit| edit.apply(&mut parcel.fds, &mut roles, message));
    let expected = expected(attack.taken_for, attack.is, &whole.bytes, &parcel.bytes, &roles);
    let is_other = parcel.bytes != whole.bytes || !attack.fds.is_empty();
    let found = match receive(attack.taken_for, parcel) {
        Ok(()) => Expected::Taken,
        Err(refusal) => {
            let told = told(&refusal);
            assert_eq!(told, expected, "{refusal:?}, with {roles:?}");
            told
        }
    };
    assert_eq!(found, expected, "with {roles:?}");
    found == Expected::Taken && is_other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_altered_message_is_an_error_by_name_or_says_the_same(attack in attack()) {
        survive(&attack);
    }
}

/// The bytes of each message, as docs/shm-layout.md has them.
#[test]
fn messages_are_as_long_as_the_layout_says() {
    family::registry().unwrap();
    for (handle, bytes) in [
        (Handle::Memory, &[0][..]),
        (Handle::Plain, &[0, 0]),
        (Handle::Locked, &[0, 1, 1]),
        (Handle::Value, &[0, 1, 1]),
        (Handle::Array, &[0, 1]),
        (Handle::Atomics, &[0, 1]),
        (Handle::Part, &[0, 1, 1, 3]),
        (Handle::Arena, &[0, 1]),
    ] {
        assert_eq!(message(handle).bytes, bytes, "{handle:?}");
    }
    let parcel = message(Handle::Parcel);
    let fields: (u32, u32, u64, u64, u64, u64) = postcard::from_bytes(&parcel.bytes).unwrap();
    assert_eq!((fields.0, fields.1, fields.2, fields.4), (0, 1, fields.2 % 1024, 3));
    assert_eq!(fields.3 >> 26 & 63, 3, "in a message, of class 0");
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("letter", attack(), survive);
}
