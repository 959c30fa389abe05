//! What a check is, and how it says that something is wrong.

use std::error::Error;
use std::fmt;

use crate::peer::Python;

/// What both sides must agree on in one matter.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Python) -> Judged,
    /// It must be found out when the other side does this.
    pub(crate) lies: &'static [Lie],
}

/// What the other side does otherwise, for the negative control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It tells something else than it has seen: a character of a line is another.
    Words,
    /// It writes something else than it should: a bit in shared memory is another.
    Bytes,
    /// It does the contrary with its resource tracker.
    Tracker,
    /// It ends, and its segment keeps the name.
    Names,
}

impl Lie {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Bytes => "bytes",
            Self::Tracker => "tracker",
            Self::Names => "names",
        }
    }
}

pub(crate) type Judged = Result<(), Failure>;

/// Why a check has not passed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What came is not what should have.
    Wrong(String),
    /// It did not come to that.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(text) => write!(f, "{text}"),
            Self::Broken(text) => write!(f, "broken: {text}"),
        }
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.to_string())
    }
}

/// The judge: both are the same, or it says of what they are not.
pub(crate) fn same<T: fmt::Debug + PartialEq<U>, U: fmt::Debug>(what: &str, found: T, expected: U) -> Judged {
    if found == expected {
        return Ok(());
    }
    let cut = |text: String| text.chars().take(300).collect::<String>();
    let (found, expected) = (cut(format!("{found:?}")), cut(format!("{expected:?}")));
    Err(Failure::Wrong(format!("{what}: {found}, expected {expected}")))
}

/// The judge of what is true or not.
pub(crate) fn holds(what: &str, condition: bool) -> Judged {
    if condition { Ok(()) } else { Err(Failure::Wrong(format!("{what}: it is not so"))) }
}

/// Bytes as digits, as the other side shows them.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.as_ref().len());
    for byte in bytes.as_ref() {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
