//! Named segments: their files, their bytes, and those who make and sweep them. `unsafe`: bytes are reached by pointer, and a word is
//! shared with forks.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use multiproc_shm::{SharedMemory, names};
use multiproc_testkit::eventually;
use multiproc_testkit::fault::Memory;
use multiproc_testkit::fork::{Fork, fork, idle};

// Others sweep the names of the dead at any time.
multiproc_testkit::own_shm!();

/// A name that no other test has, in the test's process and in its forks.
pub(crate) fn name(test: &str) -> String {
    static TEST: OnceLock<u32> = OnceLock::new();
    format!("mp-test-{test}-{}", TEST.get_or_init(std::process::id))
}

pub(crate) fn numbered(test: &str, number: usize) -> String {
    name(&format!("{test}-{number}"))
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// A file of somebody who is not this crate. Gone at the end of the test.
pub(crate) struct Theirs(pub(crate) PathBuf);

impl Theirs {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        File::create_new(path(name)).unwrap().write_all(bytes).unwrap();
        Self(path(name))
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // the test may have done so
    }
}

pub(crate) fn byte(memory: &SharedMemory, at: usize) -> u8 {
    assert!(at < memory.len());
    // SAFETY: within the mapping; where it has been cut, the test wants the signal.
    unsafe { memory.as_ptr().add(at).read_volatile() }
}

pub(crate) fn write(memory: &SharedMemory, at: usize, byte: u8) {
    assert!(at < memory.len());
    // SAFETY: as above.
    unsafe { memory.as_ptr().add(at).write_volatile(byte) };
}

/// A number that this process and its forks share.
pub(crate) fn shared_number() -> Memory<AtomicU32> {
    // SAFETY: an atomic number may be zero.
    unsafe { Memory::zeroed() }
}

/// A process that has made so many names, and lives.
pub(crate) fn creator(test: &str, count: usize) -> Fork {
    name(test);
    let ready = shared_number();
    let child = fork(|| {
        let _made: Vec<_> =
            (0..count).map(|number| SharedMemory::create(&numbered(test, number), 4096).unwrap()).collect();
        ready.store(1, SeqCst);
        idle()
    });
    eventually("the names are there", || ready.load(SeqCst) == 1);
    child
}

/// Sweeps until a file is gone: another process may be at it, and is not waited for.
pub(crate) fn sweep_until_gone(path: &Path) {
    eventually("it is swept", || {
        names::sweep().unwrap();
        !path.exists()
    });
}

pub(crate) fn manifest_of(pid: u32) -> Option<PathBuf> {
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(&format!("multiproc.{pid}.")) && name.split('.').count() == 3
    };
    fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().path()).find(is_its)
}
