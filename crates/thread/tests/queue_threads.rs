//! Many threads at one queue: nothing is lost, nothing comes twice, each putter's items come in its order, nobody hangs.
#![allow(clippy::disallowed_types)] // what a test counts

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use multiproc_testkit::Watchdog;
use multiproc_thread::queue::{ByKey, Iter};
use multiproc_thread::{GetError, LifoQueue, PriorityQueue, PutError, Queue, Shutdown, SimpleQueue};

const PUTTERS: u64 = 4;
const GETTERS: usize = 4;
const EACH: u64 = 20_000;

/// What holds items that can be sent is shared by threads, and goes on after a panic.
#[test]
fn queues_are_shared_whatever_can_be_sent_is_in_them() {
    fn shared<Q: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<Queue<Cell<u32>>>();
    shared::<LifoQueue<Cell<u32>>>();
    shared::<PriorityQueue<Cell<u32>>>();
    shared::<SimpleQueue<Cell<u32>>>();
}

/// What holds items that cannot be sent stays in its thread.
#[test]
fn queues_stay_where_their_items_have_to() {
    /// Whether a type has a trait: of two constants of one name the type's own comes first, if it has one.
    macro_rules! has {
        ($kind:ty: $bound:ident) => {{
            #[allow(dead_code)] // where the bound holds
            trait Otherwise {
                const HAS: bool = false;
            }
            struct Probe<T>(PhantomData<T>);
            impl<T> Otherwise for Probe<T> {}
            #[allow(dead_code)] // where it does not
            impl<T: $bound> Probe<T> {
                const HAS: bool = true;
            }
            <Probe<$kind>>::HAS
        }};
    }
    macro_rules! stay {
        ($($kind:ident)*) => {$(
            const { assert!(has!($kind<u32>: Send) && has!($kind<u32>: Sync)) };
            const { assert!(!has!($kind<Rc<u32>>: Send) && !has!($kind<Rc<u32>>: Sync)) };
            const { assert!(!has!($kind<MutexGuard<'static, u32>>: Send)) };
        )*};
    }
    stay!(Queue LifoQueue SimpleQueue);
    const { assert!(!has!(PriorityQueue<Rc<u32>>: Send) && !has!(PriorityQueue<Rc<u32>>: Sync)) };
    const { assert!(!has!(Iter<'static, Queue<Rc<u32>>>: Send) && has!(Iter<'static, Queue<u32>>: Send)) };
    // A key's function is called by all who put.
    type Ranks<F> = PriorityQueue<u32, ByKey<F>>;
    type Shared = Box<dyn Fn(&u32) -> u32 + Send + Sync>;
    type Sent = Box<dyn Fn(&u32) -> u32 + Send>;
    const { assert!(has!(Ranks<Shared>: Sync) && has!(Ranks<Sent>: Send) && !has!(Ranks<Sent>: Sync)) };
}

/// All items that were got, of putters that put `(their number, 0..EACH)`.
fn assert_conserved(got: Vec<Vec<(u64, u64)>>, in_order: bool) {
    for one in &got {
        for putter in (0..PUTTERS).filter(|_| in_order) {
            let of_putter = one.iter().filter(|item| item.0 == putter);
            assert!(of_putter.is_sorted(), "the items of one putter are out of order");
        }
    }
    let mut all: Vec<_> = got.into_iter().flatten().collect();
    all.sort_unstable();
    let put = (0..PUTTERS).flat_map(|putter| (0..EACH).map(move |n| (putter, n)));
    assert!(all.into_iter().eq(put), "items were lost, or came twice");
}

macro_rules! conserve {
    ($queue:expr, $in_order:expr) => {{
        let queue = $queue;
        let got = thread::scope(|scope| {
            let queue = &queue;
            let getters = [(); GETTERS].map(|()| {
                scope.spawn(move || {
                    let items = queue.iter().inspect(|_| queue.task_done().unwrap());
                    items.collect::<Vec<(u64, u64)>>()
                })
            });
            let putters = [0, 1, 2, 3]
                .map(|putter| scope.spawn(move || (0..EACH).for_each(|n| queue.put((putter, n)).unwrap())));
            putters.into_iter().for_each(|putter| putter.join().unwrap());
            queue.join().unwrap();
            assert_eq!((queue.len(), queue.unfinished()), (0, 0));
            queue.shutdown(Shutdown::Drain);
            getters.map(|getter| getter.join().unwrap())
        });
        assert!(queue.task_done().is_err());
        assert_conserved(got.into(), $in_order);
    }};
}

#[test]
fn a_queue_conserves_its_items() {
    let _dog = Watchdog::with_limit(120);
    for capacity in [1, 2, 3, 64, 1000] {
        conserve!(Queue::bounded(capacity), true);
    }
    conserve!(Queue::unbounded(), true);
}

#[test]
fn a_queue_with_a_bound_beyond_memory_conserves_its_items() {
    let _dog = Watchdog::with_limit(120);
    conserve!(Queue::bounded(usize::MAX), true);
}

#[test]
fn a_lifo_queue_conserves_its_items() {
    let _dog = Watchdog::with_limit(120);
    conserve!(LifoQueue::bounded(3), false);
    conserve!(LifoQueue::unbounded(), false);
}

#[test]
fn a_priority_queue_conserves_its_items() {
    let _dog = Watchdog::with_limit(120);
    conserve!(PriorityQueue::bounded(3), false);
    conserve!(PriorityQueue::bounded_by_key(100, |item: &(u64, u64)| item.1 % 10), false);
}

#[test]
fn a_simple_queue_conserves_its_items() {
    let _dog = Watchdog::with_limit(120);
    let queue = SimpleQueue::new();
    let got = thread::scope(|scope| {
        let queue = &queue;
        let share = PUTTERS * EACH / GETTERS as u64;
        let getters = [(); GETTERS]
            .map(|()| scope.spawn(move || (0..share).map(|_| queue.get().unwrap()).collect::<Vec<_>>()));
        for putter in 0..PUTTERS {
            scope.spawn(move || (0..EACH).for_each(|n| queue.put((putter, n))));
        }
        getters.map(|getter| getter.join().unwrap())
    });
    assert!(queue.is_empty());
    assert_conserved(got.into(), true);
}

/// Putters and getters that give up after hardly any time, beside others that do not.
#[test]
fn those_who_give_up_lose_nothing_and_hold_nobody_up() {
    let _dog = Watchdog::with_limit(120);
    let queue = Queue::bounded(2);
    let got = thread::scope(|scope| {
        let queue = &queue;
        let getters = [0, 1, 2, 3].map(|getter: u64| {
            scope.spawn(move || {
                let mut got = Vec::new();
                loop {
                    let next = match getter % 2 {
                        0 => queue.get(),
                        _ => queue.get_timeout(Duration::from_micros(20)),
                    };
                    match next {
                        Ok(item) => got.push(item),
                        Err(GetError::TimedOut) => {}
                        Err(GetError::ShutDown) => return got,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        });
        let putters = [0, 1, 2, 3].map(|putter: u64| {
            scope.spawn(move || {
                for n in 0..EACH {
                    let mut item = (putter, n);
                    while let Err(error) = match putter % 2 {
                        0 => queue.put(item),
                        _ => queue.put_timeout(item, Duration::from_micros(20)),
                    } {
                        assert!(matches!(error, PutError::TimedOut(_)));
                        item = error.into_item();
                    }
                }
            })
        });
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        queue.shutdown(Shutdown::Drain);
        getters.map(|getter| getter.join().unwrap())
    });
    assert_conserved(got.into(), true);
}

/// Who only tries finds what others have put, and the room that they have made, also while a third is in the middle of it.
#[test]
fn who_tries_misses_nothing_that_is_there() {
    let _dog = Watchdog::with_limit(120);
    for capacity in [1, 3, 4, 1 << 40] {
        let (queue, put, taken) = (Queue::bounded(capacity), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        queue.put(n).unwrap();
                        put.fetch_add(1, SeqCst);
                    }
                });
            }
            let mut got = 0;
            while got < 2 * EACH {
                if put.load(SeqCst) > got {
                    queue.try_get().unwrap();
                    got += 1;
                } else {
                    thread::yield_now();
                }
            }
        });
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        queue.get().unwrap();
                        taken.fetch_add(1, SeqCst);
                    }
                });
            }
            let mut put = 0;
            while put < 2 * EACH {
                if put < taken.load(SeqCst) + capacity as u64 {
                    queue.try_put(put).unwrap();
                    put += 1;
                } else {
                    thread::yield_now();
                }
            }
        });
    }
}

/// At whatever moment the shutdown comes: what was accepted is got, what was refused comes back.
#[test]
fn no_accepted_item_is_lost_by_a_shutdown() {
    let _dog = Watchdog::with_limit(120);
    for round in 0..300 {
        let queue = Queue::bounded([1, 2, 3, 1 << 40][round % 4]);
        let (accepted, got) = thread::scope(|scope| {
            let queue = &queue;
            let putters =
                [(); 2].map(|()| scope.spawn(move || (0..).take_while(|n| queue.put(*n).is_ok()).count()));
            let getters = [(); 2].map(|()| scope.spawn(move || queue.iter().count()));
            let mut some = queue.try_iter().take(round % 7).count();
            if round % 2 == 0 {
                some += usize::from(queue.get().is_ok());
            }
            queue.shutdown(Shutdown::Drain);
            let accepted: usize = putters.map(|putter| putter.join().unwrap()).iter().sum();
            (accepted, some + getters.map(|getter| getter.join().unwrap()).iter().sum::<usize>())
        });
        assert_eq!(accepted, got);
    }
}

/// The same for an immediate one: accepted is got or discarded, and who waits for the work is released.
#[test]
fn an_immediate_shutdown_accounts_for_everything() {
    let _dog = Watchdog::with_limit(120);
    for round in 0..300 {
        let queue = Queue::bounded([1, 2, 3, 1 << 40][round % 4]);
        thread::scope(|scope| {
            let queue = &queue;
            let putters = [(); 2].map(|()| scope.spawn(move || (0..).find(|n| queue.put(*n).is_err())));
            let workers =
                [(); 2].map(|()| scope.spawn(move || queue.iter().for_each(|_| queue.task_done().unwrap())));
            let joiner = scope.spawn(move || queue.join());
            queue.try_iter().take(round % 7).for_each(|_| queue.task_done().unwrap());
            queue.shutdown(Shutdown::Immediate);
            putters.into_iter().for_each(|putter| assert!(putter.join().unwrap().is_some()));
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            let _ = joiner.join().unwrap(); // all was done at one moment, or it is told of the shutdown
        });
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        assert!(queue.task_done().is_err());
    }
}

/// Items in hand, in the queue, under way and refused when it is shut down at once: each is dropped once, and none is left behind.
#[test]
fn an_immediate_shutdown_drops_every_item_once() {
    static ALIVE: AtomicI64 = AtomicI64::new(0);
    struct Alive(Box<u64>);
    impl Alive {
        fn new(n: u64) -> Self {
            ALIVE.fetch_add(1, SeqCst);
            Self(Box::new(n)) // freed twice if it is dropped twice
        }
    }
    impl Drop for Alive {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, SeqCst);
        }
    }
    let _dog = Watchdog::with_limit(120);
    for round in 0..300 {
        let queue = Queue::bounded([1, 2, 3, 64, 1 << 40][round % 5]);
        thread::scope(|scope| {
            let queue = &queue;
            for _ in 0..2 {
                scope.spawn(move || (0..).take_while(|n| queue.put(Alive::new(*n)).is_ok()).count());
                scope.spawn(move || queue.iter().map(|item| *item.0).fold(0, u64::wrapping_add));
            }
            queue.try_iter().take(round % 50).for_each(drop);
            for _ in 0..2 {
                scope.spawn(|| queue.shutdown(Shutdown::Immediate));
            }
        });
        assert_eq!((ALIVE.load(SeqCst), queue.len()), (0, 0), "round {round}");
    }
}
