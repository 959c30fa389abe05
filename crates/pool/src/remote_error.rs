//! An error that crosses processes: what it said, and what caused it.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A task's own result: `?` works on any error.
///
/// ```
/// fn count_words(path: String) -> multiproc_pool::Result<usize> {
///     Ok(std::fs::read_to_string(path)?.split_whitespace().count())
/// }
/// let error = count_words("/no/such/file".into()).unwrap_err();
/// assert!(error.to_string().contains("No such file"));
/// ```
pub type Result<T> = std::result::Result<T, RemoteError>;

/// Any error, as text, with the chain of its causes; made by `?`, sent from process to process.
///
/// It does not implement [`Error`] itself, so that every `Error` converts into it; [`into_error`](Self::into_error)
/// gives one.
///
/// ```
/// use multiproc_pool::RemoteError;
/// let cause = "x".parse::<u32>().unwrap_err();
/// let error = RemoteError::from(cause).context("line 3");
/// assert_eq!(error.to_string(), "line 3");
/// assert_eq!(error.chain().collect::<Vec<_>>(), ["line 3", "invalid digit found in string"]);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteError {
    /// The error's own words, then those of its cause, and so on; never empty.
    chain: Vec<String>,
}

impl RemoteError {
    /// An error that says just this.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self { chain: vec![message.to_string()] }
    }

    /// Says what was being done when the error arose; the error becomes its cause.
    #[must_use]
    pub fn context(mut self, message: impl fmt::Display) -> Self {
        self.chain.insert(0, message.to_string());
        self
    }

    /// What the error says, then what its cause says, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(String::as_str)
    }

    /// As an [`Error`] whose `source` is the cause.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        let links = self.chain.into_iter().rev();
        let linked = links.fold(None, |source, message| Some(Box::new(Link { message, source })));
        linked.map_or_else(|| "unknown error".into(), |link| link as Box<dyn Error + Send + Sync>)
    }
}

impl<E: Error> From<E> for RemoteError {
    fn from(error: E) -> Self {
        let causes = std::iter::successors(error.source(), |cause| Error::source(*cause));
        Self { chain: std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect() }
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.chain.first().map_or("unknown error", String::as_str))
    }
}

/// The whole chain: this is what a `main` that returns the error prints.
impl fmt::Debug for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        for cause in self.chain.iter().skip(1) {
            write!(f, "\n  caused by: {cause}")?;
        }
        Ok(())
    }
}

/// One error of a chain.
#[derive(Debug)]
struct Link {
    message: String,
    source: Option<Box<Link>>,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Link {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|link| link as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_its_own_keeps_the_chain() {
        let error = RemoteError::msg("inner").context("outer").into_error();
        assert_eq!(error.to_string(), "outer");
        assert_eq!(error.source().expect("a cause").to_string(), "inner");
        assert!(error.source().and_then(Error::source).is_none());
        assert_eq!(RemoteError::msg("inner").context("outer"), RemoteError::from(&*error));
    }

    #[test]
    fn debug_shows_every_cause() {
        let error = RemoteError::msg("a").context("b").context("c");
        assert_eq!(format!("{error:?}"), "c\n  caused by: b\n  caused by: a");
    }
}
