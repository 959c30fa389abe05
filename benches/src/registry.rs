//! What a benchmark is, and the table of all of them. A new group is a file in `groups/` and a line in [`GROUPS`].

use crate::Result;
use crate::groups::{
    arena, array, barrier, condvar, event, latch, mutex, once, permit, pool, process, raw, reentrant, rwlock,
    segment, selftest, semaphore, thread, value, wait_group, watched,
};
use crate::placement::Placement;
use crate::session::{Sample, Setting, Start};
use crate::target::Target;
use crate::windows;

/// One figure, and who competes in it.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Dotted, the group first: `pool.call`.
    pub(crate) name: &'static str,
    /// For `--list`.
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    /// Where it runs: [`Placement::ALL`] for a hand-off between two sides, else mostly [`Placement::ONLY_FREE`].
    pub(crate) placements: &'static [Placement],
    /// [`OURS`] first, then peers and floors.
    pub(crate) contenders: &'static [Contender],
    /// What ours is to come to.
    pub(crate) targets: &'static [Target],
}

/// The name of what this project brings to a bench.
pub(crate) const OURS: &str = "ours";

/// One way to do what the bench measures.
#[derive(Debug)]
pub(crate) struct Contender {
    /// [`OURS`], a peer's name, or `floor:` and the name of a floor: a few lines on raw kernel objects, the limit to
    /// aim at.
    pub(crate) name: &'static str,
    pub(crate) start: fn(&Setting) -> Result<Start>,
    /// Why it cannot run on this machine, if so.
    pub(crate) missing: fn() -> Option<&'static str>,
}

impl Contender {
    /// A contender that is always there.
    pub(crate) const fn new(name: &'static str, start: fn(&Setting) -> Result<Start>) -> Self {
        Self { name, start, missing: || None }
    }
}

/// What a bench counts in, and with it which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Microseconds for each operation of this name: lower is better.
    MicrosPer(&'static str),
    /// Nanoseconds for each operation of this name: lower is better.
    NanosPer(&'static str),
    /// Instructions for each operation of this name: lower is better.
    InstructionsPer(&'static str),
    /// Operations of this name a second: higher is better.
    PerSecond(&'static str),
    /// The slower side's share of an even half, in the middle one of a round's windows: higher is better, up to 1.
    Share,
    /// The part of a round's windows in which both of these sides got on: higher is better, up to 1.
    Progress([&'static str; 2]),
}

impl Unit {
    pub(crate) fn label(self) -> String {
        match self {
            Self::MicrosPer(operation) => format!("us/{operation}"),
            Self::NanosPer(operation) => format!("ns/{operation}"),
            Self::InstructionsPer(operation) => format!("instructions/{operation}"),
            Self::PerSecond(operations) => format!("{operations}/s"),
            Self::Share => "share".to_string(),
            Self::Progress(_) => "of windows".to_string(),
        }
    }

    /// `None` if it takes windows, and there are none.
    pub(crate) fn value(self, sample: &Sample) -> Option<f64> {
        let (operations, spent) = (sample.operations as f64, sample.spent as f64);
        match self {
            Self::MicrosPer(_) => Some(spent / (operations * 1e3)),
            Self::NanosPer(_) | Self::InstructionsPer(_) => Some(spent / operations),
            Self::PerSecond(_) => Some(operations * 1e9 / spent),
            Self::Share => windows::share(&sample.windows),
            Self::Progress(_) => windows::progress(&sample.windows),
        }
    }

    pub(crate) fn is_better_lower(self) -> bool {
        self.ratio(1.0, 2.0) < 1.0
    }

    /// Ours beside a peer's: below 1 if ours is better.
    pub(crate) fn ratio(self, ours: f64, peer: f64) -> f64 {
        match self {
            Self::MicrosPer(_) | Self::NanosPer(_) | Self::InstructionsPer(_) => ours / peer,
            Self::PerSecond(_) | Self::Share | Self::Progress(_) => peer / ours,
        }
    }
}

/// The benchmarks, group by group, in the order they run.
const GROUPS: &[&[&[Bench]]] = &[&[pool::BENCHES, process::BENCHES], SYNC, &[thread::BENCHES], SHM];

/// What the crate sync brings.
const SYNC: &[&[Bench]] = &[
    mutex::BENCHES,
    reentrant::BENCHES,
    condvar::BENCHES,
    semaphore::BENCHES,
    permit::BENCHES,
    rwlock::BENCHES,
    event::BENCHES,
    barrier::BENCHES,
    once::BENCHES,
    latch::BENCHES,
    wait_group::BENCHES,
    watched::BENCHES,
];

/// What the crate shm brings.
const SHM: &[&[Bench]] = &[segment::BENCHES, raw::BENCHES, value::BENCHES, array::BENCHES, arena::BENCHES];

/// Names that stand for several groups.
pub(crate) const ALIASES: &[(&str, &[&[Bench]])] = &[("sync", SYNC), ("shm", SHM)];

pub(crate) fn all() -> impl Iterator<Item = &'static Bench> {
    GROUPS.iter().copied().flatten().copied().flatten()
}

/// All, and those that only test this program: these run when they are named.
fn known() -> impl Iterator<Item = &'static Bench> {
    all().chain(selftest::BENCHES)
}

/// The benches whose names begin with one of these, or that an alias stands for; all without any.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Bench>> {
    if names.is_empty() {
        return Ok(all().collect());
    }
    for name in names {
        if !known().any(|bench| means(name, bench)) {
            let there_are: Vec<_> =
                ALIASES.iter().map(|(alias, _)| *alias).chain(all().map(|bench| bench.name)).collect();
            return Err(format!("no benchmark is called {name}; there are {}", there_are.join(", ")).into());
        }
    }
    let wanted = |bench: &&Bench| names.iter().any(|name| means(name, bench));
    Ok(known().filter(wanted).collect())
}

fn means(name: &str, bench: &Bench) -> bool {
    let aliased = ALIASES.iter().filter(|(alias, _)| *alias == name).flat_map(|(_, groups)| *groups);
    covers(name, bench.name) || aliased.copied().flatten().any(|member| member.name == bench.name)
}

/// Whether `prefix` is `name`, or its first words.
fn covers(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The contender that `BENCH/CONTENDER` names.
pub(crate) fn find(path: &str) -> Option<(&'static Bench, &'static Contender)> {
    let (bench, contender) = path.split_once('/')?;
    let bench = known().find(|known| known.name == bench)?;
    let contender = bench.contenders.iter().find(|known| known.name == contender)?;
    Some((bench, contender))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::windows::Window;

    fn names(prefixes: &[&str]) -> Vec<&'static str> {
        let prefixes: Vec<_> = prefixes.iter().map(ToString::to_string).collect();
        let selected = select(&prefixes).unwrap();
        selected.into_iter().map(|bench| bench.name).collect()
    }

    #[test]
    fn a_name_selects_by_whole_words_and_no_bench_twice() {
        assert_eq!(names(&["process.start"]), ["process.start"]);
        assert_eq!(names(&["pool", "pool.call"]), ["pool.call", "pool.submit", "pool.map"]);
        assert!(select(&["poo".to_string()]).is_err());
        assert!(select(&["pool.".to_string()]).is_err());
    }

    #[test]
    fn an_alias_selects_all_its_groups_and_no_other() {
        let sync = names(&["sync"]);
        for group in [
            "mutex",
            "reentrant",
            "condvar",
            "semaphore",
            "permit",
            "rwlock",
            "event",
            "barrier",
            "once",
            "latch",
            "wait_group",
        ] {
            assert!(names(&[group]).iter().all(|name| sync.contains(name)), "{group}");
        }
        assert!(sync.iter().all(|name| !covers("pool", name) && !covers("process", name)), "{sync:?}");
        assert_eq!(names(&["event.is_set", "sync"]), sync);
        assert!(select(&["sync.event".to_string()]).is_err());
        let groups = || all().map(|bench| bench.name.split('.').next().unwrap_or_default());
        assert!(ALIASES.iter().all(|(alias, _)| groups().all(|group| group != *alias)));
    }

    #[test]
    fn a_target_names_a_placement_and_a_peer_of_its_bench() {
        for bench in known() {
            for target in bench.targets {
                assert!(target.placements.iter().all(|p| bench.placements.contains(p)), "{}", bench.name);
                let peer = target.peer();
                assert!(
                    peer.is_none_or(|peer| bench.contenders[1..].iter().any(|c| c.name == peer)),
                    "{}: {peer:?}",
                    bench.name
                );
                let subject = target.subject();
                assert!(bench.contenders.iter().any(|c| c.name == subject), "{}: {subject}", bench.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones_but_not_the_self_tests() {
        let error = select(&["lock".to_string()]).unwrap_err().to_string();
        assert!(
            error.contains("lock;") && error.contains("sync, ") && error.contains("pool.call"),
            "{error}"
        );
        assert!(!error.contains("selftest"), "{error}");
    }

    #[test]
    fn every_bench_has_ours_first_and_names_of_its_own() {
        let mut seen = HashSet::new();
        for bench in known() {
            assert!(seen.insert(bench.name), "{} stands twice", bench.name);
            assert_eq!(bench.contenders[0].name, OURS, "{}", bench.name);
            let contenders: HashSet<_> = bench.contenders.iter().map(|c| c.name).collect();
            assert_eq!(contenders.len(), bench.contenders.len(), "{}", bench.name);
        }
    }

    #[test]
    fn a_ratio_below_one_means_ours_is_better_in_both_directions() {
        let sample = |operations, micros| Sample::timed(operations, Duration::from_micros(micros));
        let (ours, peer) = (sample(10, 20), sample(10, 40));
        let time = Unit::MicrosPer("call");
        let ratio = |unit: Unit| unit.ratio(unit.value(&ours).unwrap(), unit.value(&peer).unwrap());
        assert_eq!(time.value(&ours), Some(2.0));
        assert_eq!(ratio(time), 0.5);
        assert_eq!(Unit::NanosPer("call").value(&ours), Some(2000.0));
        assert_eq!(Unit::InstructionsPer("call").ratio(30.0, 60.0), 0.5);
        let rate = Unit::PerSecond("tasks");
        assert_eq!(rate.value(&peer), Some(250_000.0));
        assert_eq!(ratio(rate), 0.5);
    }

    #[test]
    fn a_share_is_better_the_higher_it_is_and_nothing_without_windows() {
        let of = |windows: &[[u64; 2]]| {
            let windows = windows.iter().copied().map(Window).collect();
            Sample { windows, ..Sample::timed(9, Duration::from_micros(9)) }
        };
        let (even, starved) = (of(&[[5, 5], [5, 5]]), of(&[[0, 9], [6, 2]]));
        let progress = Unit::Progress(["reader", "writers"]);
        for (unit, of_starved) in [(Unit::Share, 0.25), (progress, 0.5)] {
            assert_eq!(unit.value(&even), Some(1.0));
            assert_eq!(unit.value(&starved), Some(of_starved));
            assert_eq!(unit.ratio(1.0, of_starved), of_starved);
            assert_eq!(unit.value(&of(&[])), None);
        }
    }
}
