//! Lists beside a model of CPython's: what either writes the other reads, and the bytes are the same.

mod lists;

use lists::{cpython, dump, memory_of, one_of_each};
use multiproc_shm::SharedList;
use multiproc_shm::list::{Item, ListError};
use proptest::collection::vec;
use proptest::prelude::*;

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any item, with text that is rather short, and rather often of several bytes a character or with zeros in it.
fn item() -> impl Strategy<Value = Item> {
    let letter = prop_oneof![4 => any::<char>(), 2 => prop::char::range('a', 'z'), 1 => Just('\0')];
    prop_oneof![
        any::<i64>().prop_map(Item::Int),
        any::<u64>().prop_map(|bits| Item::Float(f64::from_bits(bits))),
        any::<bool>().prop_map(Item::Bool),
        Just(Item::None),
        vec(letter, 0..20).prop_map(|letters| Item::Str(letters.into_iter().collect())),
        vec(prop_oneof![any::<u8>(), Just(0)], 0..40).prop_map(Item::Bytes),
    ]
}

fn ascii() -> impl Strategy<Value = Item> {
    item().prop_map(|item| match item {
        Item::Str(text) => Item::Str(text.chars().filter(char::is_ascii).collect()),
        other => other,
    })
}

/// The item without the zeros at its end, which CPython loses.
fn stripped(item: Item) -> Item {
    match item {
        Item::Str(text) => Item::Str(text.trim_end_matches('\0').to_owned()),
        Item::Bytes(mut bytes) => {
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            Item::Bytes(bytes)
        }
        other => other,
    }
}

/// Equality that tells one `NaN` from another, and 0 from -0.
fn same(left: &Item, right: &Item) -> bool {
    match (left, right) {
        (Item::Float(left), Item::Float(right)) => left.to_bits() == right.to_bits(),
        _ => left == right,
    }
}

fn all_same(left: &[Item], right: &[Item]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
}

#[test]
fn the_model_writes_what_cpython_was_seen_to_write() {
    let ours = SharedList::new(&one_of_each()).unwrap();
    assert_eq!(cpython::create(&one_of_each()), dump(ours.memory()));
    let zeros = cpython::create(&[b"a\0".into(), "b\0\0".into()]);
    assert_eq!(cpython::to_vec(&zeros).unwrap(), [b"a".into(), Item::from("b")], "its first bug");
    let cut = cpython::create(&["äääääää".into()]);
    assert_eq!(cpython::get(&cut, 0).unwrap(), "ääää".into(), "its second");
    let cut = cpython::create(&["aääääää".into()]);
    assert_eq!(cpython::get(&cut, 0), Err(cpython::Raised::UnicodeDecode));
}

/// What cannot be read is the item alone, and a value that fits makes it whole.
#[test]
fn text_that_cpython_cut_is_told_and_can_be_replaced() {
    let list =
        SharedList::open(memory_of(&cpython::create(&[1.into(), "aääääää".into(), 2.into()]))).unwrap();
    let Err(ListError::CorruptItem { index: 1, what }) = list.get(1) else { panic!("it was cut") };
    assert_eq!(what, "text that is no UTF-8, or cut inside a character");
    assert_eq!((list.get(0).unwrap(), list.get(2).unwrap()), (1.into(), 2.into()));
    list.set(1, "aäää").unwrap();
    assert_eq!(cpython::get(&dump(list.memory()), 1).unwrap(), "aäää".into());
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn cpython_reads_what_is_written(items in vec(item().prop_map(stripped), 0..12)) {
        let list = SharedList::new(&items).unwrap();
        let bytes = dump(list.memory());
        prop_assert!(all_same(&cpython::to_vec(&bytes).unwrap(), &items));
        prop_assert_eq!(cpython::formats(&bytes), list.formats().unwrap());
        prop_assert!(all_same(&list.to_vec().unwrap(), &items));
    }

    #[test]
    fn what_cpython_writes_is_read(items in vec(item(), 0..12)) {
        let bytes = cpython::create(&items);
        let list = SharedList::open(memory_of(&bytes)).unwrap();
        prop_assert_eq!(list.len(), items.len());
        for index in 0..items.len() {
            match (list.get(index), cpython::get(&bytes, index)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{ours:?} {theirs:?}"),
                (Err(ListError::CorruptItem { .. }), Err(cpython::Raised::UnicodeDecode)) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
        }
        prop_assert_eq!(cpython::formats(&bytes), list.formats().unwrap());
    }

    /// Of text in ASCII not even the slots differ.
    #[test]
    fn bytes_are_equal_after_the_same_calls(
        items in vec(ascii().prop_map(stripped), 1..8),
        calls in vec((any::<prop::sample::Index>(), item().prop_map(stripped)), 0..24),
    ) {
        let list = SharedList::new(&items).unwrap();
        let mut theirs = cpython::create(&items);
        prop_assert_eq!(&dump(list.memory()), &theirs);
        for (index, item) in calls {
            let index = index.index(items.len());
            match (list.set(index, item.clone()), cpython::set(&mut theirs, index, &item)) {
                (Ok(()), Ok(())) | (Err(ListError::TooLong { .. }), Err(cpython::Raised::Value)) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
            prop_assert_eq!(&dump(list.memory()), &theirs);
        }
    }

    /// In a list that CPython made, where slots are shorter.
    #[test]
    fn what_cpython_sets_is_read(
        items in vec(item(), 1..8),
        calls in vec((any::<prop::sample::Index>(), item()), 0..24),
    ) {
        let mut bytes = cpython::create(&items);
        for (index, item) in calls {
            let index = index.index(items.len());
            if cpython::set(&mut bytes, index, &item).is_ok() {
                let list = SharedList::open(memory_of(&bytes)).unwrap();
                prop_assert!(same(&list.get(index).unwrap(), &stripped(item)));
                prop_assert_eq!(cpython::formats(&bytes), list.formats().unwrap());
            }
        }
    }
}
