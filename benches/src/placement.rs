//! Where the two sides of a hand-off run.

use std::fmt;
use std::str::FromStr;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::Result;

/// The number of a processor, as the kernel counts them.
pub(crate) type Cpu = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The measured process on one processor, its workers on another.
    TwoCores,
    /// Everything on one processor.
    OneCore,
    /// Left to the kernel.
    Free,
}

impl Placement {
    /// For hand-offs: what waking costs depends on where the sleeper is.
    pub(crate) const ALL: &[Self] = &[Self::TwoCores, Self::OneCore, Self::Free];
    pub(crate) const ONLY_FREE: &[Self] = &[Self::Free];
    pub(crate) const ONLY_TWO_CORES: &[Self] = &[Self::TwoCores];
    /// For what takes turns so often that nothing else would be seen but waking another core.
    pub(crate) const ONLY_ONE_CORE: &[Self] = &[Self::OneCore];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TwoCores => "two_cores",
            Self::OneCore => "one_core",
            Self::Free => "free",
        }
    }

    /// The processors of the two sides, the first ones this process may use; `None` if the kernel is to choose.
    pub(crate) fn sides(self) -> Result<Option<Sides>> {
        match self {
            Self::Free => Ok(None),
            _ => Sides::among(self, &allowed(Pid::this())?).map(Some),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let mut all = Self::ALL.iter().copied();
        all.find(|placement| placement.name() == name)
            .ok_or_else(|| format!("no placement is called {name}; there are two_cores, one_core and free"))
    }
}

/// The processors of a placement that pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    /// For the measured side.
    pub(crate) near: Cpu,
    /// For its workers.
    pub(crate) far: Cpu,
}

impl Sides {
    fn among(placement: Placement, allowed: &[Cpu]) -> Result<Self> {
        match (placement, allowed) {
            (Placement::TwoCores, [near, far, ..]) => Ok(Self { near: *near, far: *far }),
            (Placement::TwoCores, _) => {
                Err("needs two processors, and this process may use only one (`taskset -pc $$` shows them)"
                    .into())
            }
            (_, [near, ..]) => Ok(Self { near: *near, far: *near }),
            (_, []) => Err("the kernel names no processor that this process may use".into()),
        }
    }
}

/// The processors that a thread may use; none if it has ended.
pub(crate) fn allowed(thread: Pid) -> Result<Vec<Cpu>> {
    match sched_getaffinity(thread) {
        Ok(set) => Ok((0..CpuSet::count()).filter(|&cpu| set.is_set(cpu) == Ok(true)).collect()),
        Err(Errno::ESRCH) => Ok(Vec::new()),
        Err(error) => Err(format!("cannot read the affinity of thread {thread}: {error}").into()),
    }
}

/// Confines a thread to a processor, and with it whatever that thread starts later. One that has ended needs nothing.
pub(crate) fn pin(thread: Pid, cpu: Cpu) -> Result<()> {
    let mut set = CpuSet::new();
    match set.set(cpu).and_then(|()| sched_setaffinity(thread, &set)) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(format!("cannot confine thread {thread} to processor {cpu}: {error}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for placement in Placement::ALL {
            assert_eq!(placement.to_string().parse(), Ok(*placement));
        }
        assert!("both".parse::<Placement>().is_err());
    }

    #[test]
    fn the_first_allowed_processors_are_taken() {
        let two = Sides::among(Placement::TwoCores, &[2, 5, 7]).unwrap();
        assert_eq!(two, Sides { near: 2, far: 5 });
        let one = Sides::among(Placement::OneCore, &[2, 5, 7]).unwrap();
        assert_eq!(one, Sides { near: 2, far: 2 });
    }

    #[test]
    fn two_cores_are_refused_where_there_is_one() {
        let error = Sides::among(Placement::TwoCores, &[3]).unwrap_err().to_string();
        assert!(error.contains("two processors"), "{error}");
        assert!(Sides::among(Placement::OneCore, &[3]).is_ok());
    }
}
