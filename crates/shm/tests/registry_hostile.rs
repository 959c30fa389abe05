//! Registries that a stranger writes, for a process that has no family yet: it becomes a member only if nothing that counts was changed. Of what it
//! joins it survives whatever the entries say. Each attack is met by a process of its own. `unsafe`: those have an end by alarm.
#![allow(unsafe_code)]

mod common;
mod fuzzing;
mod hostile;

use std::ffi::CStr;
use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::{Parcel, forged, fork, pack, reap, unpack};
use hostile::{Damage, bytes_of, damage, long, sealed, short, start_of, write};
use multiproc_shm::transfer::Refusal;
use multiproc_shm::{FamilyError, Shared, ShmError};
use multiproc_sync::registry::{self, Registry, RegistryError};
use multiproc_sync::{LockError, Mutex};
use nix::fcntl::SealFlag;
use proptest::collection::vec;
use proptest::prelude::*;

type Value = Shared<Mutex<[u64; 3]>>;

const NUMBERS: [u64; 3] = [7, 8, 9];

/// As `registry/header.rs` of multiproc-sync draws it.
const HEADER: usize = 4096;
const SECTIONS: Range<usize> = 64..64 + 32 * 24;
const ENTRY: u64 = 64;
const PROCESSES: u64 = 4096;
const THREADS: u64 = 16_384;

/// Where the entries end. What else a registry has, with watched locks, is zeros here.
const ENTRIES_END: usize = HEADER + ((PROCESSES + THREADS) * ENTRY) as usize;

/// Where damage is done.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// What it is, and how many are in use.
    Head,
    /// The places of its entries, as far as they are said.
    Sections,
    /// What is not looked at.
    Unused,
    /// The first entries of processes, or of threads.
    Processes,
    Threads,
}

#[derive(Clone, Debug)]
enum Change {
    Bytes(Place, Damage),
    /// A section says otherwise where its entries begin.
    Offset(usize, u64),
    /// One is listed before all others, or over them.
    Listed(usize, [u32; 2], u64, u64),
    /// All of the entries are of this word.
    Full(bool, u64),
}

#[derive(Clone, Debug)]
struct Attack {
    changes: Vec<Change>,
    /// The length of its file; `None`: that of a registry.
    cut: Option<u32>,
}

fn attack() -> impl Strategy<Value = Attack> {
    let places = vec![
        Place::Head,
        Place::Head,
        Place::Sections,
        Place::Sections,
        Place::Unused,
        Place::Processes,
        Place::Threads,
    ];
    let place = prop::sample::select(places);
    let at = || prop_oneof![(60_u64..4200).prop_map(|page| page * 64), 0_u64..1 << 21, any::<u64>()];
    let count = prop::sample::select(vec![PROCESSES, THREADS, 1, 0, u64::MAX]);
    let section = (0_usize..4, 0_u32..4, prop::sample::select(vec![64_u32, 0, 65]), at(), count);
    let change = prop_oneof![
        12 => (place, damage()).prop_map(|(place, damage)| Change::Bytes(place, damage)),
        3 => (0_usize..2, at()).prop_map(|(section, at)| Change::Offset(section, at)),
        2 => section.prop_map(|(at, kind, stride, offset, count)| Change::Listed(at, [kind, stride], offset, count)),
        1 => (any::<bool>(), any::<u64>()).prop_map(|(processes, word)| Change::Full(processes, word)),
    ];
    let cut = prop_oneof![
        8 => Just(None),
        1 => (1_u32..1 << 21).prop_map(Some),
    ];
    (vec(change, 0..4), cut).prop_map(|(changes, cut)| Attack { changes, cut })
}

impl Change {
    fn apply(&self, bytes: &mut [u8]) {
        let threads = HEADER + (PROCESSES * ENTRY) as usize;
        match self {
            Self::Bytes(place, damage) => {
                let range = match place {
                    Place::Head => 0..SECTIONS.start,
                    Place::Sections => SECTIONS.start..SECTIONS.start + 3 * 24,
                    Place::Unused => SECTIONS.end..HEADER,
                    Place::Processes => HEADER..HEADER + 1024,
                    Place::Threads => threads..threads + 1024,
                };
                damage.apply(bytes, range);
            }
            Self::Offset(section, offset) => {
                let at = SECTIONS.start + 24 * section + 8;
                bytes[at..at + 8].copy_from_slice(&offset.to_le_bytes());
            }
            Self::Listed(section, [kind, stride], offset, count) => {
                let at = SECTIONS.start + 24 * section;
                bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
                bytes[at + 4..at + 8].copy_from_slice(&stride.to_le_bytes());
                bytes[at + 8..at + 16].copy_from_slice(&offset.to_le_bytes());
                bytes[at + 16..at + 24].copy_from_slice(&count.to_le_bytes());
            }
            Self::Full(processes, word) => {
                let (entries, within) =
                    if *processes { (HEADER..threads, 0) } else { (threads..bytes.len(), 32) };
                for entry in bytes[entries].chunks_exact_mut(ENTRY as usize) {
                    entry[within..within + 8].copy_from_slice(&word.to_le_bytes());
                    if !processes {
                        entry[..8].copy_from_slice(&word.to_le_bytes());
                    }
                }
            }
        }
    }
}

/// What a family of strangers has made, whole; and what becomes of an attack.
struct World {
    segment: Vec<u8>,
    registry: Vec<u8>,
    answer: Shared<AtomicU32>,
}

/// What a process tells of an attack.
const JOINED: u32 = 1;
const REFUSED: u32 = 2;

/// This process founds no family: its forks would have it.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let file = |name: &CStr| sealed(name, &[], SealFlag::empty());
        let (segment, registry) = (file(c"segment"), file(c"registry"));
        let stranger = fork(|| {
            let parcel = pack(&Value::new(Mutex::new(NUMBERS)).unwrap()).unwrap();
            write(&segment, &bytes_of(&parcel.fds[0]));
            write(&registry, &start_of(&parcel.fds[1], HEADER));
        });
        assert_eq!(reap(stranger), 0);
        let mut registry = bytes_of(&registry);
        registry.resize(ENTRIES_END, 0);
        World { segment: bytes_of(&segment), registry, answer: Shared::new(AtomicU32::new(0)).unwrap() }
    })
}

/// The registry as a file, of this length.
fn file_of(bytes: &[u8], len: usize) -> OwnedFd {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let fd = sealed(c"multiproc-registry", &bytes[..end.min(len)], SealFlag::empty());
    File::from(fd.try_clone().unwrap()).set_len(len as u64).unwrap();
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_ADD_SEALS(seals)).unwrap();
    fd
}

/// Whether a process may join: the rules, from the bytes of a file of this length.
fn is_whole(bytes: &[u8], len: usize, good: &[u8]) -> bool {
    if len < SECTIONS.end {
        return false;
    }
    let head = bytes[..8] == *b"mpregist" && short(bytes, 8) == 1 && long(bytes, 16) <= len as u64;
    let same_namespaces = bytes[24..32] == good[24..32] && bytes[40..48] == good[40..48];
    let listed = short(bytes, 12) as usize;
    if !head || !same_namespaces || listed > 32 {
        return false;
    }
    let section = |of: &[u8], at: usize| {
        let at = SECTIONS.start + 24 * at;
        (short(of, at), u64::from(short(of, at + 4)), long(of, at + 8), long(of, at + 16))
    };
    // A third kind, if this program is built with watched locks; who knows it does without where it is missing.
    let known = short(good, 12);
    let mut found: Vec<Range<u128>> = Vec::new();
    for kind in 1..=known {
        let Some((_, stride, offset, count)) =
            (0..listed).map(|at| section(bytes, at)).find(|section| section.0 == kind)
        else {
            if kind > 2 {
                continue;
            }
            return false;
        };
        let wanted = match kind {
            1 => (ENTRY, PROCESSES),
            2 => (ENTRY, THREADS),
            _ => (section(good, 2).1, section(good, 2).3),
        };
        let end = u128::from(offset) + u128::from(stride) * u128::from(count);
        let placed =
            offset.is_multiple_of(64) && offset >= HEADER as u64 && end <= u128::from(long(bytes, 16));
        if (stride, count) != wanted || !placed {
            return false;
        }
        found.push(u128::from(offset)..end);
    }
    found.sort_by_key(|section| section.start);
    found.windows(2).all(|pair| pair[0].end <= pair[1].start)
}

/// What a process without a family does with the message, in time.
fn meet(parcel: Parcel, answer: &AtomicU32) {
    // SAFETY: a number is passed; the process ends by the signal.
    unsafe { libc::alarm(30) };
    assert!(registry::installed().is_none());
    let told = match unpack::<Value>(parcel) {
        Ok(value) => {
            assert!(registry::installed().is_some());
            use_it(&value);
            JOINED
        }
        Err(refusal) => {
            assert!(registry::installed().is_none() && is_named(&refusal), "{refusal:?}");
            REFUSED
        }
    };
    answer.store(told, SeqCst);
}

fn is_named(refusal: &Refusal) -> bool {
    let Some(ShmError::Family(error)) = refusal.downcast_ref() else { return false };
    matches!(
        error,
        FamilyError::Registry(
            RegistryError::Corrupt { .. }
                | RegistryError::Version { .. }
                | RegistryError::TooShort { .. }
                | RegistryError::ForeignPidNamespace { .. }
                | RegistryError::ForeignTimeNamespace { .. }
        )
    )
}

/// The lock is free; who has no entry in the registry is told.
fn use_it(value: &Value) {
    for _ in 0..2 {
        match value.lock_timeout(Duration::from_secs(10)) {
            Ok(guard) => assert_eq!(*guard, NUMBERS),
            Err(LockError::Identity(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Has a new process meet the damaged registry. Tells whether it became a member in spite of some damage.
fn survive(attack: &Attack) -> bool {
    let world = world();
    let mut damaged = world.registry.clone();
    attack.changes.iter().for_each(|change| change.apply(&mut damaged));
    let is_damaged = damaged != world.registry;
    let len = attack.cut.map_or(Registry::LEN, |len| len as usize);
    let registry = file_of(&damaged, len);
    damaged.truncate(len);
    let bytes = postcard::to_stdvec(&(0_u32, Some(1_u32))).unwrap();
    let mut parcel = Some(Parcel { bytes, fds: vec![forged(&world.segment), registry] });
    world.answer.store(0, SeqCst);
    let child = fork(|| meet(parcel.take().unwrap(), &world.answer));
    assert_eq!(reap(child), 0, "it did not survive");
    let expected = if is_whole(&damaged, len, &world.registry) { JOINED } else { REFUSED };
    assert_eq!(world.answer.load(SeqCst), expected, "joined or not, against the rules");
    expected == JOINED && is_damaged
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_registry_is_joined_by_nobody_unless_nothing_that_counts_was_changed(attack in attack()) {
        survive(&attack);
    }
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("registry", attack(), survive);
}
