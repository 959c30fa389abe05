//! What has arrived in this process, found again by its file: however often a segment is received, it is mapped once and takes one
//! descriptor.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use multiproc_sync::PerProcess;

use crate::error::ShmError;
use crate::sys::file_id::FileId;

/// Tells a file from all others that exist: no other one has it as long as somebody has this one open.
pub(crate) type Key = FileId;

pub(crate) fn key(file: &File) -> Result<Key, ShmError> {
    file.metadata().map(|facts| FileId::of(&facts)).map_err(ShmError::kernel("look at a segment"))
}

/// Those of this process that live, each of which has its file open. A fork begins with none.
pub(crate) struct Arrivals<T: Send + Sync + 'static>(PerProcess<Mutex<Live<T>>>);

struct Live<T> {
    by_file: HashMap<Key, Weak<T>>,
    /// At how many it is to be looked which of them have ended.
    prune_at: usize,
}

impl<T> Default for Live<T> {
    fn default() -> Self {
        Self { by_file: HashMap::new(), prune_at: 16 }
    }
}

impl<T> Live<T> {
    fn insert(&mut self, key: Key, value: &Arc<T>) {
        if self.by_file.len() >= self.prune_at {
            self.by_file.retain(|_, value| value.strong_count() > 0);
            self.prune_at = 16.max(2 * self.by_file.len());
        }
        self.by_file.insert(key, Arc::downgrade(value));
    }
}

impl<T: Send + Sync> Arrivals<T> {
    pub(crate) const fn new() -> Self {
        Self(PerProcess::new())
    }

    /// Notes what was made here, to be found when it comes back.
    pub(crate) fn insert(&self, key: Key, value: &Arc<T>) {
        self.live().insert(key, value);
    }

    /// The one of this file; if there is none, what `arrive` makes of it. Two that arrive at the same time become one.
    pub(crate) fn find_or<E>(
        &self,
        key: Key,
        arrive: impl FnOnce() -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let mut live = self.live();
        if let Some(found) = live.by_file.get(&key).and_then(Weak::upgrade) {
            return Ok(found);
        }
        let arrived = arrive()?;
        live.insert(key, &arrived);
        Ok(arrived)
    }

    fn live(&self) -> MutexGuard<'static, Live<T>> {
        // No panic leaves it half done.
        self.0.get().lock().unwrap_or_else(PoisonError::into_inner)
    }
}
