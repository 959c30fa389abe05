//! One function over many items: tasks go in as results come out, so that neither pile up.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{PoolError, TaskError};
use crate::pool::core::Core;
use crate::pool::job::{Outcome, Slot, Waiter};
use crate::request::request;

/// Tasks without a result up to which more are taken in, for each worker; at least `MIN_WINDOW`.
const WINDOW_PER_WORKER: usize = 16;
const MIN_WINDOW: usize = 64;

/// A map that is under way: tasks in, outcomes out in the order of the items.
pub(crate) struct Map<'a> {
    core: &'a Core,
    waiter: Arc<Waiter>,
    /// Tasks whose outcome has not been given out, in the order of the items.
    slots: VecDeque<Arc<Slot>>,
}

impl<'a> Map<'a> {
    /// Runs `function` over `items`, giving each outcome to `each` in order. Stops early when `each` says an error.
    pub(crate) fn run<A, R, E>(
        core: &'a Core,
        function: fn(A) -> R,
        items: impl IntoIterator<Item = impl Borrow<A>>,
        mut each: impl FnMut(Outcome) -> Result<(), E>,
    ) -> Result<(), MapError<E>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize,
    {
        let window = (core.places() * WINDOW_PER_WORKER).max(MIN_WINDOW);
        let mut map = Map { core, waiter: Waiter::new(), slots: VecDeque::new() };
        for item in items {
            let request = request(function, item.borrow()).map_err(MapError::Pool)?;
            let (_, slot) = core.submit(request, &map.waiter).map_err(MapError::Pool)?;
            map.slots.push_back(slot);
            if map.waiter.pending() >= window {
                core.wait_and_come_back(&map.waiter, window / 2);
                map.give_out(&mut each).map_err(MapError::Each)?;
            }
        }
        // Half of the rest at a time: a failure near the front is seen before the last task has run.
        while !map.slots.is_empty() {
            core.wait_and_come_back(&map.waiter, map.waiter.pending() / 2);
            map.give_out(&mut each).map_err(MapError::Each)?;
        }
        Ok(())
    }

    fn give_out<E>(&mut self, each: &mut impl FnMut(Outcome) -> Result<(), E>) -> Result<(), E> {
        while let Some(outcome) = self.slots.front().and_then(|slot| slot.take()) {
            self.slots.pop_front();
            each(outcome)?;
        }
        Ok(())
    }
}

/// Tasks that have not begun are dropped with the map that wanted them; those under way end with nobody waiting.
impl Drop for Map<'_> {
    fn drop(&mut self) {
        self.core.lock().forget(&self.waiter);
        self.core.attend_to_it();
    }
}

/// Why a map stopped early.
pub(crate) enum MapError<E> {
    Pool(PoolError),
    Each(E),
}

impl From<MapError<TaskError>> for TaskError {
    fn from(error: MapError<TaskError>) -> Self {
        match error {
            MapError::Pool(e) => e.into(),
            MapError::Each(e) => e,
        }
    }
}
