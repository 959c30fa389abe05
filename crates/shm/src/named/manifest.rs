//! The bytes of a manifest: the file in which a process lists the names that it has made. docs/shm-layout.md draws it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::name::Name;
use crate::names::MAX_NAMES;
use crate::sys::file_id::FileId;
use crate::sys::{folder, space};

/// Before the names of this crate's own files.
pub(crate) const PREFIX: &str = "multiproc.";

/// The most memory that one more record can take: a page.
pub(crate) const LENGTH: u64 = 4096;

/// The length of the header, and of each record. Pages are a multiple of it, so that no record lacks half of its memory.
const SLOT: usize = 512;

const MAGIC: &[u8; 8] = b"mpnames2";

/// Where the name begins in a record.
const NAME: usize = 40;

/// One name and the file that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) file: FileId,
    pub(crate) name: Name,
}

/// The name of a manifest: of the process with this number, and of no other one by a random number.
pub(crate) fn manifest_name(pid: u32, random: u64) -> String {
    format!("{PREFIX}{pid}.{random:016x}")
}

/// The number of the process whose manifest has this name; `None` for all other files.
pub(crate) fn pid_in(name: &str) -> Option<u32> {
    let (pid, random) = name.strip_prefix(PREFIX)?.split_once('.')?;
    if is_decimal(pid) && is_random(random) { pid.parse().ok() } else { None }
}

/// A name under which a segment waits for the end of its name: by its random number one that nobody can have put there beforehand.
pub(crate) fn aside(manifest: &str, slot: usize, random: u64) -> String {
    format!("{manifest}.u{slot}.{random:016x}")
}

/// The slot of the record that the file `name` was moved aside for, and the manifest with that record.
pub(crate) fn aside_of(name: &str) -> Option<(&str, usize)> {
    let (rest, random) = name.rsplit_once('.')?;
    let (manifest, slot) = rest.rsplit_once('.')?;
    let slot = slot.strip_prefix('u').filter(|slot| is_decimal(slot))?.parse().ok()?;
    (is_random(random) && pid_in(manifest).is_some()).then_some((manifest, slot))
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_digit())
}

fn is_random(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'))
}

/// Writes the header, and with it the record of the first slot if there is one already.
pub(crate) fn write_header(file: &File, pid: u32, first: Option<&Record>) -> io::Result<()> {
    let mut bytes = [0; 2 * SLOT];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&pid.to_le_bytes());
    match first {
        None => write(file, 0, &bytes[..SLOT]),
        Some(record) => {
            bytes[SLOT..].copy_from_slice(&encode(record));
            write(file, 0, &bytes)
        }
    }
}

pub(crate) fn write_record(file: &File, slot: usize, record: &Record) -> io::Result<()> {
    write(file, at(slot), &encode(record))
}

/// Makes the slot one without a record.
pub(crate) fn clear_record(file: &File, slot: usize) -> io::Result<()> {
    write(file, at(slot), &[0; SLOT])
}

/// The whole records with their slots, none where the process ended before it wrote a header. `None`: another version wrote the
/// file, or somebody else did.
pub(crate) fn read(file: &File) -> io::Result<Option<Vec<(usize, Record)>>> {
    let slots = folder::facts(file)?.len / SLOT as u64;
    let mut bytes = [0; SLOT];
    if slots == 0 || !read_slot(file, 0, &mut bytes)? {
        return Ok(Some(Vec::new()));
    }
    if &bytes[..8] != MAGIC {
        return Ok(None);
    }
    let mut records = Vec::new();
    let listed = usize::try_from(slots - 1).unwrap_or(MAX_NAMES);
    for slot in 0..listed.min(MAX_NAMES) {
        if !read_slot(file, at(slot), &mut bytes)? {
            break; // it was cut meanwhile
        }
        records.extend(decode(&bytes).map(|record| (slot, record)));
    }
    Ok(Some(records))
}

fn at(slot: usize) -> u64 {
    (slot as u64 + 1) * SLOT as u64
}

fn write(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    space::check_limit(at + bytes.len() as u64)?;
    file.write_all_at(bytes, at)
}

/// Whether there were so many bytes.
fn read_slot(file: &File, at: u64, bytes: &mut [u8; SLOT]) -> io::Result<bool> {
    match file.read_exact_at(bytes, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn encode(record: &Record) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    let name = record.name.as_str().as_bytes();
    bytes[8..16].copy_from_slice(&record.file.device.to_le_bytes());
    bytes[16..24].copy_from_slice(&record.file.inode.to_le_bytes());
    bytes[24..32].copy_from_slice(&record.file.born.to_le_bytes());
    bytes[32..40].copy_from_slice(&(name.len() as u64).to_le_bytes());
    bytes[NAME..NAME + name.len()].copy_from_slice(name);
    let sum = checksum(&bytes[8..]);
    bytes[..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// `None` for an empty slot, and for a record that was not written to its end.
fn decode(bytes: &[u8; SLOT]) -> Option<Record> {
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    if number(0) != checksum(&bytes[8..]) {
        return None;
    }
    let len = usize::try_from(number(32)).ok()?;
    let name = str::from_utf8(bytes.get(NAME..NAME.checked_add(len)?)?).ok()?;
    let name = Name::parse(name).ok().filter(|parsed| parsed.as_str() == name)?;
    Some(Record { file: FileId { device: number(8), inode: number(16), born: number(24) }, name })
}

/// 64 bits of FNV-1a. A zero only multiplies, and most of a record is zeros at its end.
fn checksum(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x100_0000_01b3;
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let said = bytes[..bytes.len() - zeros].iter();
    let sum = said.fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME));
    sum.wrapping_mul(PRIME.wrapping_pow(zeros as u32))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use multiproc_testkit::TempDir;

    use super::*;

    fn record(inode: u64, name: &str) -> Record {
        Record { file: FileId { device: 7, inode, born: 3 }, name: Name::parse(name).unwrap() }
    }

    fn file(dir: &TempDir) -> File {
        let path = dir.path().join("manifest");
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap()
    }

    #[test]
    fn records_come_back_and_cleared_ones_do_not() {
        let dir = TempDir::new();
        let file = file(&dir);
        assert_eq!(read(&file).unwrap(), Some(vec![]), "no header yet");
        file.set_len(512).unwrap();
        assert_eq!(read(&file).unwrap(), None, "a header of others");
        write_header(&file, 77, None).unwrap();
        assert_eq!(read(&file).unwrap(), Some(vec![]));
        let long = "x".repeat(255);
        write_record(&file, 2, &record(u64::MAX, &long)).unwrap();
        write_record(&file, 0, &record(5, "a")).unwrap();
        let both = vec![(0, record(5, "a")), (2, record(u64::MAX, &long))];
        assert_eq!(read(&file).unwrap(), Some(both.clone()));
        clear_record(&file, 0).unwrap();
        assert_eq!(read(&file).unwrap(), Some(both[1..].to_vec()));
        write_header(&file, 77, Some(&both[0].1)).unwrap();
        assert_eq!(read(&file).unwrap(), Some(both), "the first one came with the header");
    }

    #[test]
    fn the_checksum_is_that_of_all_bytes_one_by_one() {
        let plain = |bytes: &[u8]| {
            bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
                (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            })
        };
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8, "as FNV's authors say");
        for bytes in [&[][..], &[0], &[0; 504], &[7, 0, 0, 9, 0, 0, 0], &encode(&record(9, "name"))] {
            assert_eq!(checksum(bytes), plain(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_without_end_is_read_to_an_end() {
        let dir = TempDir::new();
        let file = file(&dir);
        write_header(&file, 1, None).unwrap();
        write_record(&file, MAX_NAMES - 1, &record(5, "last")).unwrap();
        write_record(&file, MAX_NAMES, &record(5, "beyond")).unwrap();
        file.set_len(1 << 42).unwrap();
        assert_eq!(read(&file).unwrap(), Some(vec![(MAX_NAMES - 1, record(5, "last"))]));
    }

    #[test]
    fn a_record_that_was_cut_or_changed_anywhere_is_none() {
        let whole = encode(&record(5, "name"));
        assert!(decode(&whole).is_some());
        for at in 0..SLOT {
            let mut torn = whole;
            torn[at..].fill(0);
            assert_eq!(decode(&torn).is_some(), torn == whole, "cut at {at}");
            let mut changed = whole;
            changed[at] ^= 0x10;
            assert!(decode(&changed).is_none(), "changed at {at}");
        }
        let dir = TempDir::new();
        let file = file(&dir);
        write_header(&file, 1, None).unwrap();
        write_record(&file, 0, &record(5, "a")).unwrap();
        write_record(&file, 1, &record(6, "b")).unwrap();
        for len in at(1)..at(2) {
            file.set_len(len).unwrap();
            assert_eq!(read(&file).unwrap(), Some(vec![(0, record(5, "a"))]), "{len} bytes");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_none() {
        let mut bytes = encode(&record(5, "xxxxxxxx"));
        for (name, is_one) in
            [("../../xx", false), ("/xxxxxxx", false), ("a\0xxxxxx", false), ("yyyyyyyy", true)]
        {
            bytes[NAME..NAME + name.len()].copy_from_slice(name.as_bytes());
            let sum = checksum(&bytes[8..]);
            bytes[..8].copy_from_slice(&sum.to_le_bytes());
            assert_eq!(decode(&bytes).is_some(), is_one, "{name:?}");
        }
        bytes[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        let sum = checksum(&bytes[8..]);
        bytes[..8].copy_from_slice(&sum.to_le_bytes());
        assert!(decode(&bytes).is_none());
    }

    #[test]
    fn names_of_manifests_and_of_what_lies_beside_them() {
        let name = manifest_name(12, 0xabc);
        assert_eq!(name, "multiproc.12.0000000000000abc");
        assert_eq!(pid_in(&name), Some(12));
        for other in [
            "multiproc.12",
            "multiproc.12.abc",
            "multiproc..0000000000000abc",
            "multiproc.+1.0000000000000abc",
            "multiproc.12.0000000000000ABC",
            "multiproc.12.0000000000000abc.t0",
            "psm_0123abcd",
        ] {
            assert_eq!(pid_in(other), None, "{other}");
        }
        assert_eq!(aside_of(&aside(&name, 3, u64::MAX)), Some((&*name, 3)));
        for other in [
            &name,
            "multiproc.12.0000000000000abc.u1",
            "multiproc.12.0000000000000abc.x1.0000000000000abc",
            "multiproc.12.0000000000000abc.u+1.0000000000000abc",
            "multiproc.12.0000000000000abc.u.0000000000000abc",
            "multiproc.12.0000000000000abc.u1.abc",
            "multiproc.12.é.u1.0000000000000abc",
            "psm_x",
        ] {
            assert_eq!(aside_of(other), None, "{other}");
        }
    }
}
