//! One item is read, and believed if its parts agree.

use std::ops::Range;

use super::bytes::{Bytes, WORD};
use super::format::{Format, Kind};
use super::{Item, ListError, SharedList};

impl SharedList {
    /// What is in a slot.
    pub(super) fn read(&self, index: usize, slot: &Range<usize>) -> Result<Item, ListError> {
        let bytes = Bytes(&self.memory);
        let corrupt = |what| ListError::CorruptItem { index, what };
        let format = self.format_in(index, slot)?;
        let code = bytes.byte(self.frame.code_at(index))?;
        let at = self.frame.data_at() + slot.start;
        match Kind::of(format, code) {
            Some(Kind::Int) => Ok(Item::Int(i64::from_ne_bytes(bytes.word(at)?))),
            Some(Kind::Float) => Ok(Item::Float(f64::from_ne_bytes(bytes.word(at)?))),
            Some(Kind::Bool) => Ok(Item::Bool(bytes.word(at)?[WORD - 1] != 0)),
            Some(Kind::None) => Ok(Item::None),
            Some(Kind::Bytes(len)) => Ok(Item::Bytes(text(bytes, at, len)?)),
            Some(Kind::Str(len)) => match String::from_utf8(text(bytes, at, len)?) {
                Ok(text) => Ok(Item::Str(text)),
                Err(_) => Err(corrupt("text that is no UTF-8, or cut inside a character")),
            },
            None => Err(corrupt("its format and its code contradict each other")),
        }
    }

    pub(super) fn format_in(&self, index: usize, slot: &Range<usize>) -> Result<Format, ListError> {
        let corrupt = |what| ListError::CorruptItem { index, what };
        let word = Bytes(&self.memory).word(self.frame.format_at(index))?;
        match Format::parse(word) {
            None if word == [0; WORD] => Err(corrupt("it has no format, as while CPython sets it")),
            None => Err(corrupt("its format")),
            Some(Format::Text(len)) if len > slot.len() => Err(corrupt("it is longer than its slot")),
            Some(format) => Ok(format),
        }
    }
}

/// Copies `len` bytes, without the zeros at their end.
fn text(bytes: Bytes<'_>, at: usize, len: usize) -> Result<Vec<u8>, ListError> {
    // First how many words there are, so that a small value in a large slot costs little memory.
    let mut words = len.div_ceil(WORD);
    while words > 0 && bytes.word(at + (words - 1) * WORD)? == [0; WORD] {
        words -= 1;
    }
    let mut copy = Vec::with_capacity(words * WORD);
    for word in 0..words {
        copy.extend_from_slice(&bytes.word(at + word * WORD)?);
    }
    copy.truncate(len);
    let end = copy.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    copy.truncate(end);
    Ok(copy)
}
