//! Where something has begun: in this process, or in the one that has made it by a fork.

#[cfg(not(multiproc_loom))]
use crate::Generation;

/// In which process something has begun, to be asked after the user's code has run: the action of a barrier, the hook of a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    #[cfg(not(multiproc_loom))]
    generation: Generation,
}

impl Origin {
    pub(crate) fn here() -> Self {
        Self {
            #[cfg(not(multiproc_loom))]
            generation: Generation::now(),
        }
    }

    /// Whether it is this process.
    pub(crate) fn is_here(self) -> bool {
        #[cfg(not(multiproc_loom))]
        return self.generation.is_ours();
        #[cfg(multiproc_loom)] // a model has no forks, but its dead threads have destructors
        return !crate::primitive::model::is_dead();
    }
}
