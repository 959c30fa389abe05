//! A model of CPython's `ShareableList`: what it does with bytes, its two bugs included. Written from the table of its layout,
//! and from the rules of `struct`; nothing of ours is used.

use multiproc_shm::list::Item;

/// Which of its errors it raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raised {
    Index,
    Value,
    Struct,
    UnicodeDecode,
    Key,
    Attribute,
}

/// What `struct.unpack_from` gives for a format of one value.
enum Unpacked {
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
}

fn number(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn unpack(format: &str, bytes: &[u8]) -> Result<Unpacked, Raised> {
    let (mut at, mut count, mut found) = (0, String::new(), None);
    for letter in format.chars() {
        if letter.is_ascii_digit() {
            count.push(letter);
            continue;
        }
        let many: usize = if count.is_empty() { 1 } else { count.parse().unwrap() };
        let len = if "qd".contains(letter) { 8 * many } else { many };
        let value = bytes.get(at..at + len).ok_or(Raised::Struct)?;
        match letter {
            'q' => found = Some(Unpacked::Int(number(value, 0))),
            'd' => found = Some(Unpacked::Float(f64::from_bits(number(value, 0) as u64))),
            '?' => found = Some(Unpacked::Bool(value[0] != 0)),
            's' => found = Some(Unpacked::Bytes(value.to_vec())),
            'x' => {}
            _ => return Err(Raised::Struct),
        }
        at += len;
        count.clear();
    }
    found.ok_or(Raised::Value)
}

struct Parts {
    items: usize,
    data: usize,
    formats: usize,
    codes: usize,
}

fn parts(bytes: &[u8]) -> Parts {
    let items = number(bytes, 0) as usize;
    let data = 8 * (items + 2);
    let formats = data + number(bytes, 8 + 8 * items) as usize;
    Parts { items, data, formats, codes: formats + 8 * items }
}

fn format_of(bytes: &[u8], index: usize) -> String {
    let at = parts(bytes).formats + 8 * index;
    String::from_utf8(bytes[at..at + 8].to_vec()).unwrap().trim_end_matches('\0').to_owned()
}

/// `list[index]`
pub(crate) fn get(bytes: &[u8], index: usize) -> Result<Item, Raised> {
    let Parts { items, data, codes, .. } = parts(bytes);
    if index >= items {
        return Err(Raised::Index);
    }
    let at = data + number(bytes, 8 + 8 * index) as usize;
    let value = unpack(&format_of(bytes, index), &bytes[at..])?;
    let stripped = |mut text: Vec<u8>| {
        while text.last() == Some(&0) {
            text.pop();
        }
        text
    };
    match (bytes[codes + index], value) {
        (0, Unpacked::Int(value)) => Ok(Item::Int(value)),
        (0, Unpacked::Float(value)) => Ok(Item::Float(value)),
        (0, Unpacked::Bool(value)) => Ok(Item::Bool(value)),
        (0, Unpacked::Bytes(value)) => Ok(Item::Bytes(value)),
        (1, Unpacked::Bytes(value)) => {
            String::from_utf8(stripped(value)).map(Item::Str).map_err(|_| Raised::UnicodeDecode)
        }
        (2, Unpacked::Bytes(value)) => Ok(Item::Bytes(stripped(value))),
        (1 | 2, _) => Err(Raised::Attribute),
        (3, _) => Ok(Item::None),
        _ => Err(Raised::Key),
    }
}

/// `list(list)`
pub(crate) fn to_vec(bytes: &[u8]) -> Result<Vec<Item>, Raised> {
    (0..parts(bytes).items).map(|index| get(bytes, index)).collect()
}

/// `list.format`
pub(crate) fn formats(bytes: &[u8]) -> String {
    (0..parts(bytes).items).map(|index| format_of(bytes, index)).collect()
}

/// What a new list takes for an item: its format, its slot's length and its code.
fn plan(item: &Item) -> (String, usize, u8) {
    let text = |len: usize, code| {
        let slot = 8 * (len / 8 + 1);
        (format!("{slot}s"), slot, code)
    };
    match item {
        Item::Int(_) => ("q".into(), 8, 0),
        Item::Float(_) => ("d".into(), 8, 0),
        Item::Bool(_) => ("xxxxxxx?".into(), 8, 0),
        Item::None => ("xxxxxx?x".into(), 8, 3),
        Item::Str(value) => text(value.chars().count(), 1), // the bug: not in bytes
        Item::Bytes(value) => text(value.len(), 2),
    }
}

/// `struct.pack_into` for one value; `s` cuts what is too long, and fills up what is too short.
fn pack(format: &str, item: &Item, to: &mut [u8]) {
    match item {
        Item::Int(value) => to[..8].copy_from_slice(&value.to_le_bytes()),
        Item::Float(value) => to[..8].copy_from_slice(&value.to_le_bytes()),
        Item::Bool(value) => to[..8].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, (*value).into()]),
        Item::None => to[..8].fill(0),
        Item::Str(_) | Item::Bytes(_) => {
            let len: usize = format.strip_suffix('s').unwrap().parse().unwrap();
            to[..len].fill(0);
            to[..len].iter_mut().zip(encoded(item)).for_each(|(to, from)| *to = *from);
        }
    }
}

fn encoded(item: &Item) -> &[u8] {
    match item {
        Item::Str(value) => value.as_bytes(),
        Item::Bytes(value) => value,
        _ => &[],
    }
}

/// `ShareableList(items)`
pub(crate) fn create(items: &[Item]) -> Vec<u8> {
    let plans: Vec<_> = items.iter().map(plan).collect();
    let mut bytes = (items.len() as i64).to_le_bytes().to_vec();
    let mut offset = 0_i64;
    bytes.extend(offset.to_le_bytes());
    for (_, slot, _) in &plans {
        offset += *slot as i64;
        bytes.extend(offset.to_le_bytes());
    }
    for (item, (format, slot, _)) in items.iter().zip(&plans) {
        let mut value = vec![0; *slot];
        pack(format, item, &mut value);
        bytes.extend(value);
    }
    for (format, ..) in &plans {
        bytes.extend(format!("{format:\0<8}").bytes());
    }
    bytes.extend(plans.iter().map(|(.., code)| *code));
    bytes
}

/// `list[index] = item`
pub(crate) fn set(bytes: &mut [u8], index: usize, item: &Item) -> Result<(), Raised> {
    let Parts { items, data, formats, codes } = parts(bytes);
    if index >= items {
        return Err(Raised::Index);
    }
    let [start, end] = [index, index + 1].map(|index| number(bytes, 8 + 8 * index) as usize);
    let (mut format, _, code) = plan(item);
    if matches!(item, Item::Str(_) | Item::Bytes(_)) {
        if encoded(item).len() > end - start {
            return Err(Raised::Value);
        }
        let current = format_of(bytes, index);
        format = if current.ends_with('s') { current } else { format!("{}s", end - start) };
    }
    let at = formats + 8 * index;
    bytes[at..at + 8].copy_from_slice(format!("{format:\0<8}").as_bytes());
    bytes[codes + index] = code;
    pack(&format, item, &mut bytes[data + start..data + end]);
    Ok(())
}
