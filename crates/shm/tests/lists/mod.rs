//! What the tests of lists share: the bytes of a memory, through its descriptor, and all calls of a list.
#![allow(dead_code)] // each test program uses some of it

pub(crate) mod cpython;

use std::fs::File;
use std::os::unix::fs::FileExt;

use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory};

/// What lies in the memory.
pub(crate) fn dump(memory: &SharedMemory) -> Vec<u8> {
    let mut bytes = vec![0; memory.len()];
    File::from(memory.try_clone_fd().unwrap()).read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// The first word of the memory.
pub(crate) fn dump_start(memory: &SharedMemory) -> [u8; 8] {
    let mut bytes = [0; 8];
    File::from(memory.try_clone_fd().unwrap()).read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Writes behind the list's back, as a stranger would.
pub(crate) fn overwrite(memory: &SharedMemory, at: usize, bytes: &[u8]) {
    File::from(memory.try_clone_fd().unwrap()).write_all_at(bytes, at as u64).unwrap();
}

/// A memory of exactly these bytes.
pub(crate) fn memory_of(bytes: &[u8]) -> SharedMemory {
    let memory = SharedMemory::anonymous(bytes.len()).unwrap();
    overwrite(&memory, 0, bytes);
    memory
}

pub(crate) fn word(number: i64) -> [u8; 8] {
    number.to_le_bytes()
}

/// One of each type, and each length of text around a word.
pub(crate) fn one_of_each() -> Vec<Item> {
    vec![
        Item::Int(1),
        Item::Float(-2.5),
        Item::Bool(true),
        Item::Bool(false),
        Item::None,
        "hi".into(),
        "12345678".into(),
        b"xyz".into(),
        b"".into(),
    ]
}

/// Whether somebody else writes to the list meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Quiet,
    Writing,
}

/// Calls everything that a list has, and says what came of it. Only the documented errors may; and what was set is there, if nobody else
/// writes.
pub(crate) fn exercise(list: &SharedList, written: &[Item], others: Others) -> Vec<String> {
    let mut said = Vec::new();
    let len = list.len();
    assert!(25 * len + 16 <= list.memory().len(), "{len} items can't be there");
    let mut note = |what: &str, result: Result<String, ListError>| {
        if let Err(error) = &result {
            assert!(
                matches!(error, ListError::Corrupt { .. } | ListError::CorruptItem { .. }),
                "{what}: {error:?}"
            );
        }
        said.push(format!("{what}: {result:?}"));
    };
    let all = |all: Vec<Item>| {
        let text = all.iter().map(|item| match item {
            Item::Str(text) => text.len(),
            Item::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        assert!(text.sum::<usize>() <= list.memory().len(), "more than there is");
        format!("{all:?}")
    };
    note("all", list.to_vec().map(all));
    note("formats", list.formats());
    note("count", list.count(&Item::None).map(|count| count.to_string()));
    note("index", list.index(&Item::Int(-1)).map(|index| format!("{index:?}")));
    // Some from each end: a list may have thousands.
    for index in (0..len).take(24).chain((24..len).rev().take(8)) {
        note("get", list.get(index).map(|item| format!("{item:?}")));
        note("format", list.format(index));
        note("slot", list.slot_len(index).map(|len| len.to_string()));
        for item in written {
            match list.set(index, item.clone()) {
                Err(ListError::TooLong { len, slot, .. }) => assert!(len > slot),
                Err(ListError::Corrupt { .. } | ListError::CorruptItem { .. }) => {}
                result => {
                    result.unwrap();
                    let found = list.get(index);
                    if others == Others::Quiet {
                        assert_eq!(found.as_ref().ok(), Some(item), "what was set at {index}: {found:?}");
                    }
                    note("set", found.map(|found| (found == *item).to_string()));
                }
            }
        }
    }
    for index in [len, len + 1, usize::MAX] {
        let expected = |error| matches!(error, Some(ListError::OutOfRange { index: at, .. }) if at == index);
        assert!(expected(list.get(index).err()) && expected(list.set(index, 1).err()));
        assert!(expected(list.format(index).err()) && expected(list.slot_len(index).err()));
    }
    assert!(list.iter().rev().take(4).count() == len.min(4));
    said
}
