//! A named lock, which is counted: whoever is killed in the middle of that, what the others have counted is in the report, and of the
//! dead what it had counted. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // numbers beside the lock, not the lock
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{LockError, Mutex, MutexGuard, contention};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::family;
use super::shared::{Pair, change};

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Counted {
    mutex: Mutex<Pair>,
    /// To have locked once, before what is tested begins.
    spare: Mutex<Pair>,
    /// How often those who survive have taken the mutex.
    taken: AtomicU32,
    /// Survivors that have done all that they do with it.
    finished: AtomicU32,
}

const NAME: &str = "counted";

fn scene() -> Scene<Counted> {
    let registry = family::found();
    let value = Counted {
        mutex: Mutex::new([0; 2]),
        spare: Mutex::new([0; 2]),
        taken: AtomicU32::new(0),
        finished: AtomicU32::new(0),
    };
    // SAFETY: locks and numbers may be zero.
    let shared = unsafe {
        family::share(value, |counted, placement| {
            family::place(&mut counted.mutex, placement);
            family::place(&mut counted.spare, placement);
        })
    };
    shared.mutex.set_name(NAME).expect("the first name of the family");
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Counted {
    fn attach(&self) {
        drop(self.spare.lock().expect("nobody dies with this one"));
    }

    /// Takes the lock, as one who survives.
    fn take(&self, part: &Part) -> MutexGuard<'_, Pair> {
        let mut guard = match self.mutex.lock() {
            Ok(guard) => {
                part.count("Ok");
                assert_eq!(guard[0], guard[1], "torn, and nobody said so");
                guard
            }
            Err(LockError::OwnerDied(mut guard)) => {
                part.count("OwnerDied");
                guard[1] = guard[0];
                MutexGuard::mark_consistent(&mut guard);
                guard
            }
            Err(error) => panic!("not locked: {error}"),
        };
        self.taken.fetch_add(1, SeqCst);
        change(&mut guard);
        guard
    }

    /// Three laps, once everybody is through; who is the last of so many looks at the report.
    fn laps(&self, survivors: u32, part: &Part) {
        part.wait(Cue::Laps);
        (0..3).for_each(|_| drop(self.take(part)));
        if self.finished.fetch_add(1, SeqCst) + 1 == survivors {
            self.check();
        }
    }

    fn check(&self) {
        let report = contention::report();
        let lock = report.lock(NAME).expect("it was taken");
        let (counts, taken) = (lock.total(), u64::from(self.taken.load(SeqCst)));
        let of_the_dead = counts.acquisitions.checked_sub(taken).expect("a survivor's acquisition was lost");
        assert!(of_the_dead <= 1, "one acquisition was counted twice: {counts:?}");
        assert!(counts.holds.count() >= taken, "a survivor's hold was lost: {counts:?}");
        assert!(counts.holds.count() <= counts.acquisitions, "one hold was counted twice: {counts:?}");
        assert!(counts.contended() <= counts.acquisitions);
        assert!(lock.sites.iter().all(|row| row.site.is_some()), "a place was lost with the dead: {lock:?}");
        assert_eq!(report.lost, 0, "a place in the table was lost with the dead");
    }
}

/// Takes the lock, changes the pair, gives it back.
fn victim(counted: &'static Counted, part: &Part) {
    counted.attach();
    part.begin();
    if let Ok(mut guard) = counted.mutex.lock() {
        change(&mut guard);
    }
    part.over();
}

/// Has the lock before the victim begins, until the victim sleeps.
const HOLDER: Peer<Counted> = Peer { name: "holder", fate: Fate::Survives, act: holder };

fn holder(counted: &'static Counted, part: &Part) {
    part.wait(Cue::Hold);
    let guard = counted.take(part);
    part.wait(Cue::Release);
    drop(guard);
    counted.laps(2, part);
}

fn newcomer_alone(counted: &'static Counted, part: &Part) {
    counted.laps(1, part);
}

fn newcomer(counted: &'static Counted, part: &Part) {
    counted.laps(2, part);
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Counted>> {
    let scenario = |name: &str, peers, newcomer: Act<Counted>| Scenario {
        name: name.to_string(),
        outcomes: &["Ok", "OwnerDied"],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers,
        newcomer,
        must_hit: vec![],
        patience: Duration::from_millis(400),
    };
    vec![
        scenario("counted/alone", vec![], newcomer_alone),
        scenario("counted/waiting", vec![HOLDER], newcomer),
    ]
}
