//! What may be the name of a segment.

use std::fmt;
use std::path::PathBuf;

use super::manifest;
use crate::error::ShmError;
use crate::names::MAX_NAME;
use crate::sys::folder;

/// The name of a file in the folder that is no file of this crate's own, without the slash that may stand before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// A name that this crate may give: one that CPython can open as well.
    pub(crate) fn parse_new(text: &str) -> Result<Self, ShmError> {
        let name = Self::parse(text)?;
        let refused = |why| Err(ShmError::Name { name: text.to_owned(), why });
        match name.as_str() {
            it if it.contains([':', '\n']) => {
                refused("it contains a colon or a line break, which CPython's resource tracker cannot read")
            }
            it if !it.is_ascii() => {
                refused("it contains letters beyond ASCII, which CPython's resource tracker cannot write")
            }
            _ => Ok(name),
        }
    }

    /// A name that a file may have, whoever gave it.
    pub(crate) fn parse(text: &str) -> Result<Self, ShmError> {
        let name = text.strip_prefix('/').unwrap_or(text);
        let refused = |why| Err(ShmError::Name { name: text.to_owned(), why });
        match name {
            "" => refused("it is empty"),
            "." | ".." => refused("it stands for a folder"),
            _ if name.len() > MAX_NAME => refused("it is longer than 255 bytes"),
            _ if name.contains('/') => refused("it contains a slash, which may stand in front only, once"),
            _ if name.contains('\0') => refused("it contains a byte 0"),
            _ if name.starts_with(manifest::PREFIX) => {
                refused("names that begin with `multiproc.` are kept for this crate's own files")
            }
            _ => Ok(Self(name.to_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        folder::path(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_in_front_is_no_part_of_the_name() {
        assert_eq!(Name::parse("/psm_0123abcd").unwrap(), Name::parse("psm_0123abcd").unwrap());
        assert_eq!(Name::parse(&"x".repeat(255)).unwrap().as_str().len(), 255);
        assert!(Name::parse(&format!("/{}", "x".repeat(255))).is_ok());
        assert!(Name::parse("...").is_ok());
        assert!(Name::parse("multiproc").is_ok());
    }

    #[test]
    fn each_rule_is_told() {
        let long = "é".repeat(128);
        let cases = [
            ("", "empty"),
            ("/", "empty"),
            ("//a", "slash"),
            ("a/b", "slash"),
            ("../x", "slash"),
            ("a/", "slash"),
            (".", "folder"),
            ("/..", "folder"),
            ("a\0", "byte 0"),
            ("multiproc.1.x", "kept"),
            (&long, "255"),
        ];
        for (text, word) in cases {
            match Name::parse(text) {
                Err(ShmError::Name { name, why }) => {
                    assert_eq!(name, text);
                    assert!(why.contains(word), "{text:?}: {why}");
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_python_cannot_track_is_opened_and_not_made() {
        for (text, word) in [("a:b", "colon"), ("/a\nb", "line break"), ("zürich", "ASCII")] {
            let refused = Name::parse_new(text);
            assert!(matches!(&refused, Err(ShmError::Name { why, .. }) if why.contains(word)), "{refused:?}");
            assert!(Name::parse(text).is_ok(), "{text:?}");
        }
        assert!(Name::parse_new("a/b").is_err());
        assert_eq!(Name::parse_new("/a-b").unwrap(), Name::parse("a-b").unwrap());
    }
}
