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
    shm("ModeClearedFirst", "array/changer", "in one mode or the other"),
    shm("ModeClearedFirst", "array/locker", "in one mode or the other"),
    shm("ModeClearedFirst", "splitter/splits", "in one mode or the other"),
    shm("ModeClearedFirst", "splitter/joins", "in one mode or the other"),
    shm("ModeChangedUnasked", "array/receiver", "changed beside a living holder"),
    shm("JoinedUnasked", "part/forwarder", "joined though the victim has a part"),
    shm("PartTakenUnasked", "part/owner", "taken from a living owner"),
    shm("PartNumberKept", "splitter/takes", "an old message brings it"),
    shm("PartCalledBackUnasked", "part/caller", "taken from a living owner"),
    shm("PartCalledBackUnchanged", "part/resender", "a message that did not go brings"),
    shm("NamedEarly", "names/maker", "all of the dead one's is gone"),
    shm("UnlinkedByName", "names/owner's drop+exchanging", "another's name was taken away"),
    shm("ForgottenAside", "names/owner's drop of what is aside", "all of the dead one's is gone"),
    shm("LeftToSweeper", "names/heir", "the name of a dead one can be had"),
    shm("ListFirst", "names/sweeper", "all of the dead one's is gone"),
    shm("NothingRecovered", "arena/converter", "were lost"),
    shm("NothingRecovered", "arena/trimmer", "were lost"),
    shm("SenderAsked", "arena/sender", "is gone"),
    shm("EndUnproved", "arena/allocator", "swept from the living"),
    shm("RolledBackUnchanged", "arena/resender", "a message that did not go brings"),
    shm("LandedByStore", "arena/receiver+sending again", "two have one block"),
];

/// What is a bug of the order of memory accesses.
#[cfg(test)]
const AN_ORDER: &str = "on x86-64 an exchange orders all, and what the dead have stored is seen by all";

/// What is wrong only if somebody goes on who was overtaken between his look and his store.
#[cfg(test)]
const A_RACE: &str =
    "it takes two that live on: whoever is killed between the look and the store has stored nothing";

/// The bugs of multiproc-shm that no kill can show, each caught by a model, and why not by a kill.
#[cfg(test)]
const BY_MODELS_ALONE: &[(&str, &str)] = &[
    ("PartReceivedByLook", A_RACE),
    ("PartSentUnordered", AN_ORDER),
    ("PartLandedUnordered", AN_ORDER),
    ("PartGivenUpUnordered", AN_ORDER),
    ("PartAbandonedUnordered", AN_ORDER),
    ("PartTakenUnordered", AN_ORDER),
    ("PartLostUnordered", AN_ORDER),
    ("PartReadUnordered", AN_ORDER),
    ("PartBackUnordered", AN_ORDER),
    ("PartDroppedUnordered", AN_ORDER),
    ("PartTornUnordered", AN_ORDER),
    ("ClaimedByStore", A_RACE),
    ("ReleasedUnordered", AN_ORDER),
    ("ClosedByStore", A_RACE),
    ("SweptByStore", A_RACE),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the crate's list of bugs.
    fn bugs_of_shm() -> Vec<String> {
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/shm/src/planted.rs");
        let text = std::fs::read_to_string(list).unwrap();
        let (_, bugs) = text.split_once("\nmultiproc_sync::planted_bugs! {\n").unwrap();
        let (bugs, _) = bugs.split_once("\n}\n").unwrap();
        let names = bugs.lines().map(str::trim).filter(|line| !line.starts_with("///"));
        names.map(|name| name.trim_end_matches(',').to_string()).collect()
    }

    #[test]
    fn every_bug_of_shm_is_found_by_a_scenario_or_there_is_a_reason() {
        let bugs = bugs_of_shm();
        assert!(bugs.len() > 20, "{bugs:?}");
        let killed = |bug: &str| {
            PLANTED.iter().any(|planted| planted.package == "multiproc-shm" && planted.bug == bug)
        };
        let modelled = |bug: &str| BY_MODELS_ALONE.iter().any(|(name, _)| *name == bug);
        for bug in &bugs {
            assert!(killed(bug) != modelled(bug), "`{bug}` must be in one of the two tables");
        }
        let listed = BY_MODELS_ALONE.iter().map(|(bug, _)| *bug);
        let listed = listed.chain(
            PLANTED.iter().filter(|planted| planted.package == "multiproc-shm").map(|planted| planted.bug),
        );
        for bug in listed {
            assert!(bugs.iter().any(|name| name == bug), "multiproc-shm has no bug `{bug}`");
        }
    }

    #[test]
    fn no_bug_is_looked_for_twice_in_a_scenario() {
        for (number, one) in PLANTED.iter().enumerate() {
            let twice = PLANTED[..number].iter().any(|other| other.scenario == one.scenario);
            assert!(!twice, "{}", one.scenario);
        }
    }
}
