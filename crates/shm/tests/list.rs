//! Lists: the bytes of each kind of item, what fits and what does not, and uses nobody intended.

mod common;
mod lists;

use std::collections::BTreeSet;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use common::{fork, idle, kill, reap};
use lists::{dump, dump_start, memory_of, one_of_each, overwrite, word};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory, ShmError};
use multiproc_testkit::{TempDir, Watchdog, eventually};

/// The limit of a text: the format of a longer slot has more than eight letters.
const MOST: usize = 9_999_991;

/// What CPython writes for `ShareableList([1, -2.5, True, False, None, 'hi', '12345678', b'xyz', b''])`.
const CPYTHONS: &str = "
    0900000000000000 0000000000000000 0800000000000000 1000000000000000 1800000000000000 2000000000000000
    2800000000000000 3000000000000000 4000000000000000 4800000000000000 5000000000000000
    0100000000000000 00000000000004c0 0000000000000001 0000000000000000 0000000000000000
    6869000000000000 3132333435363738 0000000000000000 78797a0000000000 0000000000000000
    7100000000000000 6400000000000000 787878787878783f 787878787878783f 7878787878783f78
    3873000000000000 3136730000000000 3873000000000000 3873000000000000
    00 00 00 00 03 01 01 02 02";

fn cpythons() -> Vec<u8> {
    let digits: Vec<u8> = CPYTHONS.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_bytes_are_those_of_cpython() {
    let list = SharedList::new(&one_of_each()).unwrap();
    assert_eq!(dump(list.memory()), cpythons());
    assert_eq!(list.memory().len(), 249);
    let theirs = SharedList::open(memory_of(&cpythons())).unwrap();
    assert_eq!(theirs.to_vec().unwrap(), one_of_each());
    assert_eq!(theirs.formats().unwrap(), "qdxxxxxxx?xxxxxxx?xxxxxx?x8s16s8s8s");
}

#[test]
fn an_empty_list_is_two_words() {
    let list = SharedList::new(&[]).unwrap();
    assert_eq!(dump(list.memory()), [0; 16]);
    let list = SharedList::open(list.memory().clone()).unwrap();
    assert!(list.is_empty() && list.to_vec().unwrap().is_empty() && list.formats().unwrap().is_empty());
    assert_eq!(list.iter().next_back().transpose().unwrap(), None);
    assert!(matches!(list.get(0), Err(ListError::OutOfRange { index: 0, len: 0 })));
}

/// `struct` takes any byte but 0 for true.
#[test]
fn a_bool_is_true_unless_its_byte_is_zero() {
    let list = SharedList::new(&[false.into()]).unwrap();
    for (byte, expected) in [(2, true), (0, false), (0x80, true), (0xff, true)] {
        overwrite(list.memory(), 24, &[9, 9, 9, 9, 9, 9, 9, byte]);
        assert_eq!(list.get(0).unwrap(), expected.into());
    }
}

/// The bytes of the only slot, format and code of a list of one.
fn parts(list: &SharedList) -> (Vec<u8>, String, u8) {
    let bytes = dump(list.memory());
    let format = String::from_utf8(bytes[bytes.len() - 9..bytes.len() - 1].to_vec()).unwrap();
    (bytes[24..bytes.len() - 9].to_vec(), format, bytes[bytes.len() - 1])
}

#[test]
fn overwriting_changes_the_bytes_that_cpython_changes() {
    let list = SharedList::new(&["sixteen letters".into()]).unwrap();
    list.set(0, -1).unwrap();
    assert_eq!(
        parts(&list),
        (b"\xff\xff\xff\xff\xff\xff\xff\xffletters\0".to_vec(), "q\0\0\0\0\0\0\0".into(), 0)
    );
    list.set(0, b"\x01").unwrap();
    assert_eq!(parts(&list), ([&[1][..], &[0; 15]].concat(), "16s\0\0\0\0\0".into(), 2));
    list.set(0, "sixteen letters!").unwrap();
    list.set(0, true).unwrap();
    assert_eq!(parts(&list), (b"\0\0\0\0\0\0\0\x01letters!".to_vec(), "xxxxxxx?".into(), 0));
    list.set(0, None::<i64>).unwrap();
    assert_eq!(parts(&list), (b"\0\0\0\0\0\0\0\0letters!".to_vec(), "xxxxxx?x".into(), 3));
    assert_eq!(list.get(0).unwrap(), Item::None);
}

#[test]
fn every_type_takes_every_slot_it_fits_into() {
    let items = one_of_each();
    let list = SharedList::new(&items).unwrap();
    for item in &items {
        for index in 0..items.len() {
            list.set(index, item.clone()).unwrap();
            assert_eq!(list.get(index).unwrap(), *item);
        }
        assert_eq!(list.count(item).unwrap(), items.len());
        assert_eq!(list.index(item).unwrap(), Some(0));
    }
    let numbers = [i64::MIN, i64::MAX].map(Item::from);
    let floats = [f64::MIN_POSITIVE, f64::INFINITY, -0.0].map(Item::from);
    for item in numbers.into_iter().chain(floats) {
        list.set(3, item.clone()).unwrap();
        assert_eq!(list.get(3).unwrap(), item);
    }
    list.set(3, f64::NAN).unwrap();
    assert!(matches!(list.get(3).unwrap(), Item::Float(found) if found.is_nan()));
    assert_eq!(list.index(&Item::from(f64::NAN)).unwrap(), None, "NaN equals nothing");
}

#[test]
fn what_would_be_lost_is_refused_and_nothing_written() {
    let list = SharedList::new(&["text".into(), b"bytes".into()]).unwrap();
    let before = dump(list.memory());
    for lossy in [Item::from("\0"), "end\0".into(), b"\0".into(), b"end\0\0".into()] {
        assert!(matches!(list.set(1, lossy.clone()), Err(ListError::TrailingNul { index: 1 })));
        let refused = SharedList::new(&[1.into(), 2.into(), lossy.clone()]).unwrap_err();
        assert!(matches!(refused, ListError::TrailingNul { index: 2 }), "{refused}");
        assert!(matches!(
            SharedList::create_in(list.memory(), &[lossy]),
            Err(ListError::TrailingNul { index: 0 })
        ));
    }
    for long in [Item::from("nine char"), "ääääX".into(), vec![7; 9].into(), "12345678\0".into()] {
        assert!(matches!(list.set(0, long), Err(ListError::TooLong { len: 9, slot: 8, .. })));
    }
    assert_eq!(dump(list.memory()), before);
    list.set(0, "a\0b").unwrap();
    assert_eq!(list.get(0).unwrap(), "a\0b".into(), "inside, zeros are kept");
}

#[test]
fn the_longest_text_has_a_slot_and_a_longer_one_an_error() {
    let items = ["x".repeat(MOST).into(), 1.into()];
    let list = SharedList::new(&items).unwrap();
    assert_eq!((list.format(0).unwrap().as_str(), list.slot_len(0).unwrap()), ("9999992s", MOST + 1));
    assert_eq!(list.to_vec().unwrap(), items);
    list.set(0, "short").unwrap();
    assert_eq!(list.get(0).unwrap(), "short".into());
    list.set(0, "y".repeat(MOST + 1)).unwrap();
    assert!(matches!(list.set(0, "y".repeat(MOST + 2)), Err(ListError::TooLong { .. })));
    for long in [MOST + 1, MOST + 9] {
        let refused = SharedList::new(&[1.into(), vec![7; long].into()]).unwrap_err();
        assert!(matches!(refused, ListError::NoSlot { index: 1, len } if len == long), "{refused}");
    }
}

#[test]
fn a_memory_may_be_longer_and_not_shorter() {
    let items = one_of_each();
    let needed = SharedList::bytes_needed(&items).unwrap();
    let short = SharedMemory::anonymous(needed - 1).unwrap();
    let refused = SharedList::create_in(&short, &items).unwrap_err();
    assert!(matches!(refused, ListError::Memory(ShmError::TooShort { len: 248, needed: 249 })), "{refused}");
    assert!(dump(&short).iter().all(|byte| *byte == 0));

    let long = memory_of(&[0xee; 4096]);
    let list = SharedList::create_in(&long, &items).unwrap();
    assert_eq!(dump(&long)[..needed], cpythons());
    assert!(dump(&long)[needed..].iter().all(|byte| *byte == 0xee));
    assert_eq!(SharedList::open(long).unwrap().to_vec().unwrap(), list.to_vec().unwrap());
}

#[test]
fn a_list_made_anew_replaces_the_old_one() {
    let memory = SharedMemory::anonymous(4096).unwrap();
    let old = SharedList::create_in(&memory, &one_of_each()).unwrap();
    let new = SharedList::create_in(&memory, &["new".into(), 1.into()]).unwrap();
    assert_eq!(new.to_vec().unwrap(), ["new".into(), Item::Int(1)]);
    assert!(matches!(old.get(0), Err(ListError::Corrupt { .. })));
    assert!(matches!(old.set(0, 1), Err(ListError::Corrupt { .. })));
    assert_eq!(old.len(), 9, "as it was opened");
}

#[test]
fn a_half_made_list_is_none() {
    let items = one_of_each();
    let memory = memory_of(&cpythons());
    overwrite(&memory, 0, &word(-1)); // as it is until all of it is written
    assert!(matches!(SharedList::open(memory.clone()), Err(ListError::Corrupt { .. })));
    assert_eq!(SharedList::create_in(&memory, &items).unwrap().to_vec().unwrap(), items);
}

#[test]
fn a_process_killed_while_it_makes_a_list_leaves_none() {
    let _watchdog = Watchdog::with_limit(120);
    let items = ["x".repeat(4_000_000).into(), 1.into()];
    let memory = SharedMemory::anonymous(SharedList::bytes_needed(&items).unwrap()).unwrap();
    // The maker is rarely killed between two of its lists.
    eventually("it was killed in the middle", || {
        SharedList::create_in(&memory, &one_of_each()).unwrap();
        let maker = fork(|| {
            loop {
                SharedList::create_in(&memory, &items).unwrap();
            }
        });
        eventually("it makes one", || dump_start(&memory) == word(-1));
        kill(maker);
        dump_start(&memory) == word(-1)
    });
    assert!(matches!(SharedList::open(memory.clone()), Err(ListError::Corrupt { .. })));
    assert_eq!(SharedList::create_in(&memory, &items).unwrap().to_vec().unwrap(), items);
}

#[test]
fn a_half_set_item_leaves_the_others_and_can_be_repaired() {
    let (format, code) = (16 + 9 * 8 + 80, 16 + 9 * 8 + 80 + 9 * 8);
    for (at, bytes) in [(format, &b"8s"[..]), (code, &[1]), (code, &[255]), (format, &[0]), (format, b"zzzz")]
    {
        let memory = memory_of(&cpythons());
        overwrite(&memory, at, bytes);
        let list = SharedList::open(memory).unwrap();
        assert!(matches!(list.get(0), Err(ListError::CorruptItem { index: 0, .. })), "{bytes:?}");
        assert!(matches!(list.to_vec(), Err(ListError::CorruptItem { index: 0, .. })));
        let read: Vec<_> = list.iter().skip(1).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, one_of_each()[1..]);
        list.set(0, 1).unwrap();
        assert_eq!(list.to_vec().unwrap(), one_of_each());
    }
}

#[test]
fn memory_for_reading_only_is_read_and_never_written() {
    let folder = TempDir::new();
    let path = folder.path().join("list");
    std::fs::write(&path, cpythons()).unwrap();
    let ours = SharedList::open(SharedMemory::map_file(&path).unwrap()).unwrap();
    let memory = SharedMemory::map_file_read_only(&path).unwrap();
    let theirs = SharedList::open(memory.clone()).unwrap();
    assert_eq!(theirs.to_vec().unwrap(), one_of_each());
    ours.set(5, "seen").unwrap();
    assert_eq!(theirs.get(5).unwrap(), "seen".into());
    let before = std::fs::read(&path).unwrap();
    let refused = [theirs.set(0, 8), theirs.set(5, "text"), SharedList::create_in(&memory, &[]).map(drop)];
    assert!(refused.iter().all(|result| matches!(result, Err(ListError::Memory(ShmError::ReadOnly)))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn handles_are_one_list_and_keep_the_memory() {
    fn sent<T: Send + Sync + Clone + 'static>(_: &T) {}
    let first = SharedList::new(&[0.into(), "text".into()]).unwrap();
    sent(&first);
    let others = [first.clone(), SharedList::open(first.memory().clone()).unwrap()];
    let attached = SharedMemory::attach(first.memory().try_clone_fd().unwrap()).unwrap();
    let attached = SharedList::open(attached).unwrap();
    mem::forget(first.clone());
    first.set(0, 7).unwrap();
    drop(first);
    for list in others.iter().chain([&attached]) {
        assert_eq!(list.get(0).unwrap(), 7.into());
    }
    let leaked: &'static SharedList = Box::leak(Box::new(attached));
    // A thread that ends with an iterator and a handle of its own.
    thread::spawn(move || leaked.iter().chain(&others[0]).for_each(|item| drop(item.unwrap())))
        .join()
        .unwrap();
    assert_eq!(leaked.get(1).unwrap(), "text".into());
}

#[test]
fn a_fork_shares_it_and_its_death_harms_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let list = SharedList::new(&[0.into(), 0.into(), "text".into()]).unwrap();
    assert_eq!(reap(fork(|| list.set(2, "child").unwrap())), 0);
    assert_eq!(list.get(2).unwrap(), "child".into());
    let writer = fork(|| {
        for number in 1_i64.. {
            list.set(0, number).unwrap();
            list.set(2, if number % 2 == 0 { Item::from(number) } else { Item::from("odd") }).unwrap();
        }
        idle();
    });
    eventually("it writes", || list.get(0).unwrap() != Item::Int(0));
    kill(writer);
    assert!(matches!(list.get(0).unwrap(), Item::Int(1..)));
    assert_eq!(list.get(1).unwrap(), 0.into());
    list.set(2, "mended").unwrap();
    assert_eq!(list.get(2).unwrap(), "mended".into());
}

/// Ends what goes on until then.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Each writer writes a number of which all bytes are the same.
#[test]
fn numbers_are_never_torn() {
    const BYTES: [u8; 3] = [0x11, 0x22, 0x33];
    let _watchdog = Watchdog::with_limit(60);
    let list = SharedList::new(&[0.into(), 0.0.into()]).unwrap();
    let of = |byte: u8| (i64::from_ne_bytes([byte; 8]), f64::from_ne_bytes([byte; 8]));
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = AtEnd(&end); // also where a number is torn
        for byte in BYTES {
            let (list, end) = (list.clone(), &end);
            scope.spawn(move || {
                while !end.load(Relaxed) {
                    list.set(0, of(byte).0).unwrap();
                    list.set(1, of(byte).1).unwrap();
                }
            });
        }
        // Until what each of them writes was seen in both items; the watchdog is the bound.
        let (mut seen, mut rounds) = (BTreeSet::new(), 0);
        while rounds < 20_000
            || !BYTES.iter().all(|byte| seen.contains(&(0, *byte)) && seen.contains(&(1, *byte)))
        {
            rounds += 1;
            let (Item::Int(int), Item::Float(float)) = (list.get(0).unwrap(), list.get(1).unwrap()) else {
                panic!("another type");
            };
            for (item, bytes) in [int.to_ne_bytes(), float.to_ne_bytes()].into_iter().enumerate() {
                assert_eq!(bytes, [bytes[0]; 8]);
                seen.insert((item, bytes[0]));
            }
        }
    });
}

#[test]
fn errors_say_what_to_do() {
    let list = SharedList::new(&[1.into()]).unwrap();
    let texts = [
        (list.get(3).unwrap_err(), "item 3 of a list of 1: count from 0"),
        (
            list.set(0, "\0").unwrap_err(),
            "item 0 ends in a zero byte, which readers would strip: end it otherwise, or encode it",
        ),
        (
            SharedList::new(&[vec![1; MOST + 1].into()]).unwrap_err(),
            "item 0 is 9999992 bytes long, and 9999991 is the limit: share it in a memory of its own",
        ),
        (
            SharedList::open(memory_of(&word(-7).repeat(2))).unwrap_err(),
            "this is no list, or a damaged one: a negative count or offset",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

/// Whoever opens it by its name finds its items, or no name.
#[test]
fn a_list_with_a_name_is_whole_from_the_first_moment_and_its_name_ends_with_its_maker() {
    let name = format!("multiproc-test-list-{}", std::process::id());
    let items = [Item::from("text"), 7.into(), Item::None];
    let list = SharedList::create(&name, &items).unwrap();
    assert_eq!(list.memory().name(), Some(&*name));
    let theirs = SharedList::open(SharedMemory::open(&name).unwrap()).unwrap();
    theirs.set(1, 8).unwrap();
    assert_eq!(list.get(1).unwrap(), 8.into());
    let taken = SharedList::create(&name, &items);
    assert!(matches!(taken, Err(ListError::Memory(ShmError::Exists { .. }))), "{taken:?}");
    drop(list);
    assert!(matches!(SharedMemory::open(&name), Err(ShmError::Missing { .. })));
    assert_eq!(theirs.get(1).unwrap(), 8.into());
}

/// An empty list has no item that would be looked at.
#[test]
fn an_empty_list_that_is_made_anew_is_told() {
    let memory = SharedMemory::anonymous(4096).unwrap();
    let empty = SharedList::open(memory.clone()).unwrap();
    assert!(empty.is_empty(), "zeros are an empty list");
    SharedList::create_in(&memory, &[1.into()]).unwrap();
    let told = |error: ListError| matches!(error, ListError::Corrupt { .. });
    assert!(told(empty.to_vec().unwrap_err()) && told(empty.formats().unwrap_err()));
    assert!(told(empty.count(&1.into()).unwrap_err()) && told(empty.index(&1.into()).unwrap_err()));
}

#[test]
fn a_number_that_is_too_large_for_the_list_is_refused_before() {
    assert_eq!(Item::try_from(7_usize).unwrap(), Item::Int(7));
    assert_eq!(Item::from(-7_isize), Item::Int(-7));
    assert_eq!(Item::try_from(i64::MAX as u64).unwrap(), Item::Int(i64::MAX));
    assert!(
        Item::try_from(u64::MAX).is_err()
            && Item::try_from(u128::MAX).is_err()
            && Item::try_from(i128::MIN).is_err()
    );
}
