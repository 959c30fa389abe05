//! Time, which passes when a thread of the model says so.

use std::fmt;
use std::sync::Arc;

use loom::sync::Mutex;

use super::futex::{Sleeper, Word};

/// When a wait ends: as soon as some thread of the model calls [`pass`](Self::pass). As it may do so in any order with the steps of
/// others, each way to be late is tried.
///
/// ```no_run
/// use multiproc_sync::{LockError, Mutex};
/// use multiproc_sync::primitive::{Deadline, model};
///
/// model::check(|| {
///     let (mutex, deadline) = (Mutex::new(()), Deadline::new());
///     let _guard = mutex.lock().unwrap();
///     deadline.pass();
///     assert!(matches!(mutex.lock_deadline(deadline), Err(LockError::TimedOut)));
/// });
/// ```
#[derive(Clone, Default)]
pub struct Deadline(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    passed: bool,
    sleepers: Vec<(Arc<Word>, Arc<Sleeper>)>,
}

impl Deadline {
    /// One that has not passed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets it pass: who sleeps until then is woken.
    pub fn pass(&self) {
        let late = {
            let mut state = self.lock();
            state.passed = true;
            std::mem::take(&mut state.sleepers)
        };
        for (word, sleeper) in late {
            word.time_out(&sleeper);
        }
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.lock().passed
    }

    /// Has a sleeper roused when it passes; `false`: it has passed.
    pub(super) fn is_to_rouse(&self, word: &Arc<Word>, sleeper: &Arc<Sleeper>) -> bool {
        let mut state = self.lock();
        if !state.passed {
            state.sleepers.push((word.clone(), sleeper.clone()));
        }
        !state.passed
    }

    fn lock(&self) -> loom::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody dies with a deadline locked")
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").finish_non_exhaustive()
    }
}
