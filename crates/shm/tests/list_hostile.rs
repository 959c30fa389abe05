//! Lists in memory that a stranger damages: flipped bytes, wild numbers, cut ends, before and while the list is used. Each
//! call either works or says `Corrupt`, and nothing outside the memory is read or written. `unsafe`: the bytes behind its end.
#![allow(unsafe_code)]

mod fuzzing;
mod lists;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::thread;

use lists::{Others, cpython, dump, exercise, memory_of, one_of_each, overwrite, word};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory};
use multiproc_testkit::Watchdog;
use proptest::collection::vec;
use proptest::prelude::*;

const PAGE: usize = 4096;

/// One change of a stranger's.
#[derive(Clone, Debug)]
enum Damage {
    Bit(prop::sample::Index, u8),
    Byte(prop::sample::Index, u8),
    Word(prop::sample::Index, i64),
    Format(prop::sample::Index, String),
    /// Only the first bytes are left.
    Cut(prop::sample::Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let words = bytes.len() / 8;
        let mut write = |at: &prop::sample::Index, word: &[u8]| {
            if words > 0 {
                let at = at.index(words) * 8;
                bytes[at..at + word.len()].copy_from_slice(word);
            }
        };
        match self {
            Self::Bit(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Word(at, number) => write(at, &word(*number)),
            Self::Format(at, format) => write(at, &format!("{format:\0<8}").as_bytes()[..8]),
            Self::Cut(len) => bytes.truncate(len.index(bytes.len()).max(1)),
        }
    }
}

/// Numbers where rules begin to hold or overflow.
fn wild() -> impl Strategy<Value = i64> {
    let edges = vec![
        0,
        1,
        -1,
        7,
        8,
        9,
        16,
        64,
        9_999_992,
        10_000_000,
        i64::MAX,
        i64::MIN,
        i64::MAX / 8,
        i64::MAX / 25,
    ];
    prop_oneof![
        3 => prop::sample::select(edges),
        3 => (0_i64..64).prop_map(|number| number * 8),
        1 => -16_i64..600,
        1 => any::<i64>(),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let formats = ["q", "d", "xxxxxxx?", "xxxxxx?x", "8s", "16s", "9999999s", "99999999", "0s", "s", "\0q"];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), wild()).prop_map(|(at, number)| Damage::Word(at, number)),
        (at(), prop::sample::select(formats.to_vec()))
            .prop_map(|(at, format)| Damage::Format(at, format.to_owned())),
        at().prop_map(Damage::Cut),
    ]
}

/// The bytes of a list; or of something else, with a header that is one by chance.
fn beginning() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        any::<i64>().prop_map(Item::Int),
        Just(Item::None),
        "[a-zä]{0,30}".prop_map(Item::Str),
        vec(any::<u8>(), 0..70).prop_map(Item::Bytes),
    ];
    prop_oneof![
        4 => vec(text, 0..10).prop_map(|items| cpython::create(&items)),
        1 => vec(any::<u8>(), 1..400),
        1 => vec(wild(), 1..60).prop_map(|words| words.into_iter().flat_map(word).collect()),
    ]
}

fn attack() -> impl Strategy<Value = (Vec<u8>, Vec<Damage>)> {
    (beginning(), vec(damage(), 0..6))
}

/// What an attacked program writes.
fn written() -> Vec<Item> {
    vec![
        (-1).into(),
        2.5.into(),
        true.into(),
        Item::None,
        "ä".into(),
        "sixteen letters!".into(),
        vec![9; 3000].into(),
    ]
}

/// The bytes that the page has behind the memory's end, where nobody may write nor read.
fn behind(memory: &SharedMemory) -> (*mut u8, usize) {
    (memory.as_ptr().wrapping_add(memory.len()), memory.len().next_multiple_of(PAGE) - memory.len())
}

fn guard(memory: &SharedMemory, with: u8) {
    let (start, len) = behind(memory);
    // SAFETY: in the last page of the mapping, which the file's end does not cut. Nobody else uses these bytes.
    unsafe { start.write_bytes(with, len) };
}

fn is_guarded(memory: &SharedMemory, with: u8) -> bool {
    let (start, len) = behind(memory);
    let mut found = vec![!with; len];
    // SAFETY: as in `guard`.
    unsafe { start.copy_to_nonoverlapping(found.as_mut_ptr(), len) };
    found == vec![with; len]
}

/// Opens and uses what was damaged, and what was opened before it was damaged. What came of it is the same whatever lies behind
/// the end, and nothing there has changed. Tells whether it was a list all the same.
fn survive((beginning, damages): &(Vec<u8>, Vec<Damage>)) -> bool {
    let mut opened = false;
    let mut damaged = beginning.clone();
    damages.iter().for_each(|damage| damage.apply(&mut damaged));
    let told = [0x00, 0x38, 0xff].map(|with| {
        let memory = memory_of(&damaged);
        guard(&memory, with);
        let mut said = Vec::new();
        match SharedList::open(memory.clone()) {
            Ok(list) => said.extend(exercise(&list, &[], Others::Quiet)),
            Err(ListError::Corrupt { what }) => said.push(what.to_owned()),
            Err(error) => panic!("{error:?}"),
        }
        if let Ok(list) = SharedList::open(memory.clone()) {
            said.extend(exercise(&list, &written(), Others::Quiet));
            opened = true;
        }
        assert!(is_guarded(&memory, with));

        let memory = memory_of(beginning);
        guard(&memory, with);
        if let Ok(list) = SharedList::open(memory.clone()) {
            let len = damaged.len().min(beginning.len());
            overwrite(&memory, 0, &damaged[..len]);
            said.extend(exercise(&list, &written(), Others::Quiet));
            // What it wrote is no worse than what it found.
            said.extend(exercise(&list, &written(), Others::Quiet));
        }
        assert!(is_guarded(&memory, with));
        said
    });
    assert!(told[0] == told[1] && told[1] == told[2], "it depends on what lies behind the end: {told:#?}");
    opened
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_and_nothing_worse(attack in attack()) {
        survive(&attack);
    }
}

/// No luck involved: each bit, and each length.
#[test]
fn every_flipped_bit_and_every_cut_is_survived() {
    let _watchdog = Watchdog::with_limit(300);
    let good = cpython::create(&one_of_each());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            if let Ok(list) = SharedList::open(memory_of(&bad)) {
                exercise(&list, &written(), Others::Quiet);
            }
        }
        let opened = SharedList::open(memory_of(&good[..at.max(1)]));
        assert!(matches!(opened, Err(ListError::Corrupt { .. })), "{at} bytes are too few");
    }
}

#[test]
fn each_rule_of_the_frame_is_kept() {
    let good = cpython::create(&one_of_each());
    let refused = |at: usize, number: i64| {
        let mut bad = good.clone();
        bad[at..at + 8].copy_from_slice(&word(number));
        let Err(ListError::Corrupt { what }) = SharedList::open(memory_of(&bad)) else {
            panic!("{number} at {at} was taken")
        };
        what
    };
    for count in [10, 1000, i64::MAX, i64::MAX / 8, i64::MAX / 25] {
        assert_eq!(refused(0, count), "more items than there is memory for");
    }
    assert_eq!(refused(0, -9), "a negative count or offset");
    assert_eq!(refused(8, 8), "its number of items, or its first or last offset");
    for end in [88, i64::MAX, i64::MAX - 7] {
        assert_eq!(refused(8 + 9 * 8, end), "longer slots than there is memory for");
    }
    // Beyond the data, before its predecessor, equal to it, between words, before the beginning.
    for offset in [96, 8, 16, 20] {
        assert_eq!(refused(8 + 3 * 8, offset), "the offsets of an item");
    }
    assert_eq!(refused(8 + 3 * 8, -8), "a negative count or offset");
}

/// Twelve million bytes claim to be one slot: there are as many, but no format says so.
#[test]
fn a_slot_no_format_can_name_is_refused() {
    let len = 12_000_000_usize;
    let memory = SharedMemory::anonymous(3 * 8 + len + 9).unwrap();
    let header = [word(1), word(0), word(len as i64)].concat();
    overwrite(&memory, 0, &header);
    let Err(ListError::Corrupt { what }) = SharedList::open(memory) else { panic!("it was taken") };
    assert_eq!(what, "the offsets of an item");
}

/// In a list that is open already, where nobody looks at all of its offsets any more.
#[test]
fn an_item_that_would_reach_into_another_is_refused() {
    let good = cpython::create(&["first".into(), "second".into()]);
    let (data_at, formats_at) = (32, 48);
    for (at, bytes, expected) in [
        (16, word(24), "the offsets of an item"), // the first, into the formats
        (16, word(-8), "a negative count or offset"),
        (16, word(4), "the offsets of an item"),
        (24, word(24), "its number of items, or its first or last offset"),
        (0, word(1), "its number of items, or its first or last offset"),
        (formats_at, [0; 8], "it has no format, as while CPython sets it"),
        (formats_at, *b"9s\0\0\0\0\0\0", "it is longer than its slot"),
        (formats_at, *b"9999999s", "it is longer than its slot"),
        (formats_at, *b"xxxxxx?x", "its format and its code contradict each other"),
    ] {
        let memory = memory_of(&good);
        let list = SharedList::open(memory.clone()).unwrap();
        overwrite(&memory, at, &bytes);
        let what = match list.get(0) {
            Err(ListError::Corrupt { what }) if at < data_at => what,
            Err(ListError::CorruptItem { index: 0, what }) if at >= data_at => what,
            other => panic!("{bytes:?} at {at} gave {other:?}"),
        };
        assert_eq!(what, expected);
        let before = dump(&memory);
        if at < data_at {
            assert!(matches!(list.set(0, "text"), Err(ListError::Corrupt { .. })));
            assert_eq!(dump(&memory), before);
        } else {
            list.set(0, "text").unwrap();
            assert_eq!(list.to_vec().unwrap(), ["text".into(), Item::from("second")]);
        }
    }
}

/// A stranger moves the border between two slots to and fro, each of which claims nearly all of the data: copies of them all
/// would be more than there is.
#[test]
fn slots_over_each_other_are_not_all_copied() {
    let _watchdog = Watchdog::with_limit(120);
    let memory = memory_of(&cpython::create(&[vec![7; 1600].into(), b"".into()]));
    let list = SharedList::open(memory.clone()).unwrap();
    let (data_at, data_len) = (32, 1608 + 8);
    overwrite(&memory, data_at, &vec![7; data_len]);
    overwrite(&memory, data_at + data_len, &b"1608s\0\0\0".repeat(2));
    let (done, mut met) = (AtomicBool::new(false), 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: inside the memory and aligned; the list, too, uses atomics alone.
            let border = unsafe { AtomicU64::from_ptr(memory.as_ptr().add(16).cast()) };
            while !done.load(Relaxed) {
                border.store(8, Relaxed);
                border.store(1608, Relaxed);
            }
        });
        let _end = SetAtEnd(&done);
        while met < 10 {
            let Err(ListError::Corrupt { what } | ListError::CorruptItem { what, .. }) = list.to_vec() else {
                panic!("more than there is")
            };
            met += usize::from(what == "its offsets change while they are read");
        }
    });
}

/// Sets it when the scope is left, by a panic too.
struct SetAtEnd<'d>(&'d AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Another thread writes wild bytes and puts good ones back while all calls are made.
#[test]
fn a_stranger_who_writes_all_the_time_is_survived() {
    let _watchdog = Watchdog::with_limit(120);
    let good = cpython::create(&one_of_each());
    let memory = memory_of(&good);
    guard(&memory, 0x5a);
    let done = AtomicBool::new(false);
    let mut told = [0_usize; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = 1_u64;
            while !done.load(Relaxed) {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (kind, value) = (random >> 33, (random >> 40) % 130);
                let at = (random >> 45) as usize % (good.len() / 8) * 8;
                // SAFETY: inside the memory and aligned; the list, too, uses atomics alone.
                let word = unsafe { AtomicU64::from_ptr(memory.as_ptr().add(at).cast()) };
                match kind % 4 {
                    0 => word.store(value * 8, Relaxed),
                    1 => word.store(random, Relaxed),
                    2 => {
                        // SAFETY: as above.
                        let code =
                            unsafe { AtomicU8::from_ptr(memory.as_ptr().add(240 + value as usize % 9)) };
                        code.store(random as u8 % 5, Relaxed);
                    }
                    _ => overwrite(&memory, 0, &good),
                }
            }
        });
        let _end = SetAtEnd(&done);
        for _ in 0..3000 {
            match SharedList::open(memory.clone()) {
                Ok(list) => {
                    told[0] += 1;
                    exercise(&list, &written(), Others::Writing);
                }
                Err(ListError::Corrupt { .. } | ListError::CorruptItem { .. }) => told[1] += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    assert!(is_guarded(&memory, 0x5a));
    assert!(told[0] > 0 && told[1] > 0, "both were met: {told:?}");
    SharedList::create_in(&memory, &one_of_each()).unwrap();
    assert_eq!(dump(&memory), good);
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("list", attack(), survive);
}
