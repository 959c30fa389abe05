//! Ours of threads: queues, bounded and not, and threads themselves.

use multiproc::thread::queue::ByKey;
use multiproc::thread::{LifoQueue, PriorityQueue, Queue, SimpleQueue, Thread};

use crate::Result;
use crate::groups::agree;
use crate::pipelines::{self, BOUND, Ends, Get, ends};
use crate::session::{Setting, Start};

/// Threads between two looks at the clock.
pub(crate) const THREADS: u64 = 64;

/// What a thread answers.
pub(crate) fn answer(number: u64) -> u64 {
    number + 1
}

pub(crate) fn spawn(_: &Setting) -> Result<Start> {
    Start::here(|| {
        for n in 0..THREADS {
            agree(Thread::spawn(move || answer(n))?.join()?, answer(n))?;
        }
        Ok(THREADS)
    })
}

fn leaked<Q>(queue: Q) -> &'static Q {
    Box::leak(Box::new(queue))
}

type Both<Q> = Ends<&'static Q, &'static Q>;

pub(crate) fn bounded(threads: usize) -> Both<Queue<u64>> {
    let queue = leaked(Queue::bounded(BOUND));
    ends(threads, queue, queue)
}

pub(crate) fn unbounded(threads: usize) -> Both<Queue<u64>> {
    let queue = leaked(Queue::unbounded());
    ends(threads, queue, queue)
}

/// Each getter reports what it has got.
pub(crate) fn reported(threads: usize) -> Ends<&'static Queue<u64>, Reports> {
    let queue = leaked(Queue::bounded(BOUND));
    ends(threads, queue, Reports(queue))
}

pub(crate) fn lifo(threads: usize) -> Both<LifoQueue<u64>> {
    let queue = leaked(LifoQueue::bounded(BOUND));
    ends(threads, queue, queue)
}

/// Numbers that are put in order, in an order that has nothing to do with it: else each would come last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scattered(u64);

impl Scattered {
    fn of(number: &u64) -> Self {
        Self(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32)) // the golden ratio's fraction: odd, so no two are equal
    }
}

type ByScattered = PriorityQueue<u64, ByKey<fn(&u64) -> Scattered>>;

pub(crate) fn priority(threads: usize) -> Both<ByScattered> {
    let queue = leaked(PriorityQueue::bounded_by_key(BOUND, Scattered::of as fn(&u64) -> Scattered));
    ends(threads, queue, queue)
}

pub(crate) fn simple(threads: usize) -> Both<SimpleQueue<u64>> {
    let queue = leaked(SimpleQueue::new());
    ends(threads, queue, queue)
}

/// The end of a getter that reports each item done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reports(&'static Queue<u64>);

impl Get for Reports {
    #[inline(always)]
    fn get(&self) -> u64 {
        let number = Get::get(&self.0);
        self.0.task_done().expect("an item was got");
        number
    }
}

/// Of the kinds that account for their items.
macro_rules! accounts {
    ($($queue:ty)*) => {$(
        impl pipelines::Queue for $queue {
            #[inline(always)]
            fn put(&self, number: u64) {
                self.put(number).expect("nobody shuts it down");
            }

            #[inline(always)]
            fn get(&self) -> u64 {
                self.get().expect("nobody shuts it down")
            }
        }
    )*};
}
accounts!(Queue<u64> LifoQueue<u64> ByScattered);

impl pipelines::Queue for SimpleQueue<u64> {
    #[inline(always)]
    fn put(&self, number: u64) {
        self.put(number);
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        self.get().expect("no signal ends a wait")
    }
}
