//! The value that is made once, between threads and between processes, and what could be done to it. `unsafe`: forks in the middle, bytes of
//! nothing.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counters beside it, not the thing itself

mod common;

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, map, reap, share};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_sync::{Once, OnceError, OnceLock, SetErrorKind, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

type Pair = [u64; 2];

/// One in private memory, and one in shared.
fn both() -> [&'static OnceLock<Pair>; 2] {
    [Box::leak(Box::new(OnceLock::new())), share(OnceLock::new())]
}

fn never<T>() -> T {
    panic!("there is a value already")
}

#[test]
fn the_first_value_stays() {
    for cell in both() {
        assert_eq!((cell.get(), cell.try_wait()), (None, Err(WaitError::TimedOut)));
        assert_eq!(cell.get_or_init(|| [1, 2]), Ok(&[1, 2]));
        assert_eq!((cell.get(), cell.try_wait(), cell.wait()), (Some(&[1, 2]), Ok(&[1, 2]), Ok(&[1, 2])));
        let all = [
            cell.get_or_init(never),
            cell.try_get_or_init(never),
            cell.get_or_init_timeout(Duration::ZERO, never),
            cell.get_or_init_timeout(Duration::MAX, never),
            cell.get_or_init_deadline(Instant::now(), never),
            cell.get_or_try_init(never),
            cell.try_get_or_try_init(never),
            cell.get_or_try_init_timeout(Duration::ZERO, never),
            cell.get_or_try_init_deadline(Instant::now(), never),
        ];
        assert!(all.iter().all(|got| *got == Ok(&[1, 2])));
        assert_eq!(cell.wait_timeout(Duration::ZERO), Ok(&[1, 2]));
        assert_eq!(cell.wait_timeout(Duration::MAX), Ok(&[1, 2]));
        assert_eq!(cell.wait_deadline(Instant::now()), Ok(&[1, 2]));
        let sets: [fn(&OnceLock<Pair>) -> _; 4] = [
            |cell| cell.set([7, 7]),
            |cell| cell.try_set([7, 7]),
            |cell| cell.set_timeout(Duration::ZERO, [7, 7]),
            |cell| cell.set_deadline(Instant::now(), [7, 7]),
        ];
        for set in sets {
            let late = set(cell).unwrap_err();
            assert_eq!((late.value, late.kind), ([7, 7], SetErrorKind::AlreadySet));
        }
        assert_eq!(cell.get(), Some(&[1, 2]));
    }
}

#[test]
fn each_way_to_make_it_makes_it() {
    type Way = fn(&OnceLock<Pair>) -> bool;
    let ways: [Way; 12] = [
        |cell| cell.get_or_init(|| [5, 6]).is_ok(),
        |cell| cell.try_get_or_init(|| [5, 6]).is_ok(),
        |cell| cell.get_or_init_timeout(Duration::ZERO, || [5, 6]).is_ok(),
        |cell| cell.get_or_init_deadline(Instant::now(), || [5, 6]).is_ok(),
        |cell| cell.get_or_try_init(|| Ok::<_, ()>([5, 6])).is_ok(),
        |cell| cell.try_get_or_try_init(|| Ok::<_, ()>([5, 6])).is_ok(),
        |cell| cell.get_or_try_init_timeout(Duration::MAX, || Ok::<_, ()>([5, 6])).is_ok(),
        |cell| cell.get_or_try_init_deadline(Instant::now(), || Ok::<_, ()>([5, 6])).is_ok(),
        |cell| cell.set([5, 6]).is_ok(),
        |cell| cell.try_set([5, 6]).is_ok(),
        |cell| cell.set_timeout(Duration::MAX, [5, 6]).is_ok(),
        |cell| cell.set_deadline(Instant::now(), [5, 6]).is_ok(),
    ];
    for way in ways {
        for cell in both() {
            assert!(way(cell));
            assert_eq!(cell.get(), Some(&[5, 6]));
        }
    }
}

#[test]
fn all_threads_get_the_same_value() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..100 {
        for cell in both() {
            let together = Barrier::new(8);
            let got = thread::scope(|scope| {
                let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|n| {
                    let together = &together;
                    scope.spawn(move || {
                        together.wait();
                        *cell.get_or_init(|| [n, n]).unwrap()
                    })
                });
                threads.map(|thread| thread.join().unwrap())
            });
            assert!(got[0][0] == got[0][1] && got.iter().all(|pair| *pair == got[0]), "{got:?}");
        }
    }
}

#[test]
fn all_processes_get_the_same_value() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..30 {
        let (cell, come): (&OnceLock<Pair>, _) = (share(OnceLock::new()), flag());
        let get = |n| {
            come.fetch_add(1, SeqCst);
            eventually("all are there", || come.load(SeqCst) == 3);
            *cell.get_or_init(|| [n, n]).unwrap()
        };
        // Looked at again by this process, which must then see the same.
        let told = share(OnceLock::<Pair>::new());
        let others = [fork(|| _ = told.set(get(2))), fork(|| _ = told.set(get(3)))];
        let ours = get(1);
        assert_eq!(others.map(reap), [0; 2]);
        assert_eq!((told.get(), ours[0]), (Some(&ours), ours[1]));
    }
}

#[test]
fn who_fails_is_followed_by_the_next() {
    let _watchdog = Watchdog::with_limit(60);
    for cell in both() {
        assert_eq!(cell.get_or_try_init(|| Err("on purpose")), Err(OnceError::Failed("on purpose")));
        assert_eq!(cell.try_get_or_try_init(|| Err(7)), Err(OnceError::Failed(7)));
        let panics = || cell.get_or_init(|| panic!("on purpose")).is_ok();
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_try_init(|| "8".parse().map(|n| [n, n])), Ok(&[8, 8]));
    }
}

/// The error of the initialiser stands for itself, and the others say what to do.
#[test]
fn errors_tell_what_was_wrong() {
    let cell = OnceLock::<u16>::new();
    let failed = cell.get_or_try_init(|| "http".parse()).unwrap_err();
    assert_eq!(failed.to_string(), "http".parse::<u16>().unwrap_err().to_string());
    cell.get_or_init(|| 1).unwrap();
    let late = cell.set(2).unwrap_err();
    assert_eq!(late.to_string(), "there is a value already, and it stays");
    assert_eq!(format!("{late:?}"), "SetError { kind: AlreadySet, .. }");
    let error: Box<dyn std::error::Error> = Box::new(OnceError::<std::convert::Infallible>::Deadlock);
    assert!(error.to_string().contains("wait for itself"));
}

#[test]
fn a_maker_that_asks_for_its_value_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    for cell in both() {
        let made = cell.get_or_init(|| {
            assert_eq!(cell.get(), None);
            assert_eq!(cell.get_or_init(never), Err(OnceError::Deadlock));
            let refused = cell.set([9, 9]).unwrap_err();
            assert_eq!((refused.value, refused.kind), ([9, 9], SetErrorKind::Refused(OnceError::Deadlock)));
            [1, 1]
        });
        assert_eq!(made, Ok(&[1, 1]));
    }
}

#[test]
fn a_wait_for_a_maker_ends_at_its_deadline() {
    let _watchdog = Watchdog::with_limit(60);
    let timeout = Duration::from_millis(20);
    for cell in both() {
        let begun = Instant::now();
        assert_eq!(cell.wait_timeout(timeout), Err(WaitError::TimedOut));
        let made = cell.get_or_init(|| {
            thread::scope(|scope| {
                let others = scope.spawn(|| {
                    assert_eq!(cell.try_get_or_init(never), Err(OnceError::TimedOut));
                    assert_eq!(cell.get_or_init_timeout(timeout, never), Err(OnceError::TimedOut));
                    let refused = cell.set_timeout(timeout, [2, 2]).unwrap_err();
                    assert_eq!(refused.kind, SetErrorKind::Refused(OnceError::TimedOut));
                    assert_eq!(cell.try_set(refused.value).unwrap_err().value, [2, 2]);
                });
                others.join().unwrap();
            });
            [1, 1]
        });
        assert_eq!(made, Ok(&[1, 1]));
        assert!(begun.elapsed() >= 3 * timeout);
    }
}

/// A maker is killed at work, while others wait for the value in both ways.
#[test]
fn a_killed_maker_is_followed_by_the_next() {
    let _watchdog = Watchdog::with_limit(60);
    let (cell, begun): (&OnceLock<Pair>, _) = (share(OnceLock::new()), flag());
    let victim = fork(|| {
        let _ = cell.get_or_init(|| {
            begun.store(1, SeqCst);
            idle()
        });
    });
    eventually("it has begun", || begun.load(SeqCst) == 1);
    let others = [
        fork(|| assert_eq!(cell.wait(), Ok(&[2, 2]))),
        fork(|| assert_eq!(cell.get_or_init(|| [2, 2]), Ok(&[2, 2]))),
    ];
    eventually("they sleep", || others.iter().all(|fork| state_of(fork.pid()) == Some('S')));
    kill(victim);
    assert_eq!(others.map(reap), [0; 2]);
    assert_eq!(cell.get(), Some(&[2, 2]));
}

/// What the child of a fork makes in the middle is dropped, and the parent's is for both.
#[test]
fn a_fork_in_a_maker_of_a_shared_value_makes_none() {
    let _watchdog = Watchdog::with_limit(60);
    let (cell, parent): (&OnceLock<Pair>, _) = (share(OnceLock::new()), std::process::id());
    let mut child = 0;
    let made = cell.get_or_init(|| {
        // SAFETY: the child ends below, without returning to the harness.
        child = unsafe { libc::fork() };
        if child == 0 {
            return [2, 2];
        }
        assert_eq!(reap(Fork::adopt(child)), 0, "the child is through before there is a value");
        [1, 1]
    });
    if std::process::id() != parent {
        let told = made == Err(OnceError::Forked) && cell.get().is_none();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    assert_eq!(made, Ok(&[1, 1]));
}

/// Says when it is dropped.
struct Counted<'a>(&'a Cell<u32>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn a_value_is_dropped_once_with_its_cell() {
    let drops = Cell::new(0);
    let cell = OnceLock::new();
    assert!(cell.set(Counted(&drops)).is_ok());
    drop(cell.set(Counted(&drops)).unwrap_err());
    assert_eq!(drops.take(), 1, "the one that came too late");
    drop(cell);
    assert_eq!(drops.take(), 1);
    drop(OnceLock::<Counted<'_>>::new());
    let mut cell = OnceLock::from(Counted(&drops));
    drop(cell.take());
    assert_eq!(drops.take(), 1);
    assert!(cell.take().is_none() && cell.get().is_none());
    assert!(cell.set(Counted(&drops)).is_ok());
    assert!(cell.into_inner().is_some());
    assert_eq!(drops.take(), 1);
    mem::forget(OnceLock::from(Counted(&drops)));
    assert_eq!(drops.take(), 0, "leaked");
    const { assert!(mem::needs_drop::<OnceLock<String>>() && !mem::needs_drop::<OnceLock<Pair>>()) }
}

/// A value may borrow what lives as long as its cell, as with the standard library's.
#[test]
fn a_value_may_borrow_from_beside_its_cell() {
    let (number, cell);
    number = 7;
    cell = OnceLock::new();
    assert_eq!(cell.get_or_init(|| &number), Ok(&&7));
}

#[test]
fn a_cell_is_moved_taken_and_changed_as_any_value() {
    let mut cells = [OnceLock::from(1), OnceLock::new()];
    cells.swap(0, 1);
    assert_eq!(cells.each_ref().map(OnceLock::get), [None, Some(&1)]);
    *cells[1].get_mut().unwrap() += 1;
    assert!(cells[0].get_mut().is_none());
    let [first, second] = cells;
    assert_eq!((first.into_inner(), second.clone().into_inner()), (None, Some(2)));
    assert!(second == OnceLock::from(2) && second != OnceLock::new());
    assert_eq!(OnceLock::<u8>::default(), OnceLock::new().clone());
    assert_eq!(format!("{second:?} {:?}", OnceLock::<u8>::new()), "OnceLock(2) OnceLock(<no value>)");
    // Also what threads may not share.
    let local = OnceLock::new();
    local.get_or_init(|| Rc::new(RefCell::new(3))).unwrap().replace(4);
    assert_eq!(local.into_inner().unwrap().take(), 4);
}

#[test]
fn a_cell_is_as_safe_as_its_value() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<OnceLock<String>>();
    shared::<Once>();
}

#[test]
fn a_value_goes_into_shared_memory_with_its_cell() {
    let cell = share(OnceLock::from([3_u32, 4]));
    assert_eq!(reap(fork(|| assert_eq!(cell.get(), Some(&[3, 4])))), 0);
    assert!(cell.set([0, 0]).is_err());
}

/// What needs no placing may be in there: here a number that all count up.
#[test]
fn an_atomic_value_is_shared() {
    let cell: &OnceLock<AtomicU32> = share(OnceLock::new());
    let count = || _ = cell.get_or_init(|| AtomicU32::new(10)).unwrap().fetch_add(1, SeqCst);
    let children = [fork(count), fork(count)];
    assert_eq!(children.map(reap), [0; 2]);
    assert_eq!(cell.get().unwrap().load(SeqCst), 12);
}

/// Whatever bytes a process has left there, they are a cell, and with a value or without one.
#[test]
fn any_bytes_are_a_cell() {
    let _watchdog = Watchdog::with_limit(60);
    let _family = share(Once::new());
    for byte in 0..=u8::MAX {
        let memory = map(size_of::<OnceLock<Pair>>()).cast::<OnceLock<Pair>>();
        // SAFETY: fresh shared memory that nobody else knows, never unmapped; any bytes are a cell.
        let cell = unsafe {
            memory.write_bytes(byte, 1);
            (*memory.as_ptr()).place(&Placement::new().unwrap()).unwrap();
            memory.as_ref()
        };
        let found = [u64::from_ne_bytes([byte; 8]); 2];
        let was_set = cell.get().is_some();
        assert_eq!(cell.get_or_init(|| [1, 2]), Ok(if was_set { &found } else { &[1, 2] }));
    }
}
