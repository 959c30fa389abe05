//! A place in the source.

use std::fmt;

/// A place in the source that has asked for a lock.
///
/// ```
/// let site = multiproc_sync::CallSite::new("src/orders.rs", 41, 17);
/// assert_eq!(site.to_string(), "src/orders.rs:41:17");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct CallSite {
    /// Of a long path, the end.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl CallSite {
    /// A place in a file.
    pub fn new(file: impl Into<String>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column }
    }
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
