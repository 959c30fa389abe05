//! Queues for the models, and threads at them.

use std::collections::VecDeque;
use std::sync::Arc;

use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use multiproc_sync::primitive::model::thread::{self, JoinHandle};

use crate::queue::locked::Locked;
use crate::queue::ring::Ring;
use crate::queue::shell::Shell;
use crate::queue::store::{Nothing, Refusal, Store};

/// An item. Each is another one.
pub(super) type Item = u32;

/// A queue that the model's threads share.
pub(super) struct Queue<S>(Arc<Shell<S>>);

impl<S> Clone for Queue<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> std::ops::Deref for Queue<S> {
    type Target = Shell<S>;

    fn deref(&self) -> &Shell<S> {
        &self.0
    }
}

/// A bounded queue.
pub(super) fn ring(capacity: usize) -> Queue<Ring<Item>> {
    Queue(Arc::new(Shell::new(Ring::new(capacity))))
}

/// A queue behind a lock, which orders no more than any lock does.
pub(super) fn locked(capacity: Option<usize>) -> Queue<Locked<VecDeque<Item>>> {
    Queue(Arc::new(Shell::new(Locked::new(capacity))))
}

impl<S: Store<Item = Item> + 'static> Queue<S> {
    /// A thread at the queue.
    pub(super) fn spawn<R: 'static>(&self, work: impl FnOnce(&Self) -> R + 'static) -> JoinHandle<R> {
        let queue = self.clone();
        thread::spawn(move || work(&queue))
    }

    /// A thread that gets one item.
    pub(super) fn getter(&self) -> JoinHandle<Item> {
        self.spawn(|queue| queue.get(None).unwrap())
    }

    /// A thread that puts one item.
    pub(super) fn putter(&self, item: Item) -> JoinHandle<()> {
        self.spawn(move |queue| queue.put(item, None).unwrap())
    }
}

/// A store into which an item is put, or out of which one is taken, in two steps, with one lock around each: a ring in which that takes
/// its time would take more steps than can be tried in every order.
#[derive(Default)]
pub(super) struct Slow(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    items: VecDeque<Item>,
    /// The item that is to be the first one is under way.
    is_busy: bool,
    /// The item whose place is the next to be filled is on its way out.
    is_leaving: bool,
    capacity: Option<usize>,
    is_shut: bool,
    puts: u64,
    taken: u64,
}

pub(super) fn slow() -> Queue<Slow> {
    Queue(Arc::new(Shell::new(Slow::default())))
}

pub(super) fn slow_bounded(capacity: usize) -> Queue<Slow> {
    let queue = slow();
    queue.store().lock().capacity = Some(capacity);
    queue
}

impl Queue<Slow> {
    /// Puts an item into an empty queue, and in the middle of it does something else.
    pub(super) fn put_around(&self, item: Item, middle: impl FnOnce()) {
        let mut inside = self.store().lock();
        inside.puts += 1;
        inside.is_busy = true;
        drop(inside);
        middle();
        let mut inside = self.store().lock();
        inside.items.push_front(item);
        inside.is_busy = false;
        drop(inside);
        self.has_put();
    }

    /// Takes an item out of a full queue, and in the middle of it does something else.
    pub(super) fn take_around(&self, middle: impl FnOnce()) -> Option<Item> {
        let mut inside = self.store().lock();
        let item = inside.items.pop_front();
        inside.taken += 1;
        inside.is_leaving = true;
        drop(inside);
        middle();
        self.store().lock().is_leaving = false;
        self.has_taken();
        item
    }
}

impl Slow {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }
}

impl Store for Slow {
    type Item = Item;
    type Rest = VecDeque<Item>;

    fn push(&self, item: Item) -> Result<(), (Item, Refusal)> {
        let mut inside = self.lock();
        if inside.is_shut {
            return Err((item, Refusal::Shut));
        }
        if inside.capacity.is_some_and(|capacity| inside.items.len() >= capacity) {
            return Err((item, Refusal::Full));
        }
        if inside.is_leaving {
            return Err((item, Refusal::Busy));
        }
        inside.items.push_back(item);
        inside.puts += 1;
        Ok(())
    }

    fn pop(&self) -> Result<Item, Nothing> {
        let mut inside = self.lock();
        if inside.is_busy {
            return Err(Nothing::Busy);
        }
        let item = inside.items.pop_front();
        inside.taken += u64::from(item.is_some());
        item.ok_or(if inside.is_shut { Nothing::Ended } else { Nothing::Empty })
    }

    fn shut(&self) {
        self.lock().is_shut = true;
    }

    fn clear(&self) -> (VecDeque<Item>, u64) {
        unreachable!("no model discards from it")
    }

    fn puts(&self) -> u64 {
        self.lock().puts
    }

    fn taken(&self) -> u64 {
        self.lock().taken
    }

    fn len(&self) -> usize {
        self.lock().items.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.lock().capacity
    }

    fn is_shut(&self) -> bool {
        self.lock().is_shut
    }
}
