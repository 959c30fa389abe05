//! Lists of names that a stranger writes: flipped bytes, torn and forged records, cut ends, files beside them. Sweeping and listing end, take
//! away what a whole record of a dead process lists, and never a living process's name or a file that others have put there.

mod fuzzing;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::UNIX_EPOCH;

use multiproc_shm::{SharedMemory, names};
use multiproc_testkit::{Watchdog, eventually};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// The length of the header and of each record, as docs/shm-layout.md has it.
const SLOT: usize = 512;

/// Where the checksum of a record ends.
const SUMMED: usize = 8;

/// Where the name begins in it.
const NAME: usize = 40;

/// The number of a process that cannot be.
const DEAD: u32 = 999_999_999;

/// Whose name a record gives, and of which file.
#[derive(Clone, Debug)]
enum Record {
    /// A dead process's: it is to be taken away.
    Dead,
    /// A living process's, with the number of another file.
    Living,
    /// A file's that no program of ours has made.
    Bystander,
    /// Text that may be no name; its length may be a lie.
    Text(Vec<u8>, Option<u64>),
    Empty,
}

#[derive(Clone, Debug)]
enum Damage {
    Bit(Index, u8),
    /// Zeros from here to the end of its record: the write was cut off.
    Torn(Index),
    Word(Index, u64),
    Cut(Index),
    /// With a right checksum after all other damage.
    Sealed(Index),
}

/// A file beside the list.
#[derive(Clone, Debug)]
enum Beside {
    Aside(u32, u64),
    Strange(String),
}

#[derive(Clone, Debug)]
struct Attack {
    records: Vec<Record>,
    damages: Vec<Damage>,
    beside: Vec<Beside>,
}

fn record() -> impl Strategy<Value = Record> {
    let texts = prop::sample::select(vec![
        &b"../../tmp/x"[..],
        b"/etc/passwd",
        b"multiproc.1.0000000000000000",
        b"a:b",
        b".",
        b"",
        b"\xff\xfe",
        b"nul\0inside",
    ]);
    let lengths =
        prop_oneof![3 => Just(None), 1 => any::<u64>().prop_map(Some), 1 => (200_u64..600).prop_map(Some)];
    prop_oneof![
        4 => Just(Record::Dead),
        2 => Just(Record::Living),
        2 => Just(Record::Bystander),
        2 => (texts.prop_map(<[u8]>::to_vec), lengths.clone()).prop_map(|(text, len)| Record::Text(text, len)),
        1 => (vec(any::<u8>(), 0..300), lengths).prop_map(|(text, len)| Record::Text(text, len)),
        1 => Just(Record::Empty),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        1 => at().prop_map(Damage::Torn),
        2 => (at(), prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]).prop_map(|(at, word)| Damage::Word(at, word)),
        1 => at().prop_map(Damage::Cut),
        1 => at().prop_map(Damage::Sealed),
    ]
}

fn attack() -> impl Strategy<Value = Attack> {
    let beside = prop_oneof![
        2 => (0_u32..6, any::<u64>()).prop_map(|(slot, random)| Beside::Aside(slot, random)),
        1 => any::<(u32, u64)>().prop_map(|(slot, random)| Beside::Aside(slot, random)),
        1 => "[a-z]{1,3}[0-9]{0,25}".prop_map(Beside::Strange),
    ];
    (vec(record(), 0..6), vec(damage(), 0..4), vec(beside, 0..3))
        .prop_map(|(records, damages, beside)| Attack { records, damages, beside })
}

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// 64 bits of FNV-1a, which the layout names.
fn checksum(bytes: &[u8]) -> [u8; SUMMED] {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    sum.to_le_bytes()
}

fn encode(file: (u64, u64, u64), name: &[u8], len: u64) -> Vec<u8> {
    let mut record = vec![0; SLOT];
    record[8..16].copy_from_slice(&file.0.to_le_bytes());
    record[16..24].copy_from_slice(&file.1.to_le_bytes());
    record[24..32].copy_from_slice(&file.2.to_le_bytes());
    record[32..40].copy_from_slice(&len.to_le_bytes());
    let most = name.len().min(SLOT - NAME);
    record[NAME..NAME + most].copy_from_slice(&name[..most]);
    seal(&mut record);
    record
}

fn seal(record: &mut [u8]) {
    let sum = checksum(&record[SUMMED..]);
    record[..SUMMED].copy_from_slice(&sum);
}

fn file_at(name: &str) -> (u64, u64, u64) {
    let found = fs::symlink_metadata(path(name)).unwrap();
    let born = found.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
    (found.dev(), found.ino(), u64::try_from(born.as_nanos()).unwrap())
}

/// Puts a file into the folder. As long as it is held no other file gets its number, and those who look for what other tests have left see that
/// somebody has it.
fn plant(name: &str, bytes: &[u8]) -> File {
    let mut file = File::create_new(path(name)).unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Who lives, and what nobody of ours has made; gone with the test.
struct World {
    living: SharedMemory,
    bystander: String,
    _bystander: File,
    number: AtomicU64,
    /// For the names of the files of this test.
    test: &'static str,
}

impl World {
    fn new(test: &'static str) -> Self {
        let bystander = format!("mp-hostile-bystander-{test}-{}", std::process::id());
        let held = plant(&bystander, b"theirs");
        let living = SharedMemory::create_with(
            &format!("mp-hostile-living-{test}-{}", std::process::id()),
            10,
            |bytes| bytes.fill(7),
        )
        .unwrap();
        Self { living, bystander, _bystander: held, number: AtomicU64::new(0), test }
    }

    /// Removes what was planted, under whatever name.
    fn tidy(&self) {
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file()); // others block
            if is_file && fs::read(entry.path()).is_ok_and(|bytes| bytes == self.mark().as_bytes()) {
                let _ = fs::remove_file(entry.path()); // if it is there yet
            }
        }
    }

    /// What is written into files beside a list.
    fn mark(&self) -> String {
        format!("beside a list of {} in {}", std::process::id(), self.test)
    }

    fn is_whole(&self) {
        let living = self.living.name().unwrap();
        assert_eq!(fs::read(path(living)).unwrap(), [7; 10], "a living process's name has gone");
        assert!(self.living.is_owner());
        assert_eq!(fs::read(path(&self.bystander)).unwrap(), b"theirs", "a file of others has gone");
        let listed = names::list().unwrap();
        let is_it = |segment: &&names::NamedSegment| {
            segment.name == living && segment.len == 10 && segment.creator == std::process::id()
        };
        assert!(listed.iter().filter(is_it).count() == 1, "it is not listed: {listed:?}");
        let foreign = listed.iter().find(|segment| segment.name == self.bystander);
        assert!(foreign.is_none(), "a file of others is listed");
    }

    /// Plants the list, lists and sweeps; tells whether a name was taken away in spite of damage.
    fn survive(&self, attack: &Attack) -> bool {
        let number = self.number.fetch_add(1, Relaxed);
        let id = u64::from(std::process::id()) << 32 | number;
        let manifest = format!("multiproc.{DEAD}.{id:016x}");
        let dead = format!("mp-hostile-dead-{}-{id:x}", self.test);
        let mut held = vec![plant(&dead, b"dead")];
        let dead_file = file_at(&dead);
        let mut bytes = vec![0; SLOT];
        bytes[..8].copy_from_slice(b"mpnames2");
        bytes[8..12].copy_from_slice(&DEAD.to_le_bytes());
        for record in &attack.records {
            bytes.extend(match record {
                Record::Dead => encode(dead_file, dead.as_bytes(), dead.len() as u64),
                Record::Living => {
                    let name = self.living.name().unwrap();
                    encode(dead_file, name.as_bytes(), name.len() as u64)
                }
                Record::Bystander => {
                    encode(dead_file, self.bystander.as_bytes(), self.bystander.len() as u64)
                }
                Record::Text(text, len) => encode(dead_file, text, len.unwrap_or(text.len() as u64)),
                Record::Empty => vec![0; SLOT],
            });
        }
        let whole = bytes.clone();
        attack.damages.iter().for_each(|damage| damage.apply(&mut bytes));
        // By a record that is whole as the layout draws it: what stands behind the name does not count.
        let record = encode(dead_file, dead.as_bytes(), dead.len() as u64);
        let says_so = |slot: &[u8]| {
            slot[..SUMMED] == checksum(&slot[SUMMED..])
                && slot[SUMMED..NAME + dead.len()] == record[SUMMED..NAME + dead.len()]
        };
        let is_listed = bytes.len() > SLOT
            && bytes.starts_with(b"mpnames2")
            && bytes[SLOT..].chunks_exact(SLOT).any(says_so);
        let is_of_others = bytes.len() >= SLOT && !bytes.starts_with(b"mpnames2");
        let mut files: Vec<(String, bool)> = Vec::new();
        for beside in &attack.beside {
            let (name, is_ours) = match beside {
                Beside::Aside(slot, random) => (format!("{manifest}.u{slot}.{random:016x}"), true),
                Beside::Strange(end) => (format!("{manifest}.{end}"), false),
            };
            if path(&name).exists() {
                continue; // the same one twice
            }
            held.push(plant(&name, self.mark().as_bytes()));
            files.push((name, is_ours && !is_of_others));
        }
        // Last, as a process that dies leaves it: before it nobody looks at the rest.
        held.push(plant(&manifest, &bytes));
        names::list().unwrap();
        if is_of_others {
            names::sweep().unwrap();
            assert!(path(&manifest).exists(), "another version's, which knows better");
        } else {
            // Another process that sweeps may be at it.
            eventually("it is swept", || {
                names::sweep().unwrap();
                !path(&manifest).exists()
            });
        }
        self.is_whole();
        let was_taken = !path(&dead).exists();
        assert_eq!(was_taken, is_listed, "a dead process's name: taken {was_taken}, listed {is_listed}");
        for (name, is_ours) in &files {
            // What had a private name and is no file of the record is given its name back, where there is one.
            assert_eq!(path(name).exists(), !is_ours, "{name}");
        }
        for name in files.iter().map(|(name, _)| name).chain([&manifest, &dead]) {
            let _ = fs::remove_file(path(name)); // most are gone
        }
        // A file beside a list may have been given a name that its record says it had.
        if held.iter().any(|file| file.metadata().unwrap().nlink() > 0) {
            self.tidy();
        }
        was_taken && bytes != whole
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(path(&self.bystander));
        self.tidy();
    }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        // Where a list was cut to nothing, there is nothing to damage.
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Bit(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Torn(at) => {
                let at = at.index(bytes.len());
                let end = (at / SLOT * SLOT + SLOT).min(bytes.len());
                bytes[at..end].fill(0);
            }
            Self::Word(at, word) => {
                let at = at.index(bytes.len().div_ceil(8)) * 8;
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
            }
            Self::Cut(len) => bytes.truncate(len.index(bytes.len())),
            Self::Sealed(at) => {
                let record = at.index(bytes.len()) / SLOT * SLOT;
                if record > 0 && record + SLOT <= bytes.len() {
                    seal(&mut bytes[record..record + SLOT]);
                }
            }
        }
    }
}

#[test]
fn no_list_of_names_takes_what_is_not_its_own() {
    let _watchdog = Watchdog::with_limit(300);
    let world = World::new("short");
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&attack(), |attack| {
            world.survive(&attack);
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    let world = World::new("long");
    fuzzing::run("manifest", attack(), |attack| world.survive(attack));
}
