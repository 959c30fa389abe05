//! What a storm must not leave: names in `/dev/shm`, descriptors of the process that began it, shared memory of the machine.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long the kernel may take to free what dead processes had.
const GRACE: Duration = Duration::from_secs(4);

/// How much more shared memory the machine may have in use, in KiB: less than one segment of a storm.
const TOLERANCE: u64 = 512;

pub(crate) struct Before {
    descriptors: usize,
    shared_kib: u64,
}

impl Before {
    pub(crate) fn look() -> Result<Self, String> {
        Ok(Self { descriptors: descriptors()?, shared_kib: shared_kib()? })
    }

    /// What is more than before and does not go away. `ours` says which names in `/dev/shm` are the storm's.
    pub(crate) fn left(&self, ours: impl Fn(&str) -> bool) -> Result<(), String> {
        let end = Instant::now() + GRACE;
        loop {
            let (descriptors, shared, names) = (descriptors()?, shared_kib()?, names(&ours)?);
            let complaint = if !names.is_empty() {
                format!("in /dev/shm there is still {names:?}")
            } else if descriptors != self.descriptors {
                format!("{descriptors} descriptors are open, {} were", self.descriptors)
            } else if shared > self.shared_kib + TOLERANCE {
                format!("{shared} KiB of shared memory are in use, {} were", self.shared_kib)
            } else {
                return Ok(());
            };
            if Instant::now() > end {
                return Err(complaint);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn descriptors() -> Result<usize, String> {
    fs::read_dir("/proc/self/fd").map(Iterator::count).map_err(|error| format!("/proc/self/fd: {error}"))
}

fn shared_kib() -> Result<u64, String> {
    let all = fs::read_to_string("/proc/meminfo").map_err(|error| format!("/proc/meminfo: {error}"))?;
    let line =
        all.lines().find_map(|line| line.strip_prefix("Shmem:")).ok_or("/proc/meminfo has no Shmem")?;
    let number = line.trim().trim_end_matches(" kB");
    number.parse().map_err(|error| format!("Shmem of /proc/meminfo, {number:?}: {error}"))
}

fn names(ours: &impl Fn(&str) -> bool) -> Result<BTreeSet<String>, String> {
    let entries = fs::read_dir("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| ours(name)).collect())
}
