//! The task: counts the words of some files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};

/// A file with a NUL in its first so many bytes is no text.
const HEAD: u64 = 8 << 10;

/// A file as it was when it was listed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Not a `Path`, which serde takes only as UTF-8.
    pub(crate) path: OsString,
    pub(crate) len: u64,
}

/// Files that are counted together: a single small file would not be worth a message.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) files: Vec<Listed>,
    pub(crate) bytes: u64,
}

/// What a batch holds.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The distinct words, each with a space behind it: one string is cheaper to send than many.
    pub(crate) words: String,
    /// How often each of them occurs.
    pub(crate) counts: Vec<u64>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) unreadable: Vec<(OsString, String)>,
}

pub(crate) fn count(batch: Batch) -> Tally {
    let mut tally = Tally::default();
    let mut text = Vec::new();
    for file in batch.files {
        let begin = text.len();
        match read(&file, &mut text) {
            Ok(true) => {
                tally.files += 1;
                tally.bytes += file.len;
                text.push(b'\n');
            }
            Ok(false) => text.truncate(begin),
            Err(e) => {
                text.truncate(begin);
                tally.unreadable.push((file.path, e.to_string()));
            }
        }
    }
    let mut counts = HashMap::<&str, u64>::new();
    let text = String::from_utf8_lossy(&text);
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    for (word, count) in counts {
        tally.words.push_str(word);
        tally.words.push(' ');
        tally.counts.push(count);
    }
    tally
}

/// Adds the file to `text` and says `true`; or `false` if it is binary, when `text` may end in a part of it, as it may
/// on an error.
fn read(listed: &Listed, text: &mut Vec<u8>) -> io::Result<bool> {
    // Should a FIFO have taken the file's place, it must not block.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&listed.path)?;
    let found = file.metadata()?;
    let begin = text.len();
    if found.is_file() && found.len() == listed.len {
        let mut file = file.take(listed.len);
        file.by_ref().take(HEAD).read_to_end(text)?;
        if text[begin..].contains(&0) {
            return Ok(false);
        }
        file.read_to_end(text)?;
        if text.len() - begin == listed.len as usize {
            return Ok(true);
        }
    }
    Err(io::Error::other("it has changed since it was listed"))
}
