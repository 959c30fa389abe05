//! Who the calling thread of a model is: a thread of a process, or nobody.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::family::{Facts, Family};
use super::futex::Word;

/// The calling thread, as a thread of a process.
pub(super) struct Thread {
    pub(super) family: Family,
    /// What others know of it.
    pub(super) facts: Arc<Facts>,
    /// Steps until it dies; `None`: it does not.
    pub(super) fuse: Cell<Option<usize>>,
    pub(super) dead: Cell<bool>,
    /// What the kernel walks at its death, the newest last.
    pub(super) list: RefCell<Vec<Arc<Word>>>,
    /// What it is about to take or to release.
    pub(super) pending: RefCell<Option<Arc<Word>>>,
    /// Locks that it holds or is taking.
    pub(super) held: Cell<usize>,
    /// What happens right after it has next seen where a process goes.
    pub(super) after_look: Cell<Option<Box<dyn FnOnce()>>>,
}

loom::thread_local! {
    static HERE: RefCell<Option<Rc<Thread>>> = RefCell::new(None);
}

impl Thread {
    pub(super) fn new(family: Family, facts: Arc<Facts>, fuse: Option<usize>) -> Rc<Self> {
        Rc::new(Self {
            family,
            facts,
            fuse: Cell::new(fuse),
            dead: Cell::new(false),
            list: RefCell::default(),
            pending: RefCell::default(),
            held: Cell::new(0),
            after_look: Cell::default(),
        })
    }
}

/// The calling thread if it belongs to a process.
pub(super) fn here() -> Option<Rc<Thread>> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

/// Makes the calling thread this one; `None`: nobody again. Gives what it was before.
pub(super) fn become_thread(thread: Option<Rc<Thread>>) -> Option<Rc<Thread>> {
    HERE.with(|here| here.replace(thread))
}
