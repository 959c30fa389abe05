//! Plain memory with the bytes of a registry; the only test of its program, as a process joins a family once.

mod common;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use common::{Parcel, fork, idle, kill, pack, reap, unpack};
use multiproc_shm::family::{self, Membership};
use multiproc_shm::{FamilyError, Shared, SharedMemory, ShmError};
use multiproc_sync::Mutex;
use multiproc_sync::registry::Registry;
use multiproc_testkit::{Watchdog, eventually};

/// Who has it as plain memory could write there what every lock of the family goes by.
#[test]
fn plain_memory_is_no_registry_whatever_its_bytes_say() {
    let _watchdog = Watchdog::with_limit(60);
    let forged = SharedMemory::anonymous(Registry::LEN).unwrap();
    let copy_a_true_one = || {
        let membership = pack(&family::membership().unwrap()).unwrap();
        let mut bytes = vec![0; Registry::LEN];
        File::from(membership.fds.into_iter().next().unwrap()).read_exact_at(&mut bytes, 0).unwrap();
        forged.raw_view::<u8>(0, &[bytes.len()]).unwrap().copy_from_slice(&bytes).unwrap();
    };
    assert_eq!(reap(fork(copy_a_true_one)), 0);
    let mut magic = [0; 8];
    forged.read_at(0, &mut magic).unwrap();
    assert_eq!(magic, multiproc_sync::registry::MAGIC);

    let parcel = Parcel { bytes: vec![0], fds: vec![forged.try_clone_fd().unwrap()] };
    let refusal = unpack::<Membership>(parcel).unwrap().adopt().unwrap_err();
    let FamilyError::Memory(cause) = &refusal else { panic!("{refusal}") };
    let what = "it was not made for a family's registry";
    assert!(matches!(**cause, ShmError::Corrupt { what: found } if found == what), "{refusal}");

    // So it is where a true value brings it along: by its descriptor, which its maker keeps open.
    let number = SharedMemory::anonymous(8).unwrap().raw_view::<u64>(0, &[1]).unwrap();
    let child = fork(|| {
        let parcel = pack(&Shared::new(Mutex::new(0_u64)).unwrap()).unwrap();
        number.set(&[0], parcel.fds[0].as_raw_fd() as u64).unwrap();
        idle();
    });
    let open = || number.get(&[0]).filter(|number| *number != 0);
    eventually("the child has a value", || open().is_some());
    let path = format!("/proc/{}/fd/{}", child.pid(), open().unwrap());
    let value = File::options().read(true).write(true).open(path).unwrap();
    let parcel = Parcel { bytes: vec![0, 1, 1], fds: vec![value.into(), forged.try_clone_fd().unwrap()] };
    let refusal = unpack::<Shared<Mutex<u64>>>(parcel).unwrap_err();
    assert!(refusal.to_string().contains(what), "{refusal}");
    kill(child);

    // This process has no family yet, and has one of its own now.
    family::registry().unwrap();
    assert_eq!(*Shared::new(Mutex::new(7_u64)).unwrap().lock().unwrap(), 7);
}
