//! Memory that is no registry, or not this process's. `unsafe`: forges headers in mappings of its own.
#![allow(unsafe_code)]

mod common;

use std::ptr::NonNull;

use common::map;
use multiproc_sync::registry::{self, Registry, RegistryError};
use multiproc_sync::shm_safe::{PlaceError, Placement, ShmSafe};
use multiproc_sync::{IdentityError, LockError, Mutex};

/// Where the number of the pid namespace stands.
const PID_NAMESPACE: usize = 24;
/// Where that of the time namespace stands.
const TIME_NAMESPACE: usize = 40;

fn attach(memory: NonNull<u8>, len: usize) -> Result<Registry, RegistryError> {
    // SAFETY: mapped shared and never unmapped; what is written there is what this test is about.
    unsafe { Registry::attach(memory, len) }
}

fn format() -> NonNull<u8> {
    let memory = map(Registry::LEN);
    // SAFETY: zeroed, mapped shared and never unmapped.
    unsafe { Registry::format(memory, Registry::LEN) }.unwrap();
    memory
}

#[test]
fn what_was_formatted_is_attached() {
    assert!(attach(format(), Registry::LEN).is_ok());
}

#[test]
fn memory_of_the_wrong_size_or_place_is_refused() {
    let memory = format();
    assert_eq!(attach(memory, 100).unwrap_err(), RegistryError::TooShort { len: 100, needed: Registry::LEN });
    let short = RegistryError::TooShort { len: Registry::LEN - 1, needed: Registry::LEN };
    assert_eq!(attach(memory, Registry::LEN - 1).unwrap_err(), short);
    // SAFETY: within the mapping.
    assert_eq!(attach(unsafe { memory.add(64) }, 100).unwrap_err(), RegistryError::Misaligned);
    // SAFETY: fresh memory.
    let error = unsafe { Registry::format(map(8192), 8192) }.unwrap_err();
    assert_eq!(error, RegistryError::TooShort { len: 8192, needed: Registry::LEN });
}

#[test]
fn any_other_byte_of_what_is_read_is_refused() {
    let magic_to_namespace = 0..32;
    let two_sections = 64..64 + 2 * 24;
    // One of an unknown kind would be passed over.
    let third_section = (64 + 2 * 24 + 4..64 + 3 * 24).filter(|_| cfg!(feature = "watch"));
    for at in magic_to_namespace.chain(two_sections).chain(third_section) {
        for bit in [0, 3, 7] {
            let memory = format();
            // SAFETY: within the mapping, which nobody else knows.
            unsafe { *memory.add(at).as_ptr() ^= 1 << bit };
            let longer = (16..24).contains(&at) && attach(memory, Registry::LEN).is_ok();
            let fewer_or_more = (12..16).contains(&at);
            match attach(memory, Registry::LEN) {
                Err(_) => {}
                // A shorter length is refused by its sections only if they do not fit; more sections may be listed than known.
                Ok(_) => assert!(longer || fewer_or_more, "byte {at}, bit {bit}"),
            }
        }
    }
}

#[test]
fn a_process_has_one_family_and_its_namespace() {
    // SAFETY: nothing is placed by it.
    assert_eq!(unsafe { Placement::new() }.unwrap_err(), PlaceError::NoRegistry);

    let memory = format();
    let registry = Box::leak(Box::new(attach(memory, Registry::LEN).unwrap()));
    registry::install(registry).unwrap();
    assert_eq!(registry::install(registry).unwrap_err(), RegistryError::AlreadyInstalled);

    let place = map(4096).cast::<Mutex<u64>>();
    // SAFETY: fresh shared memory, never unmapped, nobody else's yet.
    let mutex = unsafe {
        place.write(Mutex::new(0));
        let mutex = &mut *place.as_ptr();
        mutex.place(&Placement::new().unwrap()).unwrap();
        &*mutex
    };
    // SAFETY: within the header, aligned; only this thread looks at it.
    let namespace = unsafe { &mut *memory.add(PID_NAMESPACE).cast::<u64>().as_ptr() };
    *namespace ^= 1;
    assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::ForeignPidNamespace))));
    assert!(matches!(attach(memory, Registry::LEN), Err(RegistryError::ForeignPidNamespace { .. })));
    *namespace ^= 1;
    // SAFETY: as above.
    let namespace = unsafe { &mut *memory.add(TIME_NAMESPACE).cast::<u64>().as_ptr() };
    *namespace ^= 1;
    assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::ForeignTimeNamespace))));
    assert!(matches!(attach(memory, Registry::LEN), Err(RegistryError::ForeignTimeNamespace { .. })));
    *namespace ^= 1;
    *mutex.lock().unwrap() += 1;
}
