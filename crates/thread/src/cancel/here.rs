//! The tokens in whose scopes the calling thread is: its own, outside of all others, and those that it has entered.

use std::cell::RefCell;

use super::error::Cancelled;
use super::token::CancelToken;
use crate::thread::with_own_token;

thread_local! {
    /// The innermost last.
    static TOKENS: RefCell<Vec<CancelToken>> = const { RefCell::new(Vec::new()) };
}

/// The thread is in the scope of a token, until this is dropped.
#[derive(Debug)]
pub(super) struct Here {
    _of_this_thread: std::marker::PhantomData<*const ()>,
}

impl Here {
    pub(super) fn begin(token: &CancelToken) -> Self {
        // Where thread-locals are gone nobody asks for it any more.
        let _ = TOKENS.try_with(|tokens| tokens.borrow_mut().push(token.clone()));
        Self { _of_this_thread: std::marker::PhantomData }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // Dropped when nothing is borrowed any more: it may be the last of its kind.
        let _left = TOKENS.try_with(|tokens| tokens.borrow_mut().pop());
    }
}

/// That of the innermost scope.
pub(super) fn current() -> Option<CancelToken> {
    let entered = TOKENS.try_with(|tokens| tokens.borrow().last().cloned()).ok().flatten();
    entered.or_else(|| with_own_token(CancelToken::clone))
}

pub(super) fn is_cancelled() -> bool {
    with_own_token(CancelToken::is_cancelled) == Some(true)
        || TOKENS.try_with(|tokens| tokens.borrow().iter().any(CancelToken::is_cancelled)).unwrap_or(false)
}

/// Whether the calling thread is to end: one of the tokens in whose scopes it is was cancelled. For loops that wait for nothing.
///
/// ```
/// use multiproc_thread::{CancelToken, Cancelled, check_cancelled};
///
/// fn count(mut work: impl FnMut()) -> Result<u32, Cancelled> {
///     for n in 0..1000 {
///         check_cancelled()?;
///         work();
///     }
///     Ok(1000)
/// }
///
/// assert_eq!(count(|| ()), Ok(1000)); // in nobody's scope
/// let token = CancelToken::new();
/// assert_eq!(token.scope(|| count(|| token.cancel())), Err(Cancelled));
/// ```
///
/// # Errors
///
/// [`Cancelled`].
pub fn check_cancelled() -> Result<(), Cancelled> {
    if is_cancelled() { Err(Cancelled) } else { Ok(()) }
}
