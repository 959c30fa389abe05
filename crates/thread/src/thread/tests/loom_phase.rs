//! Models of a handle that several threads start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use multiproc_sync::primitive::model::{check, thread};

use crate::thread::phase::{Phase, Unstarted};

/// Two start it; one does.
#[test]
fn one_of_two_starts_it() {
    check(|| {
        let phase = Arc::new(Phase::prepared("plan"));
        let starts = |phase: &Phase<&str, u32>| phase.start(|_| Ok::<_, ()>(1)).is_ok();
        let theirs = phase.clone();
        let other = thread::spawn(move || starts(&theirs));
        let mine = starts(&phase);
        assert_ne!(mine, other.join().unwrap(), "both have started it, or neither");
        let phase = Arc::into_inner(phase).expect("the other has ended");
        assert_eq!(phase.into_running(), Some(1));
    });
}

/// The system refuses the first; the second starts it, or has been refused itself.
#[test]
fn one_is_refused_and_the_other_starts_it() {
    check(|| {
        let phase = Arc::new(Phase::<&str, u32>::prepared("plan"));
        // Of the standard library: the system, it decides nothing of how threads meet.
        let asked = Arc::new(AtomicU32::new(0));
        let ask = move |asked: &AtomicU32| match asked.fetch_add(1, Relaxed) {
            0 => Err("refused"),
            n => Ok(n),
        };
        let (theirs, their_asked) = (phase.clone(), asked.clone());
        let other = thread::spawn(move || theirs.start(|_| ask(&their_asked)));
        let mine = phase.start(|_| ask(&asked));
        let theirs = other.join().unwrap();
        let refused = Err(Unstarted::Refused("refused"));
        assert!(
            (mine == Ok(()) && theirs == refused) || (mine == refused && theirs == Ok(())),
            "started twice"
        );
        assert_eq!(phase.start(|_| ask(&asked)), Err(Unstarted::Already));
    });
}
