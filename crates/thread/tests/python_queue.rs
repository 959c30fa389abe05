//! What Python's module `queue` promises, line by line.

use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use multiproc_testkit::{Watchdog, eventually};
use multiproc_thread::{
    GetError, LifoQueue, PriorityQueue, PutError, Queue, Shutdown, SimpleQueue, TaskDoneError,
    UnfinishedError,
};

const SHORT: Duration = Duration::from_millis(5);

/// `Queue(maxsize=0)`.
#[test]
fn without_a_bound_a_queue_is_never_full() {
    let queue = Queue::unbounded();
    (0..100_000).for_each(|n| queue.try_put(n).unwrap());
    assert_eq!((queue.len(), queue.capacity(), queue.is_full()), (100_000, None, false));
    assert!(queue.try_iter().eq(0..100_000));
    assert_eq!(Queue::<u8>::default().capacity(), None);
}

/// `put(block=False)`, `Full`: the item comes back.
#[test]
fn put_without_a_wait_is_refused_by_a_full_queue() {
    for capacity in [1, 2, 3, 5, 8, 1000] {
        let queue = Queue::bounded(capacity);
        (0..capacity).for_each(|n| queue.try_put(n).unwrap());
        assert!(queue.is_full() && queue.len() == capacity && queue.capacity() == Some(capacity));
        assert_eq!(queue.try_put(capacity), Err(PutError::Full(capacity)));
        assert_eq!(queue.get(), Ok(0));
        assert!(!queue.is_full());
        queue.try_put(capacity).unwrap();
        assert!(queue.try_iter().eq(1..=capacity));
    }
}

/// `get(block=False)`, `Empty`.
#[test]
fn get_without_a_wait_is_refused_by_an_empty_queue() {
    let queue = Queue::bounded(1);
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    queue.put(1).unwrap();
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(queue.try_get(), Err(GetError::Empty));
}

/// `put(timeout=)`, `get(timeout=)`; negative ones cannot be said, longer ones than a clock knows are endless.
#[test]
fn waits_end_by_time() {
    let queue = Queue::bounded(1);
    assert_eq!(queue.get_timeout(SHORT), Err(GetError::TimedOut));
    assert_eq!(queue.get_timeout(Duration::ZERO), Err(GetError::TimedOut));
    queue.put_timeout(1, Duration::MAX).unwrap();
    assert_eq!(queue.put_timeout(2, SHORT), Err(PutError::TimedOut(2)));
    assert_eq!(queue.join_timeout(SHORT), Err(UnfinishedError::TimedOut));
    assert_eq!(queue.get_timeout(Duration::MAX), Ok(1));
    queue.task_done().unwrap();
    queue.join_timeout(Duration::MAX).unwrap();
}

/// A time that is over ends waits, and nothing else: what is there is got, what has room is put, what is done is joined.
#[test]
fn a_time_that_is_over_ends_nothing_but_waits() {
    let past = Instant::now();
    for queue in [Queue::bounded(1), Queue::bounded(3), Queue::unbounded()] {
        for n in 0..100 {
            queue.put_deadline(n, past).unwrap();
            assert_eq!(queue.join_deadline(past), Err(UnfinishedError::TimedOut));
            assert_eq!(queue.get_deadline(past), Ok(n));
            queue.task_done().unwrap();
            queue.join_deadline(past).unwrap();
            queue.put_timeout(n, Duration::ZERO).unwrap();
            assert_eq!(queue.get_timeout(Duration::ZERO), Ok(n));
            queue.task_done().unwrap();
        }
        assert_eq!(queue.get_deadline(past), Err(GetError::TimedOut));
        let room = queue.capacity().unwrap_or(0);
        (0..room).for_each(|_| queue.put(0).unwrap());
        if room > 0 {
            assert_eq!(queue.put_deadline(1, past), Err(PutError::TimedOut(1)));
        }
        queue.shutdown(Shutdown::Drain);
        assert_eq!(queue.put_deadline(1, past), Err(PutError::ShutDown(1)));
        assert!((0..room).all(|_| queue.get_deadline(past).is_ok()));
        assert_eq!(queue.get_deadline(past), Err(GetError::ShutDown));
    }
}

/// `put` and `get` block.
#[test]
fn a_put_waits_for_room_and_a_get_for_an_item() {
    let _dog = Watchdog::with_limit(60);
    let queue = Queue::bounded(1);
    thread::scope(|scope| {
        let getter = scope.spawn(|| [queue.get(), queue.get(), queue.get()]);
        (1..=3).for_each(|n| queue.put(n).unwrap());
        assert_eq!(getter.join().unwrap(), [Ok(1), Ok(2), Ok(3)]);
        let putter = scope.spawn(|| (1..=3).for_each(|n| queue.put(n).unwrap()));
        (1..=3).for_each(|n| assert_eq!(queue.get(), Ok(n)));
        putter.join().unwrap();
    });
}

/// `qsize`, `empty`, `full`: exact here.
#[test]
fn the_length_is_exact() {
    let queue = Queue::bounded(3);
    for round in 0..10 {
        for n in 0..3 {
            assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (n, n == 0, false), "{round}");
            queue.put(n).unwrap();
        }
        assert!(queue.is_full());
        assert_eq!(queue.try_iter().count(), 3);
    }
}

/// `task_done` called too many times: ValueError.
#[test]
fn task_done_too_often_is_an_error_and_changes_nothing() {
    let queue = Queue::unbounded();
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    queue.put(1).unwrap();
    assert_eq!(queue.task_done(), Err(TaskDoneError), "an item that nobody has got");
    assert_eq!(queue.unfinished(), 1);
    queue.get().unwrap();
    assert_eq!((queue.task_done(), queue.task_done()), (Ok(()), Err(TaskDoneError)));
    assert_eq!(queue.unfinished(), 0);
    queue.join().unwrap();
}

/// `join` waits until all is done, and not until the queue is empty.
#[test]
fn join_waits_until_every_item_is_done() {
    let _dog = Watchdog::with_limit(60);
    let queue = Queue::bounded(4);
    queue.join().unwrap(); // nothing was put
    (0..3).for_each(|n| queue.put(n).unwrap());
    thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join());
        (0..3).for_each(|_| _ = queue.get().unwrap());
        (0..2).for_each(|_| queue.task_done().unwrap());
        assert_eq!(queue.join_timeout(SHORT), Err(UnfinishedError::TimedOut));
        assert!(!joiner.is_finished() && queue.is_empty() && queue.unfinished() == 1);
        queue.task_done().unwrap();
        joiner.join().unwrap().unwrap();
    });
}

/// `put` counts an item before `get` can see it.
#[test]
fn an_item_can_be_done_as_soon_as_it_is_got() {
    let _dog = Watchdog::with_limit(60);
    let queue = Queue::bounded(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in &queue {
                queue.task_done().unwrap();
            }
        });
        (0..50_000).for_each(|n| queue.put(n).unwrap());
        queue.join().unwrap();
        queue.shutdown(Shutdown::Drain);
    });
    assert_eq!(queue.unfinished(), 0);
}

/// `LifoQueue`.
#[test]
fn a_lifo_queue_gives_the_last_first() {
    let stack = LifoQueue::bounded(3);
    (1..=3).for_each(|n| stack.put(n).unwrap());
    assert_eq!(stack.try_put(4), Err(PutError::Full(4)));
    assert_eq!(stack.get(), Ok(3));
    stack.put(4).unwrap();
    stack.shutdown(Shutdown::Drain);
    assert_eq!(stack.iter().collect::<Vec<_>>(), [4, 2, 1]);
    (0..4).for_each(|_| stack.task_done().unwrap());
    stack.join().unwrap();
}

/// `PriorityQueue`.
#[test]
fn a_priority_queue_gives_the_least_first() {
    let queue = PriorityQueue::bounded(5);
    [3, 1, 4, 1, 5].into_iter().for_each(|n| queue.put(n).unwrap());
    assert_eq!(queue.try_put(9), Err(PutError::Full(9)));
    queue.shutdown(Shutdown::Drain);
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 1, 3, 4, 5]);
}

/// Ties of a priority: in the order of their coming, and what is not the key is never compared.
#[test]
fn among_equals_the_first_is_first() {
    struct NoOrder(u32);
    let queue = PriorityQueue::unbounded_by_key(|item: &(u32, NoOrder)| item.0 % 2);
    (0..10).for_each(|n| queue.put((n, NoOrder(n))).unwrap());
    let got: Vec<u32> = queue.try_iter().map(|(_, item)| item.0).collect();
    assert_eq!(got, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
}

/// `SimpleQueue`: put neither blocks nor fails, also from inside a destructor.
#[test]
fn a_simple_queue_takes_everything_at_any_time() {
    static QUEUE: LazyLock<SimpleQueue<Again>> = LazyLock::new(SimpleQueue::new);
    struct Again(u32);
    impl Drop for Again {
        fn drop(&mut self) {
            if self.0 > 0 {
                QUEUE.put(Again(self.0 - 1));
            }
        }
    }
    QUEUE.put(Again(3));
    for left in (0..=3).rev() {
        assert_eq!(QUEUE.get().map(|item| item.0), Ok(left));
    }
    assert!(matches!(QUEUE.try_get(), Err(GetError::Empty)));
    assert!(matches!(QUEUE.get_timeout(SHORT), Err(GetError::TimedOut)));
    assert!(QUEUE.is_empty());
}

/// `shutdown()`: puts are refused at once, getters drain, then are told.
#[test]
fn after_a_shutdown_what_is_there_is_got_and_then_the_end() {
    let queue = Queue::bounded(4);
    (1..=2).for_each(|n| queue.put(n).unwrap());
    queue.shutdown(Shutdown::Drain);
    queue.shutdown(Shutdown::Drain);
    assert!(queue.is_shut_down());
    assert_eq!(queue.put(3), Err(PutError::ShutDown(3)));
    assert_eq!(queue.try_put(3), Err(PutError::ShutDown(3)));
    assert_eq!(queue.put_timeout(3, SHORT), Err(PutError::ShutDown(3)));
    assert_eq!((queue.get(), queue.try_get()), (Ok(1), Ok(2)));
    assert_eq!((queue.get(), queue.try_get()), (Err(GetError::ShutDown), Err(GetError::ShutDown)));
    assert_eq!(queue.get_timeout(SHORT), Err(GetError::ShutDown));
    assert_eq!(queue.join_timeout(SHORT), Err(UnfinishedError::TimedOut), "two are worked on");
    (0..2).for_each(|_| queue.task_done().unwrap());
    queue.join().unwrap();
}

/// `shutdown(immediate=True)`: discards, and releases `join`.
#[test]
fn an_immediate_shutdown_discards_and_releases_who_joins() {
    let _dog = Watchdog::with_limit(60);
    let queue = Queue::bounded(4);
    (1..=4).for_each(|n| queue.put(n).unwrap());
    assert_eq!(queue.get(), Ok(1));
    thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join());
        let putter = scope.spawn(|| (queue.put(5), queue.put(6)));
        eventually("one was put", || queue.is_full());
        queue.shutdown(Shutdown::Immediate);
        assert_eq!(putter.join().unwrap(), (Ok(()), Err(PutError::ShutDown(6))));
        assert_eq!(joiner.join().unwrap(), Err(UnfinishedError::ShutDown { unfinished: 5 }));
    });
    assert_eq!((queue.len(), queue.get()), (0, Err(GetError::ShutDown)));
    assert_eq!(queue.unfinished(), 1, "what was got is worked on");
    assert_eq!((queue.task_done(), queue.task_done()), (Ok(()), Err(TaskDoneError)));
    queue.shutdown(Shutdown::Immediate);
    assert_eq!(queue.join(), Err(UnfinishedError::ShutDown { unfinished: 5 }), "the first one counts");
}

/// With nothing left undone there is nothing to tell.
#[test]
fn an_immediate_shutdown_of_a_queue_that_is_done_releases_who_joins_without_an_error() {
    let queue = LifoQueue::bounded(1);
    queue.put(1).unwrap();
    queue.get().unwrap();
    queue.task_done().unwrap();
    queue.shutdown(Shutdown::Immediate);
    queue.join().unwrap();
}

/// All who wait are told of a shutdown, however far they have come: for an item, for room.
#[test]
fn a_shutdown_is_told_to_all_who_wait() {
    let _dog = Watchdog::with_limit(60);
    for round in 0..100 {
        let how = if round % 2 == 0 { Shutdown::Drain } else { Shutdown::Immediate };
        let (empty, full) = (Queue::<u32>::bounded(1), Queue::bounded(1));
        full.put(0).unwrap();
        thread::scope(|scope| {
            let getters = [(); 3].map(|()| scope.spawn(|| empty.get()));
            let full = &full;
            let putters = [1, 2, 3].map(|n| scope.spawn(move || full.put(n)));
            empty.shutdown(how);
            full.shutdown(how);
            for getter in getters {
                assert_eq!(getter.join().unwrap(), Err(GetError::ShutDown));
            }
            let back = putters.map(|putter| putter.join().unwrap().unwrap_err());
            assert_eq!(back, [1, 2, 3].map(PutError::ShutDown));
        });
    }
}

/// A queue between a producer and consumers, as the page of Python's module has it.
#[test]
fn a_producer_and_consumers() {
    let _dog = Watchdog::with_limit(60);
    let (queue, seen) = (Queue::bounded(8), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for item in &queue {
                    seen.lock().unwrap().push(item);
                    queue.task_done().unwrap();
                }
            });
        }
        (0..1000).for_each(|n| queue.put(n).unwrap());
        queue.join().unwrap();
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..1000));
        queue.shutdown(Shutdown::Drain);
    });
}
