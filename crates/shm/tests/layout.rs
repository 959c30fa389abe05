//! docs/shm-layout.md beside the bytes: the tables of the document are read, and new segments must have at each place what stands there.

mod common;
mod hostile;

use std::fs::File;
use std::mem::{align_of, size_of};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU64;

use common::pack;
use hostile::{bytes_of, long, short, start_of};
use multiproc_shm::list::{Item, SharedList};
use multiproc_shm::{Arena, ArrayMode, MAX_PARTS, Shared, SharedArray, SharedMemory, ShmSafe};
use multiproc_sync::{MAX_READERS, Mutex, RwLock};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};

const DOCUMENT: &str = include_str!("../../../docs/shm-layout.md");

/// The rows of a table below a heading, by their first cell and their last; of tables without places, by their second.
fn rows(heading: &str, first_cell: &str) -> Vec<(&'static str, &'static str)> {
    let start = DOCUMENT.find(&format!("\n{heading}\n")).map_or(0, |at| at + 1);
    let cells =
        |line: &'static str| line.trim().trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let lines = DOCUMENT[start..].lines().skip_while(|line| !line.starts_with(&format!("| {first_cell} ")));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|')).map(|line| {
        let cells = cells(line);
        let is_place = cells[0].contains("..") || cells[0].ends_with('…');
        (cells[0], if is_place { *cells.last().unwrap() } else { cells[1] })
    });
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty(), "no table `{first_cell}` below `{heading}`");
    rows
}

/// A table of bytes: where what lies. Places without an end, or with letters in them, are left out.
struct Bytes(Vec<(Range<usize>, &'static str)>);

impl Bytes {
    /// The rows must lie one behind the other, without a gap.
    fn of(heading: &str, first_cell: &str) -> Self {
        let number = |text: &str| text.replace(',', "").parse::<usize>().ok();
        let place = |cell: &str| {
            let (start, end) = cell.split_once("..")?;
            Some(number(start)?..number(end)?)
        };
        let rows = rows(heading, first_cell).into_iter();
        let all: Vec<_> = rows.filter_map(|(cell, what)| Some((place(cell)?, what))).collect();
        assert_eq!(all[0].0.start, 0, "{heading}");
        assert!(all.windows(2).all(|pair| pair[0].0.end == pair[1].0.start), "{heading}: {:?}", all);
        Self(all)
    }

    /// Where the one lies of which the document says this.
    fn at(&self, what: &str) -> Range<usize> {
        let mut found = self.0.iter().filter(|(_, said)| said.starts_with(what));
        let place = found.next().unwrap_or_else(|| panic!("the document tells of no {what:?}")).0.clone();
        assert!(found.next().is_none(), "the document tells of {what:?} twice");
        place
    }

    /// The number there, as long as the document says.
    fn number(&self, bytes: &[u8], what: &str) -> u64 {
        let place = self.at(what);
        match place.len() {
            4 => short(bytes, place.start).into(),
            8 => long(bytes, place.start),
            other => panic!("{what:?} is {other} bytes long"),
        }
    }
}

/// 64 bits of FNV-1a, over names and numbers.
struct Fingerprint(u64);

impl Fingerprint {
    fn named(name: &str) -> Self {
        Self(0xcbf2_9ce4_8422_2325).and(name.as_bytes()).number(name.len())
    }

    fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)))
    }

    fn number(self, number: usize) -> Self {
        self.and(&(number as u64).to_le_bytes())
    }

    fn with<T>(self, own: u64) -> Self {
        self.and(&own.to_le_bytes()).number(size_of::<T>()).number(align_of::<T>())
    }
}

fn segment_of<T: serde::Serialize>(handle: &T) -> OwnedFd {
    pack(handle).unwrap().fds.swap_remove(0)
}

fn name_of(fd: &OwnedFd) -> String {
    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap().to_string_lossy().into_owned()
}

/// Whether somebody has a lock for reading on this byte of the file.
fn is_locked(fd: &OwnedFd, byte: u64) -> bool {
    let other = File::options().read(true).write(true).open(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(other.unwrap(), FcntlArg::F_OFD_GETLK(&mut lock)).unwrap();
    i32::from(lock.l_type) == libc::F_RDLCK
}

/// With fields between which there are gaps.
#[derive(ShmSafe)]
#[repr(C, align(512))]
struct Aligned {
    small: u8,
    large: AtomicU64,
}

#[test]
fn a_value_lies_behind_its_header() {
    let table = Bytes::of("# Layout of a shared segment", "bytes");
    let fd = segment_of(&Shared::new([7_u64, 8].map(AtomicU64::new)).unwrap());
    let bytes = bytes_of(&fd);
    assert_eq!(bytes[table.at("magic")], *b"mpshared");
    assert_eq!(table.number(&bytes, "version"), 1);
    assert_eq!(table.number(&bytes, "length of the header"), 256);
    assert_eq!(table.number(&bytes, "length of the value"), 16);
    assert_eq!(table.number(&bytes, "alignment"), 8);
    assert_eq!(table.number(&bytes, "mode"), 1);
    assert!(bytes[table.at("mode").end..256].iter().all(|byte| *byte == 0));
    assert_eq!((bytes.len(), long(&bytes, 256), long(&bytes, 264)), (272, 7, 8));

    let array = Fingerprint::named("array").with::<AtomicU64>(AtomicU64::LAYOUT.to_u64()).number(2);
    let layout = Fingerprint::named("multiproc_shm::Shared/1").with::<[AtomicU64; 2]>(array.0);
    assert_eq!(table.number(&bytes, "layout"), layout.0);
    assert_eq!(AtomicU64::LAYOUT.to_u64(), Fingerprint::named("atomic::AtomicU64").0);

    let aligned =
        bytes_of(&segment_of(&Shared::new(Aligned { small: 1, large: AtomicU64::new(2) }).unwrap()));
    assert_eq!(table.number(&aligned, "length of the header"), 512);
    assert_eq!((aligned[512], long(&aligned, 520)), (1, 2));
    let own = Fingerprint::named("Aligned")
        .and(b"small")
        .number(0)
        .with::<u8>(u8::LAYOUT.to_u64())
        .and(b"large")
        .number(8)
        .with::<AtomicU64>(AtomicU64::LAYOUT.to_u64());
    assert_eq!(Aligned::LAYOUT.to_u64(), own.0);
}

#[test]
fn a_segment_is_sealed_and_has_the_name_of_what_it_is_for() {
    let value = pack(&Shared::new(Mutex::new(1_u64)).unwrap()).unwrap();
    let array = segment_of(&SharedArray::<u8>::zeroed(1).unwrap());
    let arena = segment_of(&Arena::new(1).unwrap());
    let memory = segment_of(&SharedMemory::anonymous(1).unwrap());
    for (fd, name) in [
        (&value.fds[0], "multiproc-shm"),
        (&array, "multiproc-shm"),
        (&arena, "multiproc-arena"),
        (&value.fds[1], "multiproc-registry"),
        (&memory, "multiproc-memory"),
    ] {
        assert_eq!(name_of(fd), format!("/memfd:{name} (deleted)"));
        assert!(DOCUMENT.contains(&format!("`{name}`")));
        let seals = SealFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GET_SEALS).unwrap());
        assert!(seals.contains(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL));
    }
    assert_eq!(start_of(&value.fds[1], 8), b"mpregist");
}

#[test]
fn an_array_lies_behind_its_header() {
    type Lock = RwLock<(), MAX_READERS>;
    let table = Bytes::of("## Arrays", "bytes");
    let array = SharedArray::<u32>::with_shape(&[2, 3]).unwrap();
    array.copy_from_slice(&[1, 2, 3, 4, 5, 6]).unwrap();
    let fd = segment_of(&array);
    let bytes = bytes_of(&fd);
    assert_eq!(&bytes[..12], b"mpshared\x01\0\0\0");
    assert_eq!(table.number(&bytes, "length of the header"), table.at("a word for each part").end as u64);
    let layout = Fingerprint::named("multiproc_shm::SharedArray/1")
        .with::<Lock>(Lock::LAYOUT.to_u64())
        .with::<u32>(u32::LAYOUT.to_u64());
    assert_eq!(table.number(&bytes, "layout"), layout.0);
    assert_eq!(table.number(&bytes, "length of the elements in bytes"), 24);
    assert_eq!(table.number(&bytes, "alignment of an element"), 4);
    assert_eq!(table.number(&bytes, "mode"), ArrayMode::Locked as u64);
    assert_eq!(table.number(&bytes, "number of dimensions"), 2);
    let shape = table.at("length of each dimension");
    assert_eq!((shape.len(), long(&bytes, shape.start), long(&bytes, shape.start + 8)), (8 * 32, 2, 3));
    assert!(bytes[shape.start + 16..table.at("the lock").start].iter().all(|byte| *byte == 0));
    assert_eq!(table.at("the lock").len(), size_of::<Lock>());
    let words = table.at("a word for each part");
    assert_eq!(words.len(), 8 * MAX_PARTS);
    assert!(bytes[table.at("the lock").end..words.end].iter().all(|byte| *byte == 0));
    assert!((1_u32..7).all(|n| short(&bytes, words.end + 4 * (n as usize - 1)) == n));
    assert!(is_locked(&fd, 1 << 62));

    let atomic = array.into_atomics();
    let Err(error) = atomic else { panic!("a message has it") };
    drop(fd);
    let array = error.into_array().into_atomics().unwrap();
    let fd = segment_of(&array);
    assert_eq!(table.number(&bytes_of(&fd), "mode"), ArrayMode::Atomic as u64);
    drop(fd);
    let mut split = array.into_locked().unwrap().split(3).unwrap();
    let part = split.take(1).unwrap().unwrap();
    let fd = segment_of(&part);
    let bytes = bytes_of(&fd);
    assert_eq!(table.number(&bytes, "mode"), ArrayMode::Split as u64);
    assert_eq!(table.number(&bytes, "number of parts"), 3);
    let word = |bytes: &[u8]| [0, 1, 2].map(|part| long(bytes, words.start + 8 * part));
    assert_eq!(word(&bytes), [0, 3, 0], "in a message");
    assert!(is_locked(&fd, (1 << 62) + 2) && !is_locked(&fd, (1 << 62) + 1));
    drop(split.take(0).unwrap().unwrap());
    assert_eq!(word(&bytes_of(&fd)), [1 << 63 | 2, 3, 0], "given up");
}

#[test]
fn an_arena_lies_behind_its_words() {
    let arena = Arena::new(4 << 16).unwrap();
    let _small = [arena.alloc(7_u64).unwrap(), arena.alloc(8_u64).unwrap()];
    let parcel = arena.alloc_slice(&[9_u8; 100]).unwrap().into_parcel();
    let message = pack(&parcel).unwrap();
    let bytes = bytes_of(&message.fds[0]);
    let table = Bytes::of("# Layout of a shared segment", "bytes");
    assert_eq!(table.number(&bytes, "mode"), 16);
    assert_eq!(table.number(&bytes, "length of the header"), 4096);
    assert_eq!(table.number(&bytes, "length of the value"), 4 << 16);
    assert_eq!(table.number(&bytes, "layout"), Fingerprint::named("multiproc_shm::Arena/1").0);
    let ours = Bytes::of("## Arenas", "bytes");
    assert_eq!((ours.at("the header"), ours.at("the arena's lock")), (0..4096, 4096..4160));
    // As the document computes them.
    let spans_at = ours.at("the arena's lock").end;
    let blocks_at = (4160 + 8 * 4_usize).next_multiple_of(4096);
    let data_at = blocks_at + 8192 * 4;
    assert_eq!(bytes.len(), data_at + (4 << 16));

    let (_, _, place, word, len, layout): (u32, u32, u64, u64, u64, u64) =
        postcard::from_bytes(&message.bytes).unwrap();
    let (span, number) = (place as usize / 1024, place as usize % 1024);
    assert_eq!((long(&bytes, spans_at + 8 * span), len), (2, 100), "blocks of 128 bytes");
    assert_eq!(long(&bytes, blocks_at + 8 * place as usize), word);
    assert_eq!((word >> 26 & 3, word >> 28 & 15), (3, 1));
    assert_ne!(word >> 32, 0);
    let at = data_at + (span << 16) + number * 128;
    assert!(bytes[at..at + 100].iter().all(|byte| *byte == 9));
    let own = Fingerprint::named("multiproc_shm::ArenaBox[]/1").with::<u8>(u8::LAYOUT.to_u64());
    assert_eq!(layout, own.0);
    assert!(is_locked(&message.fds[0], (1 << 61) + place));

    let _run = arena.alloc_zeroed::<u8>((1 << 16) + 1).unwrap();
    let bytes = bytes_of(&message.fds[0]);
    let uses = [0, 1, 2, 3].map(|span| long(&bytes, spans_at + 8 * span));
    assert_eq!(uses, [1, 2, 1 << 32 | 2, 0]);
    let word = long(&bytes, blocks_at + 8192 * 2);
    assert_eq!((word >> 26 & 3, word >> 28 & 15), (2, 15));
}

#[test]
fn a_list_of_names_has_a_record_for_each() {
    let named = |what: &str| format!("mp-layout-{what}-{}", std::process::id());
    let segment = SharedMemory::create(&named("segment"), 10).unwrap();
    let ours = format!("multiproc.{}.", std::process::id());
    let is_ours = |name: &str| {
        name.strip_prefix(&ours)
            .is_some_and(|random| random.len() == 16 && random.bytes().all(|c| c.is_ascii_hexdigit()))
    };
    let mut names = std::fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name());
    let manifest = names.find(|name| is_ours(&name.to_string_lossy())).expect("it is listed");
    let bytes = std::fs::read(std::path::Path::new("/dev/shm").join(manifest)).unwrap();
    let header = Bytes::of("## Named segments", "bytes of the header");
    assert_eq!(bytes[header.at("magic")], *b"mpnames2");
    assert_eq!(header.number(&bytes, "PID"), std::process::id().into());
    assert!(bytes[header.at("PID").end..512].iter().all(|byte| *byte == 0));

    let table = Bytes::of("## Named segments", "bytes of a record");
    let record = &bytes[512..1024];
    let facts = std::fs::metadata(format!("/dev/shm/{}", named("segment"))).unwrap();
    let sum = Fingerprint(0xcbf2_9ce4_8422_2325).and(&record[table.at("checksum").end..]);
    assert_eq!(table.number(record, "checksum"), sum.0);
    assert_eq!(table.number(record, "device"), facts.dev());
    assert_eq!(table.number(record, "its inode"), facts.ino());
    let born = facts.created().ok().and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
    assert_eq!(table.number(record, "when it was made"), born.map_or(0, |born| born.as_nanos() as u64));
    let len = table.number(record, "length of the name") as usize;
    let place = table.at("the name");
    assert_eq!(record[place.start..place.start + len], *named("segment").as_bytes());
    assert_eq!((place.len(), table.0.last().unwrap().0.end), (255, 512));
    assert!(record[place.start + len..].iter().all(|byte| *byte == 0));
    drop(segment);
}

#[test]
fn a_list_lies_as_the_formats_say() {
    let items = [
        Item::Int(-7),
        Item::Float(0.5),
        Item::Bool(true),
        Item::None,
        Item::Str("eight by".into()),
        Item::Bytes(vec![9]),
    ];
    let list = SharedList::new(&items).unwrap();
    let mut bytes = vec![0; SharedList::bytes_needed(&items).unwrap()];
    assert_eq!(list.memory().read_at(0, &mut bytes).unwrap(), bytes.len());
    // A slot is made for n bytes of text as 8(n / 8 + 1).
    let (count, slots) = (items.len(), [8, 8, 8, 8, 16, 8]);
    assert_eq!(long(&bytes, 0), count as u64);
    let data = 8 * (count + 2);
    let ends = slots.iter().scan(0, |end, slot| Some(std::mem::replace(end, *end + slot)));
    let starts: Vec<usize> = ends.chain([slots.iter().sum()]).collect();
    assert!(starts.iter().enumerate().all(|(index, at)| long(&bytes, 8 * (1 + index)) == *at as u64));
    let slot = |index: usize| &bytes[data + starts[index]..data + starts[index + 1]];
    assert_eq!((slot(0), slot(1)), (&(-7_i64).to_le_bytes()[..], &0.5_f64.to_le_bytes()[..]));
    assert_eq!((slot(2), slot(3)), (&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8][..]));
    assert_eq!((slot(4), slot(5)), (&b"eight by\0\0\0\0\0\0\0\0"[..], &[9, 0, 0, 0, 0, 0, 0, 0][..]));
    let formats = data + starts[count];
    let told = rows("## Lists", "item");
    let said = |item: &str| told.iter().find(|row| row.0 == item).unwrap().1.trim_matches('`');
    let wanted = [said("`int`"), said("`float`"), said("`bool`"), said("`None`"), "16s", "8s"];
    for (index, format) in wanted.into_iter().enumerate() {
        let found = &bytes[formats + 8 * index..formats + 8 * (index + 1)];
        assert_eq!(String::from_utf8_lossy(found).trim_end_matches('\0'), format);
    }
    assert_eq!(bytes[formats + 8 * count..], [0, 0, 0, 3, 1, 2]);
}
