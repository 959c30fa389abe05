//! The methods that all queues with an account have, written once.

/// Inside `impl<T, …> Kind<T, …>`, which has a field `shell`, and `wrap` and `unwrap` between `T` and what the shell keeps.
macro_rules! methods {
    () => {
        /// Puts an item in, and waits for room if there is none.
        ///
        /// # Errors
        ///
        /// [`PutError::ShutDown`](crate::PutError::ShutDown), also if it comes during the wait;
        /// [`PutError::Cancelled`](crate::PutError::Cancelled), [`PutError::Interrupted`](crate::PutError::Interrupted). The item comes back.
        #[inline]
        pub fn put(&self, item: T) -> Result<(), PutError<T>> {
            self.shell.put(self.wrap(item), None).map_err(|error| error.map(Self::unwrap))
        }

        /// Puts an item in if there is room.
        ///
        /// # Errors
        ///
        /// [`PutError::Full`](crate::PutError::Full) or [`PutError::ShutDown`](crate::PutError::ShutDown), with the item.
        #[inline]
        #[doc(alias = "put_nowait")]
        pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
            self.shell.try_put(self.wrap(item)).map_err(|error| error.map(Self::unwrap))
        }

        /// Puts an item in, and waits for room for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`put`](Self::put); [`PutError::TimedOut`](crate::PutError::TimedOut) if there was none all the time.
        pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
            match Instant::now().checked_add(timeout) {
                Some(deadline) => self.put_deadline(item, deadline),
                None => self.put(item), // longer than a clock can say
            }
        }

        /// Puts an item in, and waits for room until `deadline`.
        ///
        /// # Errors
        ///
        /// As [`put_timeout`](Self::put_timeout).
        pub fn put_deadline(&self, item: T, deadline: Instant) -> Result<(), PutError<T>> {
            self.shell.put(self.wrap(item), Some(&deadline)).map_err(|error| error.map(Self::unwrap))
        }

        /// Takes the next item out, and waits for one if there is none.
        ///
        /// # Errors
        ///
        /// [`GetError::ShutDown`](crate::GetError::ShutDown) if there is none, and there will be none;
        /// [`GetError::Cancelled`](crate::GetError::Cancelled), [`GetError::Interrupted`](crate::GetError::Interrupted).
        #[inline]
        pub fn get(&self) -> Result<T, GetError> {
            self.shell.get(None).map(Self::unwrap)
        }

        /// Takes the next item out if there is one.
        ///
        /// # Errors
        ///
        /// [`GetError::Empty`](crate::GetError::Empty), or [`GetError::ShutDown`](crate::GetError::ShutDown) if there will be none.
        #[inline]
        #[doc(alias = "get_nowait")]
        pub fn try_get(&self) -> Result<T, GetError> {
            self.shell.try_get().map(Self::unwrap)
        }

        /// Takes the next item out, and waits for one for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`get`](Self::get); [`GetError::TimedOut`](crate::GetError::TimedOut) if there was none all the time.
        pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
            match Instant::now().checked_add(timeout) {
                Some(deadline) => self.get_deadline(deadline),
                None => self.get(), // longer than a clock can say
            }
        }

        /// Takes the next item out, and waits for one until `deadline`.
        ///
        /// # Errors
        ///
        /// As [`get_timeout`](Self::get_timeout).
        pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetError> {
            self.shell.get(Some(&deadline)).map(Self::unwrap)
        }

        /// How many items were in the queue at one moment of the call.
        #[doc(alias = "qsize")]
        pub fn len(&self) -> usize {
            self.shell.store().len()
        }

        /// Whether there was no item in the queue.
        #[doc(alias = "empty")]
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }

        /// Whether there was no room in the queue.
        #[doc(alias = "full")]
        pub fn is_full(&self) -> bool {
            self.capacity().is_some_and(|capacity| self.len() >= capacity)
        }

        /// The most items that there can be in the queue; `None`: it is unbounded.
        #[doc(alias = "maxsize")]
        pub fn capacity(&self) -> Option<usize> {
            self.shell.store().capacity()
        }

        /// Items that were put and neither reported done nor discarded: those in the queue, and those that are worked on.
        #[doc(alias = "unfinished_tasks")]
        pub fn unfinished(&self) -> u64 {
            self.shell.unfinished()
        }

        /// Reports an item that was got from the queue as done. Any thread may do so, once for each.
        ///
        /// Who leaves it out altogether needs no account, and does without [`join`](Self::join).
        ///
        /// # Errors
        ///
        /// [`TaskDoneError`](crate::TaskDoneError) if more would be done than was got. It changes nothing.
        #[inline]
        pub fn task_done(&self) -> Result<(), TaskDoneError> {
            self.shell.task_done()
        }

        /// Waits until every item that was put has been reported [done](Self::task_done). What was done for them is seen then.
        ///
        /// # Errors
        ///
        /// [`UnfinishedError::ShutDown`](crate::UnfinishedError::ShutDown) if the queue was shut down at once, with items that were
        /// not done; [`UnfinishedError::Cancelled`](crate::UnfinishedError::Cancelled),
        /// [`UnfinishedError::Interrupted`](crate::UnfinishedError::Interrupted).
        pub fn join(&self) -> Result<(), UnfinishedError> {
            self.shell.join(None)
        }

        /// As [`join`](Self::join), for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`join`](Self::join); [`UnfinishedError::TimedOut`](crate::UnfinishedError::TimedOut).
        pub fn join_timeout(&self, timeout: Duration) -> Result<(), UnfinishedError> {
            match Instant::now().checked_add(timeout) {
                Some(deadline) => self.join_deadline(deadline),
                None => self.join(), // longer than a clock can say
            }
        }

        /// As [`join`](Self::join), until `deadline`.
        ///
        /// # Errors
        ///
        /// As [`join_timeout`](Self::join_timeout).
        pub fn join_deadline(&self, deadline: Instant) -> Result<(), UnfinishedError> {
            self.shell.join(Some(&deadline))
        }

        /// Shuts the queue down: from now on nothing is put in, also by those who wait for room. What was put before is there to be
        /// got, and then [`GetError::ShutDown`](crate::GetError::ShutDown) is the end; or it is discarded, and the end comes at once.
        ///
        /// A second time, or by several threads, it changes nothing, but after [`Drain`](Shutdown::Drain) there may be an
        /// [`Immediate`](Shutdown::Immediate) one. What is discarded is dropped by the calling thread, after everything else.
        pub fn shutdown(&self, how: Shutdown) {
            self.shell.shut_down(how);
        }

        /// Whether it was shut down, in whatever way.
        pub fn is_shut_down(&self) -> bool {
            self.shell.store().is_shut()
        }

        /// Takes items out, waits for each, and ends when the queue was shut down and has none left, or when a wait is cancelled or
        /// interrupted. Cancellation ends waits only: in a queue that never is empty the loop asks for itself, by
        /// [`check_cancelled`](crate::check_cancelled).
        pub fn iter(&self) -> Iter<'_, Self> {
            Iter::new(self)
        }

        /// Takes items out as long as there are some, and does not wait.
        pub fn try_iter(&self) -> TryIter<'_, Self> {
            TryIter::new(self)
        }
    };
}
pub(super) use methods;
