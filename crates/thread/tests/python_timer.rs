//! Python's `threading.Timer`, line by line, and what ours has besides.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::primitive::AtomicU32;
use multiproc_sync::{Barrier, Event};
use multiproc_testkit::{Watchdog, eventually};
use multiproc_thread::{
    CancelToken, JoinError, StartError, ThreadRef, Timer, WaitError, ZeroInterval, current, enumerate, sleep,
};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);

/// A counter, and a function that counts.
fn counter() -> (Arc<AtomicU32>, impl FnMut() + Send + 'static) {
    let count = Arc::new(AtomicU32::new(0));
    let theirs = count.clone();
    (count, move || _ = theirs.fetch_add(1, SeqCst))
}

#[test]
fn it_is_a_thread() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(SOON, current);
    assert!(timer.name().starts_with("Thread-") && !timer.is_alive() && !timer.is_daemon());
    assert_eq!(timer.native_id(), None);
    timer.start().unwrap();
    let reference = ThreadRef::clone(&timer);
    assert_eq!(timer.join().unwrap(), Some(reference.clone()), "it runs in that thread");
    assert!(reference.is_finished());
}

/// The time runs from the start, and is not shorter.
#[test]
fn it_calls_its_function_after_the_interval() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(Duration::from_millis(20), Instant::now);
    let start = Instant::now();
    timer.start().unwrap();
    assert!(timer.join().unwrap().unwrap() - start >= Duration::from_millis(20));
}

#[test]
fn an_interval_of_zero_fires_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(Duration::ZERO, || 7);
    timer.start().unwrap();
    assert_eq!(timer.join().unwrap(), Some(7));
}

#[test]
fn cancelled_before_it_fires_it_never_does() {
    let _watchdog = Watchdog::with_limit(60);
    let (count, counts) = counter();
    let timer = Timer::once(HOUR, counts);
    timer.start().unwrap();
    eventually("it waits", || timer.is_alive());
    assert!(timer.cancel());
    assert_eq!(timer.join().unwrap(), None);
    assert_eq!(count.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&count), 1, "the function was dropped");
}

#[test]
fn cancelled_before_its_start_it_ends_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(Duration::ZERO, || unreachable!());
    assert!(timer.cancel());
    timer.start().unwrap();
    assert_eq!(timer.join().unwrap(), None::<()>);
}

#[test]
fn to_cancel_it_after_that_is_a_no_op() {
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel();
    let timer = Timer::once(SOON, move || tell.send(7));
    timer.start().unwrap();
    told.recv().unwrap();
    let canceller = timer.canceller();
    assert!(!timer.cancel() && !timer.cancel());
    assert_eq!(timer.join().unwrap(), Some(Ok(())));
    assert!(!canceller.cancel());
}

#[test]
fn it_fires_once() {
    let _watchdog = Watchdog::with_limit(60);
    let (count, counts) = counter();
    let timer = Timer::once(SOON, counts);
    timer.start().unwrap();
    timer.wait().unwrap();
    assert_eq!((count.load(SeqCst), timer.is_alive()), (1, false));
    assert_eq!(timer.join().unwrap(), Some(()));
}

#[test]
fn started_twice_it_says_so() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(HOUR, || ());
    timer.start().unwrap();
    assert!(matches!(timer.start(), Err(StartError::AlreadyStarted)));
    timer.cancel();
    assert_eq!(timer.join().unwrap(), None);
    assert!(matches!(Timer::once(SOON, || ()).join(), Err(JoinError::NotStarted)));
}

#[test]
fn it_is_joined_for_a_time() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::once(HOUR, || ());
    timer.start().unwrap();
    let timer = timer.try_join().unwrap_err();
    let timer = timer.join_timeout(SOON).unwrap_err();
    let timer = timer.join_deadline(Instant::now()).unwrap_err();
    assert!(timer.cancel());
    assert_eq!(timer.join_timeout(HOUR).unwrap().unwrap(), None);
}

/// From many threads, when it is about to fire: it is called or not, and all are told the same.
#[test]
fn cancelled_and_fired_at_once_it_is_one_of_both() {
    let _watchdog = Watchdog::with_limit(120);
    for round in 0..300_u64 {
        let timer = Timer::once(Duration::from_micros(round % 100), || ());
        let begin = Barrier::new(3).unwrap();
        let in_time = thread::scope(|scope| {
            let cancels = || {
                let canceller = timer.canceller();
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait().unwrap();
                    canceller.cancel()
                })
            };
            let cancelling = [cancels(), cancels()];
            begin.wait().unwrap();
            timer.start().unwrap();
            cancelling.map(|thread| thread.join().unwrap())
        });
        assert_ne!(in_time, [true; 2], "one of them was first");
        let fired = timer.join().unwrap().is_some();
        assert_eq!(fired, in_time == [false; 2], "round {round}");
    }
}

#[test]
fn a_repeating_one_fires_until_it_is_cancelled() {
    let _watchdog = Watchdog::with_limit(60);
    let (count, counts) = counter();
    let timer = Timer::repeating(SOON, counts).unwrap();
    timer.start().unwrap();
    eventually("it fires again and again", || count.load(SeqCst) >= 5);
    timer.cancel();
    let fired = timer.join().unwrap();
    assert_eq!(fired, u64::from(count.load(SeqCst)));
}

#[test]
fn a_repeating_one_needs_an_interval() {
    assert_eq!(Timer::repeating(Duration::ZERO, || ()).unwrap_err(), ZeroInterval);
}

/// The one under way is the last, and its own waits go on.
#[test]
fn cancelled_while_it_fires_it_leaves_the_function_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let (begun, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (tells, waits) = (begun.clone(), go.clone());
    let mut waited = Vec::new();
    let (tell, told) = mpsc::channel();
    let timer = Timer::repeating(SOON, move || {
        tells.set();
        waited.push(waits.wait());
        tell.send((waited.clone(), sleep(Duration::ZERO))).unwrap();
    });
    let timer = timer.unwrap();
    timer.start().unwrap();
    begun.wait().unwrap();
    assert!(!timer.cancel(), "the function runs");
    let timer = timer.join_timeout(SOON).unwrap_err();
    go.set();
    assert_eq!(timer.join().unwrap(), 1);
    assert_eq!(told.recv().unwrap(), (vec![Ok(())], Ok(())));
}

/// The token of the calling thread, in the function: the timer's.
#[test]
fn it_is_cancelled_from_inside() {
    let _watchdog = Watchdog::with_limit(60);
    let mut slept = 0;
    let timer = Timer::repeating(SOON, move || {
        slept += 1;
        let token = CancelToken::current().unwrap(); // the timer's own
        if slept == 3 {
            token.cancel();
            assert_eq!(sleep(HOUR), Err(WaitError::Cancelled));
        }
    });
    let timer = timer.unwrap();
    timer.start().unwrap();
    assert_eq!(timer.join().unwrap(), 3);
}

/// Before it fires, and in a wait of its function.
#[test]
fn it_is_cancelled_as_a_thread() {
    let _watchdog = Watchdog::with_limit(60);
    let waiting = Timer::once(HOUR, || ());
    let begun = Arc::new(Event::new());
    let tells = begun.clone();
    let firing = Timer::repeating(SOON, move || {
        tells.set();
        assert_eq!(sleep(HOUR), Err(WaitError::Cancelled));
    });
    let firing = firing.unwrap();
    waiting.start().unwrap();
    firing.start().unwrap();
    begun.wait().unwrap();
    assert!(ThreadRef::cancel(&waiting) && ThreadRef::cancel(&firing));
    assert_eq!((waiting.join().unwrap(), firing.join().unwrap()), (None, 1));
}

/// Also its waits, if the token is cancelled that it was made with.
#[test]
fn it_is_cancelled_by_its_token() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    let begun = Arc::new(Event::new());
    let tells = begun.clone();
    let waiting = Timer::builder().cancel_token(&token).once(HOUR, || ());
    let firing = Timer::builder().cancel_token(&token).once(Duration::ZERO, move || {
        tells.set();
        sleep(HOUR)
    });
    waiting.start().unwrap();
    firing.start().unwrap();
    begun.wait().unwrap();
    token.cancel();
    assert_eq!(waiting.join().unwrap(), None);
    assert_eq!(firing.join().unwrap(), Some(Err(WaitError::Cancelled)));
}

/// What would have come while the function ran does not come after it.
#[test]
fn a_slow_function_skips_what_it_has_missed() {
    let _watchdog = Watchdog::with_limit(60);
    const INTERVAL: Duration = Duration::from_millis(2);
    let (tell, told) = mpsc::channel();
    let start = Instant::now();
    let timer = Timer::repeating(INTERVAL, move || {
        sleep(INTERVAL * 5).unwrap();
        tell.send(()).unwrap();
    });
    let timer = timer.unwrap();
    timer.start().unwrap();
    (0..5).for_each(|_| told.recv().unwrap());
    timer.cancel();
    let fired = timer.join().unwrap();
    // In each sixth interval at the most, however crowded the machine is.
    let intervals = start.elapsed().as_nanos() / INTERVAL.as_nanos();
    assert!(fired >= 5 && u128::from(fired) * 5 <= intervals, "{fired} in {intervals}");
}

#[test]
fn a_panic_is_its_end() {
    let _watchdog = Watchdog::with_limit(60);
    let mut fired = 0;
    let timer = Timer::builder().name("bomb").on_panic(|_| ()).repeating(SOON, move || {
        fired += 1;
        assert!(fired < 2, "enough");
    });
    let timer = timer.unwrap();
    timer.start().unwrap();
    match timer.join() {
        Err(JoinError::Panicked(panic)) => assert_eq!((panic.message(), panic.thread()), ("enough", "bomb")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_thread_is_as_the_builder_says() {
    let _watchdog = Watchdog::with_limit(60);
    let timer = Timer::builder().name("tick").daemon(true).stack_size(128 << 10).once(HOUR, || ());
    assert_eq!((timer.name().as_str(), timer.is_daemon()), ("tick", true));
    timer.start().unwrap();
    let reference = ThreadRef::clone(&timer);
    assert!(enumerate().contains(&reference));
    let canceller = timer.canceller();
    drop(timer);
    assert!(reference.is_alive(), "it goes on without its handle");
    assert!(canceller.cancel());
    reference.wait().unwrap();
    let unnamed = Timer::builder().name("no\0name").once(HOUR, || ());
    assert!(matches!(unnamed.start(), Err(StartError::Name(_))));
}

#[test]
fn an_interval_may_be_longer_than_a_clock_can_say() {
    let _watchdog = Watchdog::with_limit(60);
    let once = Timer::once(Duration::MAX, || ());
    let repeating = Timer::repeating(Duration::MAX, || ()).unwrap();
    once.start().unwrap();
    repeating.start().unwrap();
    assert!(once.cancel() && repeating.cancel());
    assert_eq!((once.join().unwrap(), repeating.join().unwrap()), (None, 0));
}
