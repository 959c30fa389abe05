//! Models of the cancellation. The locks and waits below it are those of multiproc-sync, as they are.

use std::sync::Arc;

use multiproc_sync::interrupt::Alarm;
use multiproc_sync::primitive::model::{check, thread};
use multiproc_sync::{Event, WaitError as SyncError};

use crate::cancel::error::WaitError;
use crate::cancel::token::CancelToken;

fn canceller(token: &CancelToken) -> thread::JoinHandle<()> {
    let token = token.clone();
    thread::spawn(move || token.cancel())
}

/// Whether it was cancelled before, during or after the way into the scope.
#[test]
fn a_wait_in_a_scope_ends() {
    check(|| {
        let (token, never) = (CancelToken::new(), Event::new());
        let canceller = canceller(&token);
        assert_eq!(token.scope(|| never.wait()), Err(SyncError::Interrupted));
        canceller.join().unwrap();
    });
}

/// Neither then, nor in a wait that follows.
#[test]
fn who_has_left_a_scope_is_not_alarmed() {
    check(|| {
        let token = CancelToken::new();
        let canceller = canceller(&token);
        token.scope(|| ());
        canceller.join().unwrap();
        assert!(!Alarm::of_this_thread().is_raised(), "the alarm stays raised");
    });
}

/// Cancelled within or without.
#[test]
fn a_scope_in_a_scope() {
    check(|| {
        let (outer, never) = (CancelToken::new(), Event::new());
        let inner = outer.child();
        let canceller = canceller(&outer);
        outer.scope(|| {
            assert_eq!(inner.scope(|| never.wait()), Err(SyncError::Interrupted));
            assert_eq!(never.wait(), Err(SyncError::Interrupted));
        });
        canceller.join().unwrap();
        assert!(!Alarm::of_this_thread().is_raised(), "the alarm stays raised");
    });
}

/// And a child of that one, whose parent nobody has any more.
#[test]
fn a_child_made_meanwhile() {
    check(|| {
        let token = CancelToken::new();
        let canceller = canceller(&token);
        let grandchild = token.child().child();
        canceller.join().unwrap();
        assert!(grandchild.is_cancelled(), "the cancellation got lost");
    });
}

#[test]
fn two_cancel() {
    check(|| {
        let token = CancelToken::new();
        let child = token.child();
        let canceller = canceller(&token);
        token.cancel();
        assert!(child.is_cancelled(), "it has returned, and a child is not cancelled");
        canceller.join().unwrap();
    });
}

#[test]
fn who_waits_for_it_in_its_scope() {
    check(|| {
        let token = Arc::new(CancelToken::new());
        let theirs = token.clone();
        let waiter = thread::spawn(move || theirs.scope(|| theirs.wait()));
        token.cancel();
        let waited = waiter.join().unwrap();
        assert_ne!(waited, Err(WaitError::Cancelled), "it has come, and the wait was cancelled");
        assert_eq!(waited, Ok(()));
    });
}
