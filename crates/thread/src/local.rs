//! A thread-local that is an object: each thread has a value of its own in it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, OnceLock, Weak};

use multiproc_sync::primitive::AtomicU64;

use crate::thread::panic::drop_quietly;

/// A value of each thread's own, made when that thread first asks for it. Unlike `thread_local!` it is an object: a field, an element, a
/// `static`.
///
/// ```
/// use std::cell::RefCell;
/// use multiproc_thread::{Local, Thread};
///
/// static LINES: Local<RefCell<Vec<String>>> = Local::new(RefCell::default);
///
/// LINES.with(|lines| lines.borrow_mut().push("mine".to_owned()));
/// let other = Thread::spawn(|| LINES.with(|lines| lines.borrow().len()))?;
/// assert_eq!(other.join().unwrap(), 0);
/// LINES.with(|lines| assert_eq!(*lines.borrow(), ["mine"]));
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
///
/// # When values are dropped
///
/// Each in the thread that made it, so that they need not be `Send`: at the end of the thread, before it can be
/// [joined](crate::Thread::join); by [`set`](Self::set) and [`take`](Self::take); and when the `Local` is dropped, for values of other
/// threads at their next use of any `Local`, or at their end. What a panic of a `Drop` in between does is end that drop: the panic hook tells of it.
/// A value that somebody has from [`get`](Self::get) is dropped when they let go of it. At the end of the process the
/// values of threads that have not ended are not dropped.
///
/// # Destructors
///
/// While a thread drops its values, and in destructors of thread-locals after that, it has none: [`get`](Self::get) makes a
/// value for its caller alone, and [`set`](Self::set) drops the one it is given.
///
/// # Cost
///
/// A search in a map of the thread's values, about ten nanoseconds. `thread_local!` costs one.
#[doc(alias = "threading.local")]
pub struct Local<T, F = fn() -> T> {
    init: F,
    mark: OnceLock<Arc<Mark>>,
    /// Values are in the threads.
    value: std::marker::PhantomData<fn() -> T>,
}

/// That a `Local` is there, and which one it is.
struct Mark {
    number: u64,
}

/// How many `Local`s were dropped.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// A thread's value in one `Local`.
struct Slot {
    of: Weak<Mark>,
    /// `None`: it is being made.
    value: Option<Rc<dyn Any>>,
}

struct Slots {
    by_number: RefCell<BTreeMap<u64, Slot>>,
    /// `DROPPED`, when values of dropped ones were last looked for.
    looked: Cell<u64>,
}

thread_local! {
    static SLOTS: Slots = const { Slots { by_number: RefCell::new(BTreeMap::new()), looked: Cell::new(0) } };
}

impl Drop for Slots {
    fn drop(&mut self) {
        for slot in self.by_number.take().into_values() {
            drop_quietly(slot);
        }
    }
}

impl<T, F> Local<T, F> {
    /// One in which a thread's value is made by `init`.
    pub const fn new(init: F) -> Self {
        Self { init, mark: OnceLock::new(), value: std::marker::PhantomData }
    }

    fn mark(&self) -> &Arc<Mark> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        self.mark.get_or_init(|| Arc::new(Mark { number: MADE.fetch_add(1, Relaxed) }))
    }
}

impl<T: 'static, F: Fn() -> T> Local<T, F> {
    /// Calls `f` with this thread's value.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.get())
    }

    /// This thread's value, made now if there is none.
    ///
    /// ```
    /// let local = multiproc_thread::Local::new(|| String::from("made here"));
    /// let value = local.get();
    /// drop(local);
    /// assert_eq!(*value, "made here"); // as long as somebody has it
    /// ```
    ///
    /// # Panics
    ///
    /// If the function that makes the values does, or asks for the one that it makes.
    pub fn get(&self) -> Rc<T> {
        let mark = self.mark();
        match seek(mark.number) {
            Sought::Found(value) => value,
            Sought::Missing => self.make(mark),
            Sought::Being => panic!("the function that makes a value of this `Local` asks for that value"),
            Sought::Over => Rc::new((self.init)()),
        }
    }

    #[cold]
    fn make(&self, mark: &Arc<Mark>) -> Rc<T> {
        let being = Being::begin(mark);
        let value = Rc::new((self.init)());
        being.end(value.clone());
        value
    }
}

impl<T: 'static, F> Local<T, F> {
    /// Gives this thread another value; returns the one that it had.
    ///
    /// ```
    /// let local = multiproc_thread::Local::new(|| 1);
    /// assert_eq!(local.set(2), None);
    /// assert_eq!(local.set(3).as_deref(), Some(&2));
    /// assert_eq!(*local.get(), 3);
    /// ```
    pub fn set(&self, value: T) -> Option<Rc<T>> {
        let mark = self.mark();
        replace(mark, Rc::new(value)).and_then(typed)
    }

    /// Takes this thread's value; the next one to ask makes a new one.
    ///
    /// ```
    /// let local = multiproc_thread::Local::new(|| 1);
    /// local.set(2);
    /// assert_eq!(local.take().as_deref(), Some(&2));
    /// assert_eq!(local.take(), None);
    /// assert_eq!(*local.get(), 1);
    /// ```
    pub fn take(&self) -> Option<Rc<T>> {
        take(self.mark.get()?.number).and_then(typed)
    }
}

fn typed<T: 'static>(value: Rc<dyn Any>) -> Option<Rc<T>> {
    value.downcast().ok() // a number is one `Local`'s, whose values have this type
}

enum Sought<T> {
    Found(Rc<T>),
    Missing,
    /// It is being made.
    Being,
    /// The thread has no values any more.
    Over,
}

fn seek<T: 'static>(number: u64) -> Sought<T> {
    let found = SLOTS.try_with(|slots| {
        slots.let_go_of_dropped();
        match slots.by_number.borrow().get(&number) {
            None => Sought::Missing,
            Some(Slot { value: None, .. }) => Sought::Being,
            Some(Slot { value: Some(value), .. }) => {
                typed(value.clone()).map_or(Sought::Missing, Sought::Found)
            }
        }
    });
    found.unwrap_or(Sought::Over)
}

/// Puts a value in; gives the one that was there. Whatever is dropped here is dropped with the map free.
fn replace(mark: &Arc<Mark>, value: Rc<dyn Any>) -> Option<Rc<dyn Any>> {
    SLOTS
        .try_with(|slots| {
            slots.let_go_of_dropped();
            let slot = Slot { of: Arc::downgrade(mark), value: Some(value) };
            slots.by_number.borrow_mut().insert(mark.number, slot)
        })
        .ok()
        .flatten()
        .and_then(|slot| slot.value)
}

fn take(number: u64) -> Option<Rc<dyn Any>> {
    let taken = SLOTS.try_with(|slots| {
        slots.let_go_of_dropped();
        let mut by_number = slots.by_number.borrow_mut();
        // One that is being made is not there yet.
        by_number.get(&number)?.value.as_ref()?;
        by_number.remove(&number)
    });
    taken.ok().flatten().and_then(|slot| slot.value)
}

impl Slots {
    /// Drops the values of `Local`s that were dropped since the last look.
    fn let_go_of_dropped(&self) {
        // Acquire: with the Release of who has dropped one.
        let dropped = DROPPED.load(Acquire);
        if self.looked.replace(dropped) == dropped {
            return;
        }
        let mut over = Vec::new();
        self.by_number.borrow_mut().retain(|_, slot| {
            let is_over = slot.of.strong_count() == 0;
            if is_over {
                over.extend(slot.value.take());
            }
            !is_over
        });
        over.into_iter().for_each(drop_quietly);
    }
}

/// A value is being made in this thread, until this is dropped.
struct Being(u64);

impl Being {
    fn begin(mark: &Arc<Mark>) -> Self {
        let slot = Slot { of: Arc::downgrade(mark), value: None };
        let _ = SLOTS.try_with(|slots| slots.by_number.borrow_mut().insert(mark.number, slot));
        Self(mark.number)
    }

    fn end(self, value: Rc<dyn Any>) {
        let before = SLOTS.try_with(|slots| {
            slots.by_number.borrow_mut().get_mut(&self.0).and_then(|slot| slot.value.replace(value))
        });
        drop(before); // which the function has set itself
    }
}

impl Drop for Being {
    fn drop(&mut self) {
        let _ = SLOTS.try_with(|slots| {
            let mut by_number = slots.by_number.borrow_mut();
            if by_number.get(&self.0).is_some_and(|slot| slot.value.is_none()) {
                by_number.remove(&self.0);
            }
        });
    }
}

impl<T, F> Drop for Local<T, F> {
    fn drop(&mut self) {
        let Some(mark) = self.mark.take() else { return };
        let number = mark.number;
        drop(mark);
        // Release: with the Acquire of those who look.
        DROPPED.fetch_add(1, Release);
        drop_quietly(take(number));
    }
}

impl<T: fmt::Debug + 'static, F: Fn() -> T> fmt::Debug for Local<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
