//! Where a queue keeps its items: what the waiting logic needs to know of it.

/// Why nothing was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no room.
    Full,
    /// There will be room as soon as a get that is under way has come to its end.
    Busy,
    /// The queue was shut down.
    Shut,
}

/// Why nothing was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// There is no item.
    Empty,
    /// There will be an item as soon as a put that is under way has come to its end.
    Busy,
    /// There is no item, and there will be none: the queue was shut down.
    Ended,
}

/// A place for items, into which any number of threads put, and out of which any number take.
pub(crate) trait Store {
    type Item;
    /// What was in it.
    type Rest;

    /// Puts an item in. It counts as put from a moment before which nobody can take it.
    fn push(&self, item: Self::Item) -> Result<(), (Self::Item, Refusal)>;

    /// Takes an item out. It counts as taken before this returns.
    fn pop(&self) -> Result<Self::Item, Nothing>;

    /// From now on nothing is put in; what is under way comes in still.
    fn shut(&self);

    /// Takes everything out, of a store that was shut; waits for what is under way. Gives how many items that were.
    fn clear(&self) -> (Self::Rest, u64);

    /// Items put in since it was made. What happened before these were put need not be seen.
    fn puts(&self) -> u64;

    /// Items taken out since it was made. What happened before these were taken need not be seen.
    fn taken(&self) -> u64;

    /// How many items there were at one moment of the call.
    fn len(&self) -> usize;

    /// The most items that there can be; `None`: as many as memory has room for.
    fn capacity(&self) -> Option<usize>;

    fn is_shut(&self) -> bool;

    /// Whether an item could be taken now, or soon. A hint.
    fn may_have_items(&self) -> bool {
        self.puts() != self.taken()
    }

    /// Whether an item could be put in now, or soon. A hint.
    fn may_have_room(&self) -> bool {
        // Taken first: never more than were put then.
        let taken = self.taken();
        let items = self.puts().saturating_sub(taken);
        self.capacity().is_none_or(|capacity| items < capacity as u64)
    }
}

/// Lets others go on, of whom one is in the middle of what the caller needs.
pub(crate) fn give_way() {
    #[cfg(not(multiproc_loom))]
    std::thread::yield_now();
    #[cfg(multiproc_loom)]
    multiproc_sync::primitive::model::thread::yield_now();
}
