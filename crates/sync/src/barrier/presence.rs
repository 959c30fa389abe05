//! Who a party is, and whether it is still there.

use crate::MutexGuard;
use crate::claims::ANONYMOUS;
#[cfg(not(multiproc_loom))]
use crate::identity::Owner;
#[cfg(multiproc_loom)]
use crate::identity::{self, Verdict};
#[cfg(not(multiproc_loom))]
use crate::{Generation, registry};

/// The name of the thread that has locked what a barrier guards.
pub(super) fn name<T>(state: &MutexGuard<'_, T>) -> u64 {
    MutexGuard::owner(state).unwrap_or_else(anonymous)
}

/// A party in private memory: some thread of this process, and of none that this is a fork of.
pub(super) fn anonymous() -> u64 {
    #[cfg(not(multiproc_loom))]
    return u64::from(Generation::now().number()) << 1 | ANONYMOUS;
    #[cfg(multiproc_loom)] // a model has no forks
    return ANONYMOUS;
}

/// Whether this is the name of a party in private memory. The name of a family's thread has bits above these 33.
pub(super) fn is_anonymous(owner: u64) -> bool {
    owner >> 33 == 0
}

/// Whether the thread of this name, which cannot have got out of its wait, runs no more. Costs two loads.
pub(super) fn has_stopped(owner: u64) -> bool {
    #[cfg(not(multiproc_loom))]
    return registry::installed()
        .zip(Owner::unpacked(owner))
        .is_some_and(|(registry, owner)| registry.has_stopped(owner));
    #[cfg(multiproc_loom)]
    return matches!(identity::verdict(owner), Verdict::Gone | Verdict::Left);
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;
    use crate::identity::Claim;

    #[test]
    fn no_thread_of_a_family_is_anonymous() {
        let least = Claim { index: 0, generation: 0 };
        assert!(!is_anonymous(Owner { process: least, thread: least }.packed()));
        assert!(is_anonymous(anonymous()) && is_anonymous(u64::from(u32::MAX) << 1 | ANONYMOUS));
        assert!(Owner::unpacked(anonymous()).is_none() && anonymous() != 0);
    }
}
