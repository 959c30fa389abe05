//! Places in the source, numbered for the processes of a family.

use std::panic::Location;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::CallSite;
use super::tables::{self, OWN, Tables};
use crate::primitive::{AtomicU32, AtomicU64};

/// In words of 8 bytes.
const PATH_LEN: usize = 14;

/// A place: 128 bytes.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Site {
    /// [`FREE`], [`CLAIMED`] or [`READY`].
    state: AtomicU32,
    line: AtomicU32,
    column: AtomicU32,
    /// Of the path, in bytes.
    len: AtomicU32,
    path: [AtomicU64; PATH_LEN],
}

const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::site;
    assert!(size_of::<Site>() == site::LEN && READY == site::READY && PATH_LEN * 8 == site::PATH_LEN);
    assert!(offset_of!(Site, state) == site::STATE && offset_of!(Site, line) == site::LINE);
    assert!(offset_of!(Site, column) == site::COLUMN && offset_of!(Site, len) == site::TEXT_LEN);
    assert!(offset_of!(Site, path) == site::PATH);
};

const FREE: u32 = 0;
/// Somebody writes it, or was killed when it did.
const CLAIMED: u32 = 1;
const READY: u32 = 2;

/// How many places are looked at for one.
const PROBES: usize = 64;

impl Tables {
    /// The number of a place, a new one if it has none; 0: there is no room.
    pub(super) fn number_of_site(&self, location: &Location<'_>) -> u32 {
        self.number_of_place(location.file(), location.line(), location.column())
    }

    pub(super) fn number_of(&self, site: &CallSite) -> u32 {
        self.number_of_place(&site.file, site.line, site.column)
    }

    fn number_of_place(&self, file: &str, line: u32, column: u32) -> u32 {
        let path = end_of(file, PATH_LEN * 8);
        let own = if self.is_own() { OWN } else { 0 };
        let first = path.bytes().fold(u64::from(line) << 16 ^ u64::from(column), |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }) as usize;
        for index in (first..).take(PROBES).map(|probe| probe % self.sites.len()) {
            let site = &self.sites[index];
            let is_it = match site.state.compare_exchange(FREE, CLAIMED, AcqRel, Acquire) {
                Ok(_) => site.write(path, line, column),
                Err(READY) => site.is(path, line, column),
                // It may become the same place: then that has two numbers.
                Err(_) => false,
            };
            if is_it {
                return (index as u32 + 1) | own;
            }
        }
        0
    }

    fn site(&self, number: u32) -> Option<CallSite> {
        let site = self.sites.get((number & !OWN).checked_sub(1)? as usize)?;
        // Acquire: with the Release of `write`.
        (site.state.load(Acquire) == READY)
            .then(|| CallSite::new(site.path(), site.line.load(Relaxed), site.column.load(Relaxed)))
    }
}

/// The place with this number, if anybody knows it here.
pub(crate) fn of_number(number: u32) -> Option<CallSite> {
    let tables = if number & OWN != 0 { tables::own() } else { tables::of_family() };
    tables?.site(number)
}

impl Site {
    fn write(&self, path: &str, line: u32, column: u32) -> bool {
        write_text(&self.path, path);
        self.len.store(path.len() as u32, Relaxed);
        self.line.store(line, Relaxed);
        self.column.store(column, Relaxed);
        self.state.store(READY, Release);
        true
    }

    fn is(&self, path: &str, line: u32, column: u32) -> bool {
        let place = (self.line.load(Relaxed), self.column.load(Relaxed));
        place == (line, column) && self.len.load(Relaxed) as usize == path.len() && has_text(&self.path, path)
    }

    fn path(&self) -> String {
        read_text(&self.path, self.len.load(Relaxed))
    }
}

/// The end of a text, of at most so many bytes.
fn end_of(text: &str, len: usize) -> &str {
    let from = text.len().saturating_sub(len);
    (from..text.len()).find_map(|from| text.get(from..)).unwrap_or_default()
}

/// A text in words of 8 bytes, with zeros after the last.
fn words_of(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes().chunks(8).map(|bytes| {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(eight)
    })
}

/// Puts a text that fits into words.
pub(super) fn write_text(words: &[AtomicU64], text: &str) {
    words.iter().zip(words_of(text)).for_each(|(word, eight)| word.store(eight, Relaxed));
}

/// Whether words begin with a text. Allocates nothing.
fn has_text(words: &[AtomicU64], text: &str) -> bool {
    words.iter().zip(words_of(text)).all(|(word, eight)| word.load(Relaxed) == eight)
}

/// The text of so many bytes in words, whatever is in them.
pub(super) fn read_text(words: &[AtomicU64], len: u32) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Relaxed).to_le_bytes()).collect();
    let len = (len as usize).min(bytes.len());
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_end_is_kept() {
        assert_eq!(end_of("src/lib.rs", 112), "src/lib.rs");
        assert_eq!(end_of("a/very/long/path/src/lib.rs", 6), "lib.rs");
        assert_eq!(end_of("äöü", 3), "ü", "not in the middle of a letter");
        assert_eq!(end_of("", 3), "");
    }

    #[test]
    fn a_text_comes_back_whole() {
        let words = [const { AtomicU64::new(0) }; 3];
        for text in ["", "a", "12345678", "123456789", "äöü, and 21 of others"] {
            write_text(&words, text);
            assert_eq!(read_text(&words, text.len() as u32), text);
            assert!(has_text(&words, text));
        }
        assert_eq!(read_text(&words, 1000).len(), 24, "a length that somebody has damaged");
    }

    #[test]
    fn a_place_has_one_number_and_is_found_by_it() {
        assert!(!has_text(&[const { AtomicU64::new(0) }; 3], "another"));
        let tables = tables::current().unwrap();
        let here = Location::caller();
        let number = tables.number_of_site(here);
        assert_ne!(number, 0);
        assert_eq!(tables.number_of_site(here), number);
        assert_ne!(tables.number_of_site(Location::caller()), number, "another column");
        let site = of_number(number).unwrap();
        assert_eq!((site.file.as_str(), site.line), (here.file(), here.line()));
        assert_eq!(of_number(0), None);
        assert_eq!(of_number(u32::MAX), None);
    }
}
