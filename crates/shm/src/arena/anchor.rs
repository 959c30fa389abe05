//! What keeps an arena mapped, counted apart by each stripe of threads: two that count in one place wait for each other's cache line.

use std::ops::Deref;
use std::sync::Arc;

use super::ground::Ground;
use super::stripe::{STRIPES, stripe};

/// The arena, for the boxes that the threads of a stripe allocate.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Anchor(Arc<Ground>);

impl Anchor {
    pub(crate) fn new(ground: Arc<Ground>) -> Arc<Self> {
        Arc::new(Self(ground))
    }
}

impl Deref for Anchor {
    type Target = Ground;

    #[inline]
    fn deref(&self) -> &Ground {
        &self.0
    }
}

/// One for each stripe.
#[derive(Debug)]
pub(crate) struct Anchors([Arc<Anchor>; STRIPES]);

impl Anchors {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self(std::array::from_fn(|_| Anchor::new(ground.clone())))
    }

    /// That of the calling thread's stripe.
    #[inline]
    pub(crate) fn of_this_thread(&self) -> &Arc<Anchor> {
        &self.0[stripe()]
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.0[0]
    }
}
