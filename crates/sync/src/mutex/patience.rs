//! How long a caller waits, and who that is.

use crate::WaitError;
use crate::primitive::Deadline;
use crate::watch::Site;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience<'a> {
    /// Not at all.
    None,
    /// Until then.
    Until(&'a Deadline),
    /// For ever.
    Endless,
}

impl<'a> Patience<'a> {
    /// Until when to sleep; an error if not at all.
    pub(crate) fn sleep(self) -> Result<Option<&'a Deadline>, WaitError> {
        match self {
            Self::None => Err(WaitError::TimedOut),
            Self::Until(deadline) => Ok(Some(deadline)),
            Self::Endless => Ok(None),
        }
    }

    /// As the request for a lock, of the caller's caller.
    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(crate) fn request(self) -> Request<'a> {
        self.request_at(Site::here())
    }

    /// As the request for a lock, of one who stands there.
    #[inline(always)]
    pub(crate) fn request_at(self, site: Site) -> Request<'a> {
        Request { patience: self, site }
    }
}

/// A request for a lock: how long its caller waits, and where that stands in the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) patience: Patience<'a>,
    pub(crate) site: Site,
}

impl Request<'_> {
    /// The same, of one who is to read.
    #[inline(always)]
    pub(crate) fn to_read(self) -> Self {
        Self { site: self.site.to_read(), ..self }
    }
}
