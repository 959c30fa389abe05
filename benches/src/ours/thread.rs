//! Ours of threads: queues, bounded and not, and threads themselves.

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

pub(crate) fn priority(threads: usize) -> Both<PriorityQueue<u64>> {
    let queue = leaked(PriorityQueue::bounded(BOUND));
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
    ($($queue:ident)*) => {$(
        impl pipelines::Queue for $queue<u64> {
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
accounts!(Queue LifoQueue PriorityQueue);

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
