//! Forks that hold locks and wait for them, and what the program shows of these. `unsafe`: memory of flags.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use multiproc_testkit::eventually;
use multiproc_testkit::fault::Memory;
use multiproc_testkit::fork::{Fork, fork, idle};
use serde_json::Value;

use super::{allow_tracers, listed};

/// The number of the file that this lies in.
pub(crate) fn inode_of<T: ?Sized>(value: &T) -> u64 {
    let address = ptr::from_ref(value).cast::<u8>().addr();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let hex = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let holds_it = |line: &&str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        (hex(start)..hex(end)).contains(&address)
    };
    let line = maps.lines().find(holds_it).expect("it is mapped");
    line.split_whitespace().nth(4).unwrap().parse().unwrap()
}

fn flag() -> Memory<AtomicU32> {
    // SAFETY: an atomic number may be zero.
    unsafe { Memory::zeroed() }
}

/// A fork that says when it is ready, and stays; others may ask the kernel what it does.
pub(crate) fn stays(body: impl FnOnce(&dyn Fn())) -> Fork {
    let ready = flag();
    let child = fork(|| {
        allow_tracers();
        body(&|| ready.store(1, SeqCst));
        idle();
    });
    eventually("the fork is ready", || ready.load(SeqCst) == 1);
    child
}

/// The lock of this segment that the program shows, once `is_shown`.
pub(crate) fn shown(inode: u64, is_shown: impl Fn(&Value) -> bool) -> (Value, Value) {
    let mut found = None;
    eventually("the lock is shown", || {
        let listing = listed(&["ls", "--json"]);
        let lock = listing["locks"].as_array().unwrap().iter().find(|lock| lock["segment"] == inode).cloned();
        found = lock.filter(&is_shown).map(|lock| (lock, listing));
        found.is_some()
    });
    found.unwrap()
}

pub(crate) fn count(parties: &Value) -> usize {
    parties.as_array().unwrap().len()
}

pub(crate) fn pids(parties: &Value) -> Vec<u32> {
    let mut pids: Vec<_> =
        parties.as_array().unwrap().iter().map(|party| party["pid"].as_u64().unwrap() as u32).collect();
    pids.sort_unstable();
    pids
}

pub(crate) fn numbers(forks: &[Fork]) -> Vec<u32> {
    let mut pids: Vec<_> = forks.iter().map(Fork::pid).collect();
    pids.sort_unstable();
    pids
}

/// Whether threads tell of their locks, in the family of this lock.
pub(crate) fn is_watched(lock: &Value, listing: &Value) -> bool {
    let families = listing["families"].as_array().unwrap();
    let family = families.iter().find(|family| family["registry"] == lock["family"]);
    family.expect("each lock has its family")["is_watched"].as_bool().unwrap()
}

/// The registry of this process, and its first bytes.
pub(crate) fn registry() -> (File, Vec<u8>) {
    let is_registry = |entry: &fs::DirEntry| {
        fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().contains("multiproc-registry"))
    };
    let entry = fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap).find(is_registry).unwrap();
    let file = File::open(entry.path()).unwrap();
    let mut bytes = vec![0; 1 << 20];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
    (file, bytes)
}
