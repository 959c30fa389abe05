//! The bugs that are planted in the fault programs, for each primitive one that kills can show, and the scenarios that must find them.

/// Names the bug to a program that was built for one.
pub(super) const VARIABLE: &str = "MULTIPROC_PLANTED";

/// Has the program end with the first point that fails, since each takes the whole patience.
pub(super) const FIRST_FAILURE: &str = "--first-failure";

/// A bug in a package that a cfg `multiproc_planted` lets in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planted {
    pub(super) package: &'static str,
    pub(super) bug: &'static str,
    /// The scenario that must find it.
    pub(super) scenario: &'static str,
    /// What its first failure must say.
    pub(super) says: &'static str,
}

const fn sync(bug: &'static str, scenario: &'static str, says: &'static str) -> Planted {
    Planted { package: "multiproc-sync", bug, scenario, says }
}

const fn shm(bug: &'static str, scenario: &'static str, says: &'static str) -> Planted {
    Planted { package: "multiproc-shm", bug, scenario, says }
}

/// Somebody is never woken.
const ASLEEP: &str = "asleep for good";

/// All of them.
pub(super) const PLANTED: &[Planted] = &[
    sync("ExchangeThenWake", "owner/sleeping+barging", ASLEEP),
    sync("SleepersTakenAlong", "semaphore/woken+sleeping", ASLEEP),
    sync("PermitNotPassedOn", "semaphore/releaser+two sleeping", ASLEEP),
    sync("SleeperNotWoken", "bounded semaphore/leaver+sleeping", ASLEEP),
    sync("SleeperNotWoken", "lock/leaver+sleeping", ASLEEP),
    sync("DeadHolderUnseen", "robust semaphore/taker", "newcomer (S) not through"),
    sync("SetThenWake", "event/setter+clearer", ASLEEP),
    sync("OpenerNotReplaced", "latch/opener", ASLEEP),
    sync("CollectedFirst", "barrier/collector", "it was forgotten that one has given up"),
    sync("ResetInSilence", "barrier/resetter", ASLEEP),
    sync("DeadPartyUnseen", "wait group/member", "waiting (S)"),
    sync("AllWakesOne", "condvar/notifier", ASLEEP),
    sync("DeadInitialiserTrusted", "once/maker", "a value"),
    shm("FlippedEarly", "journaled/updater", "torn"),
    shm("FlippedEarly", "shared value/setter", "torn"),
    shm("TagFirst", "option/setter", "nobody has put 0 there"),
    shm("TagKept", "option/replacer", "torn"),
    shm("PartTakenUnasked", "part/owner", "taken from a living owner"),
    shm("NamedEarly", "names/maker", "all of the dead one's is gone"),
    shm("UnlinkedByName", "names/owner's drop+exchanging", "another's name was taken away"),
    shm("ForgottenAside", "names/owner's drop of what is aside", "all of the dead one's is gone"),
    shm("LeftToSweeper", "names/heir", "the name of a dead one can be had"),
    shm("ListFirst", "names/sweeper", "all of the dead one's is gone"),
    shm("NothingRecovered", "arena/converter", "were lost"),
    shm("NothingRecovered", "arena/trimmer", "were lost"),
    shm("SenderAsked", "arena/sender", "is gone"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bug_is_looked_for_twice_in_a_scenario() {
        for (number, one) in PLANTED.iter().enumerate() {
            let twice = PLANTED[..number].iter().any(|other| other.scenario == one.scenario);
            assert!(!twice, "{}", one.scenario);
        }
    }
}
