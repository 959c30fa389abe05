//! Segments of the crate `shared_memory`, the best known one for them: each side opens what the other has made. `unsafe`: it gives bytes
//! only by pointer.
#![allow(unsafe_code)]

mod common;

use common::named::{byte, name, path, write};
use multiproc_shm::{SharedMemory, ShmError};
use multiproc_testkit::{Leaks, Watchdog};
use shared_memory::ShmemConf;

#[test]
fn theirs_is_opened_here() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let theirs = ShmemConf::new().os_id(format!("/{}", name("theirs"))).size(5000).create().unwrap();
    let memory = SharedMemory::open(&name("theirs")).unwrap();
    memory.reserve().unwrap(); // they do not
    write(&memory, 4999, 7);
    // SAFETY: within the mapping.
    assert_eq!((unsafe { theirs.as_ptr().add(4999).read_volatile() }, theirs.len()), (7, memory.len()));
    assert!(matches!(SharedMemory::create(&name("theirs"), 1), Err(ShmError::Exists { .. })));
    drop(theirs);
    assert!(!path(&name("theirs")).exists(), "it unlinks by name");
    assert_eq!(byte(&memory, 4999), 7);
    drop(memory);
    leaks.check();
}

#[test]
fn ours_is_opened_there() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create_with(&name("ours"), 100, |bytes| bytes.fill(3)).unwrap();
    let theirs = ShmemConf::new().os_id(format!("/{}", name("ours"))).open().unwrap();
    // SAFETY: within the mapping.
    assert_eq!((unsafe { theirs.as_ptr().add(99).read_volatile() }, theirs.len()), (3, 100));
    drop(theirs);
    assert!(memory.is_owner() && path(&name("ours")).exists(), "only its maker ends the name");
    drop(memory);
    leaks.check();
}
