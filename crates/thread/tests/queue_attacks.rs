//! Orders and destructors that panic or use the queue, items of all sizes, queues and iterators that are dropped or leaked.
#![allow(clippy::disallowed_types)] // what a test counts

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::thread;

use multiproc_testkit::{Watchdog, eventually, state_of};
use multiproc_thread::queue::ByKey;
use multiproc_thread::{GetError, LifoQueue, PriorityQueue, Queue, Shutdown, TaskDoneError};

fn panics<T>(act: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

/// Counts its drops.
struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_key_that_panics_puts_nothing() {
    let queue = PriorityQueue::bounded_by_key(2, |n: &i32| {
        assert!(*n != 0, "no key");
        *n
    });
    queue.put(2).unwrap();
    assert!(panics(|| queue.put(0)));
    queue.put(1).unwrap();
    assert_eq!((queue.len(), queue.unfinished()), (2, 2));
    assert!(queue.try_iter().eq([1, 2]));
}

/// Compares by a number; 0 panics.
#[derive(PartialEq, Eq)]
struct Touchy(u32);

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.0 != 0, "no order");
        self.0.cmp(&other.0)
    }
}

#[test]
fn an_order_that_panics_puts_nothing_and_the_queue_goes_on() {
    let _dog = Watchdog::with_limit(60);
    let queue = PriorityQueue::bounded(100);
    (1..=50).for_each(|n| queue.put(Touchy(n)).unwrap());
    assert!(panics(|| queue.put(Touchy(0))));
    assert_eq!((queue.len(), queue.unfinished()), (50, 50));
    assert!(queue.try_iter().map(|item| item.0).eq(1..=50));
    (0..50).for_each(|_| queue.task_done().unwrap());
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    queue.join().unwrap();
}

/// What an order that panics leaves behind is dropped where it may use the queue that it was not put into.
#[test]
fn an_item_that_an_order_refuses_may_use_the_queue_in_its_drop() {
    static QUEUE: LazyLock<PriorityQueue<Parting>> = LazyLock::new(PriorityQueue::unbounded);
    struct Parting(Touchy);
    impl PartialEq for Parting {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Parting {}
    impl PartialOrd for Parting {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Parting {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }
    impl Drop for Parting {
        fn drop(&mut self) {
            if self.0.0 == 0 {
                QUEUE.put(Self(Touchy(7))).unwrap();
            }
        }
    }
    let _dog = Watchdog::with_limit(60);
    QUEUE.put(Parting(Touchy(9))).unwrap();
    assert!(panics(|| QUEUE.put(Parting(Touchy(0)))));
    assert!(QUEUE.try_iter().map(|item| item.0.0).eq([7, 9]));
    assert_eq!(QUEUE.unfinished(), 2);
}

/// Beside a sorted vector: many equal keys, all sizes of items, putting and getting in turn.
#[test]
fn items_come_by_rank_and_among_equals_as_they_were_put() {
    fn check<const SIZE: usize>() {
        let queue = PriorityQueue::unbounded_by_key(|item: &(u32, u32, [u8; SIZE])| item.0);
        let (mut expected, mut state) = (Vec::new(), 1_u32);
        for n in 0..20_000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let phase = n / 4000 % 2; // grows, then shrinks
            if state >> 16 & 3 > phase * 2 || expected.is_empty() {
                let key = match n % 3 {
                    0 => n,           // in order
                    1 => 40_000 - n,  // against it
                    _ => state >> 25, // many equals
                };
                queue.put((key, n, [7; SIZE])).unwrap();
                expected.insert(expected.partition_point(|other: &(u32, u32)| other.0 <= key), (key, n));
            } else {
                let got = queue.try_get().unwrap();
                assert_eq!((got.0, got.1), expected.remove(0));
            }
            assert_eq!(queue.len(), expected.len());
        }
        assert!(!expected.is_empty());
        assert!(queue.try_iter().map(|item| (item.0, item.1)).eq(expected));
    }
    check::<0>();
    check::<100>();
    check::<3000>();
}

/// The kernel's number of the calling thread.
fn thread_id() -> u32 {
    let path = std::fs::read_link("/proc/thread-self").unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

/// One that was woken for room and panics leaves the room to another who waits.
#[test]
fn an_order_that_panics_after_a_wait_keeps_nobody_else_waiting() {
    let _dog = Watchdog::with_limit(60);
    for _ in 0..20 {
        let queue = PriorityQueue::bounded(2);
        (1..=2).for_each(|n| queue.put(Touchy(n)).unwrap());
        let threads = [const { AtomicU32::new(0) }; 2];
        thread::scope(|scope| {
            let [bad, good] = [0, 3].map(|n| {
                let (queue, thread) = (&queue, &threads[(n > 0) as usize]);
                scope.spawn(move || {
                    thread.store(thread_id(), SeqCst);
                    queue.put(Touchy(n))
                })
            });
            for thread in &threads {
                eventually("it sleeps", || {
                    let id = thread.load(SeqCst);
                    id != 0 && state_of(id) == Some('S')
                });
            }
            queue.get().unwrap();
            good.join().unwrap().unwrap();
            queue.get().unwrap();
            assert!(bad.join().is_err());
        });
    }
}

/// Orders at random, and against itself.
#[test]
fn an_order_that_is_none_loses_nothing() {
    static STEPS: AtomicU32 = AtomicU32::new(1);
    struct Wild(u32);
    impl PartialEq for Wild {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }
    impl Eq for Wild {}
    impl PartialOrd for Wild {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Wild {
        fn cmp(&self, _: &Self) -> Ordering {
            let step = STEPS.fetch_add(1, SeqCst).wrapping_mul(2_654_435_769) >> 16;
            [Ordering::Less, Ordering::Equal, Ordering::Greater][step as usize % 3]
        }
    }
    let queue = PriorityQueue::unbounded();
    (0..1000).for_each(|n| queue.put(Wild(n)).unwrap());
    let mut got: Vec<u32> = queue.try_iter().map(|item| item.0).collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..1000));
}

#[test]
fn an_order_that_uses_its_queue_is_told() {
    static QUEUE: LazyLock<PriorityQueue<Meddler>> = LazyLock::new(PriorityQueue::unbounded);
    #[derive(PartialEq, Eq)]
    struct Meddler;
    impl PartialOrd for Meddler {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Meddler {
        fn cmp(&self, _: &Self) -> Ordering {
            let _ = QUEUE.try_get();
            Ordering::Less
        }
    }
    let _dog = Watchdog::with_limit(60);
    QUEUE.put(Meddler).unwrap();
    assert!(panics(|| QUEUE.put(Meddler)));
    assert_eq!(QUEUE.len(), 1);
}

/// An order may use other queues; by way of those its own one, too, is told.
#[test]
fn an_order_that_uses_its_queue_by_way_of_another_is_told() {
    static QUEUES: [LazyLock<PriorityQueue<Relay>>; 2] =
        [const { LazyLock::new(PriorityQueue::unbounded) }; 2];
    /// The queues into which others are put when it is compared.
    struct Relay(&'static [usize]);
    impl PartialEq for Relay {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Relay {}
    impl PartialOrd for Relay {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Relay {
        fn cmp(&self, _: &Self) -> Ordering {
            if let [next, then @ ..] = self.0 {
                QUEUES[*next].put(Self(then)).unwrap();
            }
            Ordering::Equal
        }
    }
    let _dog = Watchdog::with_limit(60);
    QUEUES.iter().for_each(|queue| queue.put(Relay(&[])).unwrap());
    QUEUES[0].put(Relay(&[1])).unwrap();
    assert!(panics(|| QUEUES[0].put(Relay(&[1, 0]))));
    assert!(QUEUES.iter().all(|queue| queue.len() == 2));
    assert_eq!(QUEUES.iter().map(|queue| queue.try_iter().count()).sum::<usize>(), 4);
}

#[test]
fn a_key_may_use_its_queue() {
    type Key = fn(&u32) -> u32;
    static QUEUE: LazyLock<PriorityQueue<u32, ByKey<Key>>> =
        LazyLock::new(|| PriorityQueue::unbounded_by_key(|n| *n + QUEUE.len() as u32));
    (0..3).for_each(|n| QUEUE.put(n).unwrap());
    assert!(QUEUE.try_iter().eq(0..3));
}

/// Items that are put, refused, got, discarded or left: each is dropped once.
#[test]
fn every_item_is_dropped_once() {
    for capacity in [1, 2, 3, 7, 8, 1 << 40] {
        let drops = Arc::new(AtomicU32::new(0));
        let queue = Queue::bounded(capacity);
        let mut made = 0;
        let mut put = |queue: &Queue<Counted>| {
            made += 1;
            queue.try_put(Counted(drops.clone())).is_ok()
        };
        (0..3 * capacity.min(8)).for_each(|_| _ = put(&queue));
        drop(queue.get().unwrap());
        put(&queue);
        drop(queue);
        assert_eq!(drops.load(SeqCst), made);
    }
    let drops = Arc::new(AtomicU32::new(0));
    let stack = LifoQueue::unbounded();
    (0..5).for_each(|_| stack.put(Counted(drops.clone())).unwrap());
    stack.shutdown(Shutdown::Immediate);
    assert_eq!(drops.load(SeqCst), 5);
    drop(stack);
    assert_eq!(drops.load(SeqCst), 5);
}

/// If one item panics in its drop, the others are dropped all the same.
#[test]
fn a_drop_that_panics_leaks_no_other_item() {
    struct Bad {
        is_bad: bool,
        _counted: Counted,
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.is_bad, "in a drop");
        }
    }
    let bad = |n: u32, drops: &Arc<AtomicU32>| Bad { is_bad: n == 1, _counted: Counted(drops.clone()) };
    for how in [None, Some(Shutdown::Immediate)] {
        for queue in [Queue::bounded(8), Queue::unbounded()] {
            let drops = Arc::new(AtomicU32::new(0));
            (0..5).for_each(|n| queue.put(bad(n, &drops)).unwrap());
            let panicked = match how {
                None => panics(move || drop(queue)),
                Some(how) => {
                    let panicked = panics(|| queue.shutdown(how));
                    assert!(matches!(queue.get(), Err(GetError::ShutDown)));
                    panicked
                }
            };
            assert!(panicked);
            assert_eq!(drops.load(SeqCst), 5);
        }
    }
}

/// As many as a ring holds are dropped with it, on a stack that would not have room for a call within a call for each.
#[test]
fn a_full_ring_is_dropped_on_a_small_stack() {
    let drops = Arc::new(AtomicU32::new(0));
    let queue = Queue::bounded(100_000);
    (0..100_000).for_each(|_| queue.put(Counted(drops.clone())).unwrap());
    let dropper = thread::Builder::new().stack_size(128 << 10).spawn(move || drop(queue)).unwrap();
    dropper.join().unwrap();
    assert_eq!(drops.load(SeqCst), 100_000);
}

/// Items whose drop puts others, in the middle of a shutdown and of the queue's own end.
#[test]
fn a_drop_that_puts_is_refused_by_a_queue_that_ends() {
    static REFUSED: AtomicU32 = AtomicU32::new(0);
    struct Again(Arc<Queue<Again>>, bool);
    impl Drop for Again {
        fn drop(&mut self) {
            if self.1 && self.0.put(Again(self.0.clone(), false)).is_err() {
                REFUSED.fetch_add(1, SeqCst);
            }
        }
    }
    let _dog = Watchdog::with_limit(60);
    let queue = Arc::new(Queue::bounded(4));
    (0..4).for_each(|_| queue.put(Again(queue.clone(), true)).unwrap());
    queue.shutdown(Shutdown::Immediate);
    assert_eq!((REFUSED.load(SeqCst), queue.len()), (4, 0));
    assert_eq!(Arc::strong_count(&queue), 1);
}

#[test]
fn items_of_no_size_and_of_a_large_one() {
    let nothing = Queue::bounded(3);
    (0..3).for_each(|_| nothing.put(()).unwrap());
    assert!(nothing.try_put(()).is_err());
    assert_eq!(nothing.try_iter().count(), 3);
    let large = Queue::bounded(5);
    for lap in 0..4 {
        (0..5).for_each(|n| large.put([lap * 5 + n; 4096]).unwrap());
        assert!(large.try_iter().enumerate().all(|(n, item)| item == [lap * 5 + n as u64; 4096]));
    }
    #[repr(align(128))]
    struct Aligned(u8);
    let aligned = Queue::bounded(2);
    aligned.put(Aligned(7)).unwrap();
    let item = aligned.get().unwrap();
    assert!(item.0 == 7 && (&raw const item).addr() % 128 == 0);
}

#[test]
fn iterators_that_are_dropped_or_leaked_have_no_items() {
    let queue = Queue::unbounded();
    (0..6).for_each(|n| queue.put(n).unwrap());
    let mut dropped = queue.iter();
    assert_eq!(dropped.next(), Some(0));
    drop(dropped);
    let mut leaked = queue.iter();
    assert_eq!(leaked.next(), Some(1));
    Box::leak(Box::new(leaked));
    let (mut one, mut other) = (queue.iter(), queue.try_iter());
    assert_eq!(
        (one.next(), other.next(), one.clone().next(), other.clone().next()),
        (Some(2), Some(3), Some(4), Some(5))
    );
    assert_eq!(other.next(), None);
}

#[test]
#[should_panic(expected = "use `unbounded`")]
fn a_bound_of_nothing_is_refused() {
    let _ = Queue::<u32>::bounded(0);
}
