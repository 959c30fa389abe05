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

/// The system refuses the first time; who was refused tries again.
#[test]
fn one_is_refused_and_tries_again() {
    check(|| {
        let phase = Arc::new(Phase::<&str, u32>::prepared("plan"));
        // Of the standard library: the system, it decides nothing of how threads meet.
        let asked = Arc::new(AtomicU32::new(0));
        let ask = |asked: &AtomicU32| match asked.fetch_add(1, Relaxed) {
            0 => Err("refused"),
            n => Ok(n),
        };
        let starts = move |phase: &Phase<&str, u32>, asked: &AtomicU32| match phase.start(|_| ask(asked)) {
            Err(Unstarted::Refused("refused")) => phase.start(|_| ask(asked)),
            told => told,
        };
        let (theirs, their_asked) = (phase.clone(), asked.clone());
        let other = thread::spawn(move || starts(&theirs, &their_asked));
        let told = [starts(&phase, &asked), other.join().unwrap()];
        assert!(told == [Ok(()), Err(Unstarted::Already)] || told == [Err(Unstarted::Already), Ok(())]);
        assert_eq!(asked.load(Relaxed), 2);
    });
}
