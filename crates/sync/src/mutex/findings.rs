//! For how long the same has been found of a dead owner.

use std::time::Duration;
#[cfg(not(multiproc_loom))]
use std::time::Instant;

#[cfg(multiproc_loom)]
use self::modelled::{HEARTBEAT, Instant};
#[cfg(not(multiproc_loom))]
use crate::futex::HEARTBEAT;

/// For how long the process of a dead thread is waited for, if nothing says that it is ending, or lives.
const PATIENCE: Duration = HEARTBEAT.saturating_mul(3);

/// What forbids to take a dead owner's lock now, and is refused if it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Its process goes on.
    GoesOn,
    /// Nothing tells of its process.
    Unseen,
}

/// What one locker finds, look by look. Signals may make the looks many.
#[derive(Debug)]
pub(super) struct Findings {
    last: Option<Lasting>,
}

#[derive(Debug)]
struct Lasting {
    owner: u64,
    finding: Finding,
    looked: Instant,
    /// Of no look more than a heartbeat after the one before: if all processes stood still, the owner's had no time to end.
    lasted: Duration,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { last: None }
    }

    /// Whether this, found now of this owner, has been found at each look for longer than is to be waited.
    pub(super) fn have_lasted(&mut self, owner: u64, finding: Finding) -> bool {
        self.have_lasted_at(Instant::now(), owner, finding)
    }

    fn have_lasted_at(&mut self, now: Instant, owner: u64, finding: Finding) -> bool {
        match &mut self.last {
            Some(last) if (last.owner, last.finding) == (owner, finding) => {
                last.lasted += now.saturating_duration_since(last.looked).min(HEARTBEAT);
                last.looked = now;
                last.lasted >= PATIENCE
            }
            last => {
                *last = Some(Lasting { owner, finding, looked: now, lasted: Duration::ZERO });
                false
            }
        }
    }

    /// Something else was found.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

/// In a model no time passes: each look comes a heartbeat after the one before.
#[cfg(multiproc_loom)]
mod modelled {
    use std::time::Duration;

    pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Instant;

    impl Instant {
        pub(super) fn now() -> Self {
            Self
        }

        pub(super) fn saturating_duration_since(self, _: Self) -> Duration {
            HEARTBEAT
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Looks at so many milliseconds; when it was found to have lasted.
    fn lasts_at(looks: impl IntoIterator<Item = (u64, u64, Finding)>) -> Option<u64> {
        let (mut findings, begin) = (Findings::new(), Instant::now());
        let at = |millis| begin + Duration::from_millis(millis);
        looks.into_iter().find_map(|(millis, owner, finding)| {
            findings.have_lasted_at(at(millis), owner, finding).then_some(millis)
        })
    }

    #[test]
    fn many_looks_are_no_long_time() {
        let every = |step: usize| (0..10_000).step_by(step).map(|millis| (millis, 7, Finding::GoesOn));
        assert_eq!(lasts_at(every(1)), Some(3000));
        assert_eq!(lasts_at(every(1000)), Some(3000));
        assert_eq!(
            lasts_at([0, 60_000, 61_000].map(|millis| (millis, 7, Finding::Unseen))),
            None,
            "it stood still"
        );
    }

    #[test]
    fn another_owner_or_another_finding_begins_anew() {
        let looks = |owner_at, finding_at| {
            (0..20_000).step_by(500).map(move |millis| {
                let finding = if millis < finding_at { Finding::Unseen } else { Finding::GoesOn };
                (millis, u64::from(millis >= owner_at), finding)
            })
        };
        assert_eq!(lasts_at(looks(0, 0)), Some(3000));
        assert_eq!(lasts_at(looks(2500, 0)), Some(5500));
        assert_eq!(lasts_at(looks(0, 2500)), Some(5500));
        assert_eq!(lasts_at(looks(2500, 5000)), Some(8000));
    }

    #[test]
    fn what_is_found_in_between_begins_it_anew() {
        let (mut findings, begin) = (Findings::new(), Instant::now());
        let mut look =
            |seconds| findings.have_lasted_at(begin + Duration::from_secs(seconds), 7, Finding::GoesOn);
        assert!(!look(0) && !look(1) && !look(2) && look(3));
        findings.forget();
        let mut look =
            |seconds| findings.have_lasted_at(begin + Duration::from_secs(seconds), 7, Finding::GoesOn);
        assert!(!look(4) && !look(5) && !look(6) && look(7));
    }
}
