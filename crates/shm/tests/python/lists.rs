//! ShareableLists: each side reads and sets what the other has made, and what CPython loses is refused here.

use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory};

use crate::check::{Check, Failure, Judged, Lie, hex, holds, same};
use crate::peer::Python;

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "lists/rust's, read by cpython", run: read, lies: &[Lie::Words] },
    Check { name: "lists/cpython's, read by rust", run: made, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "lists/the same bytes", run: same_bytes, lies: &[Lie::Bytes] },
    Check { name: "lists/items set in each other's", run: exchange, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "lists/text that cpython cuts", run: cut, lies: &[Lie::Words] },
    Check { name: "lists/zeros that cpython strips", run: stripped, lies: &[Lie::Words] },
    Check { name: "lists/what does not fit", run: refusals, lies: &[Lie::Words] },
];

/// The longest text that a slot can name, in bytes.
const LONGEST: usize = 9_999_991;

/// An item as the other side writes it.
fn word(item: &Item) -> String {
    match item {
        Item::None => "n:".to_owned(),
        Item::Bool(value) => format!("b:{}", u8::from(*value)),
        Item::Int(value) => format!("i:{value}"),
        Item::Float(value) => format!("f:{}", hex(value.to_bits().to_be_bytes())),
        Item::Str(value) => format!("s:{}", hex(value)),
        Item::Bytes(value) => format!("y:{}", hex(value)),
    }
}

fn words<'i>(items: impl IntoIterator<Item = &'i Item>) -> String {
    items.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// All types, with the values at their edges.
fn edges() -> Vec<Item> {
    let mut items: Vec<Item> = [0, 1, -1, i64::MAX, i64::MIN].map(Item::Int).to_vec();
    let floats = [
        0.0,
        -0.0,
        1.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::MAX,
    ];
    items.extend(floats.map(Item::Float));
    items.extend([true.into(), false.into(), Item::None]);
    let texts = [
        "",
        "a",
        "7 bytes",
        "8 bytes!",
        "fifteen bytes..",
        "sixteen bytes...",
        "\0in\0front",
        "zwölf Köche",
        "🦀",
        "日本語",
    ];
    items.extend(texts.map(Item::from));
    items.extend(
        [&b""[..], b"x", b"\xff\xfe", b"\0\0y", b"1234567", b"12345678", &[0xc3; 100]]
            .map(|bytes| Item::Bytes(bytes.to_vec())),
    );
    items
}

/// The same without what one side or the other does not keep byte for byte: text of several bytes a character.
fn ascii_edges() -> Vec<Item> {
    let is_ascii = |item: &Item| !matches!(item, Item::Str(text) if !text.is_ascii());
    edges().into_iter().filter(is_ascii).collect()
}

/// A list of ours in a segment that the other side finds by its name.
fn named(items: &[Item]) -> Result<SharedList, Failure> {
    let memory = SharedMemory::create_any(SharedList::bytes_needed(items)?)?;
    Ok(SharedList::create_in(&memory, items)?)
}

fn name(list: &SharedList) -> &str {
    list.memory().name().expect("it was created")
}

fn read(python: &Python) -> Judged {
    let mut items = edges();
    items.push(Item::Str("x".repeat(LONGEST)));
    for items in [items, Vec::new()] {
        let ours = named(&items)?;
        let mut peer = python.act("lists.read", &[name(&ours)])?;
        let formats = if items.is_empty() { "none".to_owned() } else { ours.formats()? };
        same("length and formats", peer.hear()?, format!("{} {formats}", items.len()))?;
        for (at, item) in items.iter().enumerate() {
            same(&format!("item {at}"), peer.hear()?, word(item))?;
        }
        let last = items.last().map_or("none".to_owned(), word);
        same("how many None, and the last", peer.hear()?, format!("{} {last}", ours.count(&Item::None)?))?;
        peer.end()?;
    }
    Ok(())
}

fn made(python: &Python) -> Judged {
    // Without what CPython cuts, which is another check.
    let fits =
        |item: &Item| !matches!(item, Item::Str(text) if text.len() > 8 * (text.chars().count() / 8 + 1));
    let items: Vec<Item> = edges().into_iter().filter(fits).collect();
    same("how many it would cut", edges().len() - items.len(), 1)?;
    let mut peer = python.act("lists.made", &[])?;
    peer.say(&words(&items))?;
    let theirs = SharedList::open(peer.hear_segment()?)?;
    same("formats", theirs.formats()?, peer.hear()?)?;
    same("length", theirs.len(), items.len())?;
    for (at, item) in items.iter().enumerate() {
        same(&format!("item {at}"), word(&theirs.get(at)?), word(item))?;
    }
    same(
        "where an item is",
        theirs.index(&"🦀".into())?,
        items.iter().position(|item| *item == "🦀".into()),
    )?;
    peer.say("read")?;
    peer.end()?;
    Ok(())
}

fn same_bytes(python: &Python) -> Judged {
    let items = ascii_edges();
    let mut peer = python.act("lists.made", &[])?;
    peer.say(&words(&items))?;
    let theirs = peer.hear_segment()?;
    peer.hear()?;
    let ours = SharedList::new(&items)?;
    let dump = |memory: &SharedMemory| -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; memory.len()];
        let read = memory.read_at(0, &mut bytes)?;
        same("bytes that are there", read, bytes.len())?;
        Ok(bytes)
    };
    let (theirs_bytes, ours_bytes) = (dump(&theirs)?, dump(ours.memory())?);
    same("lengths", theirs_bytes.len(), ours_bytes.len())?;
    let differs = theirs_bytes.iter().zip(&ours_bytes).position(|(theirs, ours)| theirs != ours);
    same("the first byte that differs", differs, None)?;
    peer.say("read")?;
    peer.end()?;
    Ok(())
}

fn exchange(python: &Python) -> Judged {
    let ours = named(&[0.into(), "0123456789".into(), Item::None, b"bytes".into(), true.into(), 2.5.into()])?;
    let mut peer = python.act("lists.exchange", &[name(&ours)])?;
    // Each type over each other one; the last of all items is what is judged.
    let puts: Vec<(usize, Item)> = vec![
        (0, "text".into()),
        (1, Item::None),
        (1, "zwölf Köche".into()),
        (2, i64::MIN.into()),
        (3, "äöü".into()),
        (4, b"\xff\0\xff".into()),
        (5, false.into()),
        (0, 3.25.into()),
        (3, b"".into()),
        (5, Item::None),
    ];
    for (index, item) in &puts {
        peer.say(&format!("{index} {}", word(item)))?;
    }
    peer.say("end")?;
    let theirs = SharedList::open(peer.hear_segment()?)?;
    let expected: [Item; 6] =
        [3.25.into(), "zwölf Köche".into(), i64::MIN.into(), b"".into(), b"\xff\0\xff".into(), Item::None];
    same("what cpython has set here", words(&ours.to_vec()?), words(&expected))?;

    for (index, item) in [
        (0, Item::None),
        (1, i64::MAX.into()),
        (2, "dreiundzwanzig Bytes ä".into()),
        (3, "".into()),
        (4, b"\0x".into()),
        (5, (-0.0).into()),
        (0, true.into()),
    ] as [(usize, Item); 7]
    {
        theirs.set(index, item)?;
    }
    peer.say("set")?;
    let expected: [Item; 6] = [
        true.into(),
        i64::MAX.into(),
        "dreiundzwanzig Bytes ä".into(),
        "".into(),
        b"\0x".into(),
        (-0.0).into(),
    ];
    same("what is set there", peer.hear()?, words(&expected))?;
    same("formats", peer.hear()?, theirs.formats()?)?;
    peer.end()?;
    Ok(())
}

/// CPython makes a slot for as many bytes as there are characters, and cuts what is longer; its reader then fails, or finds less.
fn cut(python: &Python) -> Judged {
    let texts: [Item; 3] = ["aääääää".into(), "äääääää".into(), "ascii is".into()];
    let ours = named(&texts)?;
    let mut peer = python.act("lists.losses", &[name(&ours)])?;
    same("in ours they are whole", peer.hear()?, words(&texts))?;
    peer.say(&words(&texts))?;
    let theirs = SharedList::open(peer.hear_segment()?)?;
    let (half, cut) = ("UnicodeDecodeError", word(&"ääää".into()));
    same("in its own", peer.hear()?, format!("{half} {cut} {}", word(&texts[2])))?;
    holds("half a character is told", matches!(theirs.get(0), Err(ListError::CorruptItem { .. })))?;
    same("what is left is read as cpython reads it", word(&theirs.get(1)?), cut)?;
    holds("too long for that slot", matches!(theirs.set(1, "äääää"), Err(ListError::TooLong { .. })))?;
    peer.say("read")?;
    peer.end()?;
    Ok(())
}

fn stripped(python: &Python) -> Judged {
    let ours = named(&[b"a".into(), "b".into(), b"".into()])?;
    let mut peer = python.act("lists.losses", &[name(&ours)])?;
    same("without them", peer.hear()?, "y:61 s:62 y:")?;
    peer.say("y:6100 s:620000 y:0000")?;
    let theirs = SharedList::open(peer.hear_segment()?)?;
    same("cpython has lost them", peer.hear()?, "y:61 s:62 y:")?;
    same("as they are", words(&theirs.to_vec()?), "y:61 s:62 y:")?;
    for item in [Item::from(b"a\0"), "b\0\0".into(), b"\0\0".into()] {
        let made = SharedList::new(std::slice::from_ref(&item)).err();
        let set = theirs.set(0, item.clone()).err();
        for refused in [made, set] {
            holds("refused", matches!(refused, Some(ListError::TrailingNul { .. })))?;
        }
    }
    same("what was refused has changed nothing", words(&theirs.to_vec()?), "y:61 s:62 y:")?;
    peer.say("read")?;
    peer.end()?;
    Ok(())
}

fn refusals(python: &Python) -> Judged {
    let items: [Item; 3] = [5.into(), "short".into(), b"fourteen bytes".into()];
    let ours = named(&items)?;
    let mut peer = python.act("lists.refusals", &[name(&ours)])?;
    same("what is too long", peer.hear()?, "ValueError ValueError ValueError")?;
    same("what is not there, or no 64 bits", peer.hear()?, "IndexError error IndexError")?;
    // Its `struct` clears the slot before it finds that the number is too large.
    let left = words([&0.into(), &items[1], &items[2]]);
    same("ours is as it was, but for the number", words(&ours.to_vec()?), left)?;
    let theirs = SharedList::open(peer.hear_segment()?)?;
    let too_long = |set| matches!(set, Err(ListError::TooLong { slot: 8, .. }));
    holds("too long there", too_long(theirs.set(0, "nine more")) && too_long(theirs.set(1, vec![1; 9])))?;
    let beyond = matches!(theirs.get(2), Err(ListError::OutOfRange { .. }));
    holds("not there", beyond && matches!(theirs.set(2, 1), Err(ListError::OutOfRange { .. })))?;
    peer.say("tried")?;
    same("theirs is as it was", peer.hear()?, words(&["short".into(), 5.into()]))?;
    peer.end()?;
    Ok(())
}
