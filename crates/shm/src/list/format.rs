//! How an item is laid out: its `struct` format, its code, and the bytes of its slot.

use std::fmt;

use super::bytes::WORD;
use super::{Item, ListError};

/// The longest text that has a slot, in bytes: a slot is longer than what it was made for.
pub(super) const MOST_TEXT: usize = MOST_SLOT - 1;

/// The longest slot: the format of a longer one would not fit into a word.
pub(super) const MOST_SLOT: usize = 9_999_999 / WORD * WORD;

/// The codes of an item, which say what becomes of the value that its format gives.
const AS_IT_IS: u8 = 0;
const STR: u8 = 1;
const BYTES: u8 = 2;
const NONE: u8 = 3;

/// The formats that CPython writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Int,
    Float,
    Bool,
    None,
    /// So many bytes of text.
    Text(usize),
}

/// What an item is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Float,
    Bool,
    None,
    /// So many bytes, UTF-8 and then zeros.
    Str(usize),
    /// So many bytes, and then zeros.
    Bytes(usize),
}

/// What is written into a slot.
pub(super) enum Value<'i> {
    /// Its first word; the rest stays.
    Word([u8; WORD]),
    /// All of it, filled up with zeros.
    Text(&'i [u8]),
}

impl Format {
    const INT: [u8; WORD] = *b"q\0\0\0\0\0\0\0";
    const FLOAT: [u8; WORD] = *b"d\0\0\0\0\0\0\0";
    const BOOL: [u8; WORD] = *b"xxxxxxx?";
    const NONE: [u8; WORD] = *b"xxxxxx?x";

    /// That of an item in a slot of so many bytes.
    pub(super) fn of(item: &Item, slot: usize) -> Self {
        match item {
            Item::Int(_) => Self::Int,
            Item::Float(_) => Self::Float,
            Item::Bool(_) => Self::Bool,
            Item::None => Self::None,
            Item::Str(_) | Item::Bytes(_) => Self::Text(slot),
        }
    }

    /// `None` for what CPython does not write.
    pub(super) fn parse(bytes: [u8; WORD]) -> Option<Self> {
        match bytes {
            Self::INT => Some(Self::Int),
            Self::FLOAT => Some(Self::Float),
            Self::BOOL => Some(Self::Bool),
            Self::NONE => Some(Self::None),
            text => {
                let end = text.iter().rposition(|byte| *byte != 0)?;
                let (last, digits) = text[..=end].split_last()?;
                if *last != b's' || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                let number = digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
                Some(Self::Text(number))
            }
        }
    }

    pub(super) fn to_word(self) -> [u8; WORD] {
        match self {
            Self::Int => Self::INT,
            Self::Float => Self::FLOAT,
            Self::Bool => Self::BOOL,
            Self::None => Self::NONE,
            Self::Text(_) => {
                let (mut word, text) = ([0; WORD], self.to_string());
                debug_assert!(text.len() <= WORD, "no slot is longer than {MOST_SLOT}");
                word.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
                word
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => f.write_str("q"),
            Self::Float => f.write_str("d"),
            Self::Bool => f.write_str("xxxxxxx?"),
            Self::None => f.write_str("xxxxxx?x"),
            Self::Text(len) => write!(f, "{len}s"),
        }
    }
}

impl Kind {
    /// What format and code say together; `None` if they contradict each other.
    pub(super) fn of(format: Format, code: u8) -> Option<Self> {
        match (format, code) {
            (Format::Int, AS_IT_IS) => Some(Self::Int),
            (Format::Float, AS_IT_IS) => Some(Self::Float),
            (Format::Bool, AS_IT_IS) => Some(Self::Bool),
            (Format::None, NONE) => Some(Self::None),
            (Format::Text(len), STR) => Some(Self::Str(len)),
            (Format::Text(len), BYTES) => Some(Self::Bytes(len)),
            _ => None,
        }
    }
}

impl Item {
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => AS_IT_IS,
            Self::Str(_) => STR,
            Self::Bytes(_) => BYTES,
            Self::None => NONE,
        }
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Word(value.to_ne_bytes()),
            Self::Float(value) => Value::Word(value.to_ne_bytes()),
            Self::Bool(value) => Value::Word([0, 0, 0, 0, 0, 0, 0, u8::from(*value)]),
            Self::None => Value::Word([0; WORD]),
            Self::Str(text) => Value::Text(text.as_bytes()),
            Self::Bytes(bytes) => Value::Text(bytes),
        }
    }

    /// How long a slot a new list gives to this item, the `index`th, in bytes.
    pub(super) fn slot_len(&self, index: usize) -> Result<usize, ListError> {
        match self.value() {
            Value::Word(_) => Ok(WORD),
            Value::Text([.., 0]) => Err(ListError::TrailingNul { index }),
            Value::Text(text) if text.len() > MOST_TEXT => Err(ListError::NoSlot { index, len: text.len() }),
            Value::Text(text) => Ok((text.len() / WORD + 1) * WORD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_parsed_and_nothing_else() {
        let formats = [Format::Int, Format::Float, Format::Bool, Format::None];
        let texts = [8, 16, 96, 104, 9_992, 10_000, MOST_SLOT].map(Format::Text);
        for format in formats.into_iter().chain(texts) {
            assert_eq!(Format::parse(format.to_word()), Some(format));
        }
        for other in [
            "", "s", "x", "Q", "qq", "-8s", "+8s", " 8s", "8 s", "8", "8S", "8sq", "8p", "?", "xxxxxxxx",
            "88888888", "x\0?", "8\0s", "ssssssss",
        ] {
            let mut word = [0; WORD];
            word[..other.len()].copy_from_slice(other.as_bytes());
            assert_eq!(Format::parse(word), None, "{other:?}");
        }
        assert_eq!(Format::parse(*b"9999999s"), Some(Format::Text(9_999_999)));
        assert_eq!(MOST_SLOT, 9_999_992);
    }

    #[test]
    fn format_and_code_have_to_agree() {
        let all = [Format::Int, Format::Float, Format::Bool, Format::None, Format::Text(8)];
        let agreeing = |code| all.into_iter().filter(|format| Kind::of(*format, code).is_some()).count();
        assert_eq!((0..=u8::MAX).map(agreeing).filter(|count| *count > 0).collect::<Vec<_>>(), [3, 1, 1, 1]);
    }

    #[test]
    fn a_slot_is_longer_than_its_text() {
        let slot = |len: usize| Item::Bytes(vec![1; len]).slot_len(0);
        for (len, expected) in [(0, 8), (7, 8), (8, 16), (15, 16), (16, 24), (MOST_TEXT, MOST_SLOT)] {
            assert_eq!(slot(len).unwrap(), expected);
        }
        assert!(
            matches!(slot(MOST_TEXT + 1), Err(ListError::NoSlot { index: 0, len }) if len == MOST_TEXT + 1)
        );
        assert_eq!(Item::from("äöüß").slot_len(0).unwrap(), 16, "by bytes, not by characters");
    }
}
