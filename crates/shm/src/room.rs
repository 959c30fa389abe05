//! Whether there is memory for a segment. An anonymous file takes any length, and kills somebody when it is touched.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use multiproc_sync::Generation;
use nix::sys::sysinfo::sysinfo;

use crate::error::ShmError;
use crate::sys::space;

/// Up to this length it is asked now and then only.
const UNASKED: u64 = 1 << 20;

/// So many bytes in all are made in such segments before it is asked again; fewer where little was left.
const UNASKED_IN_ALL: u64 = 16 << 20;

/// What of them is left until then.
static UNASKED_LEFT: AtomicU64 = AtomicU64::new(UNASKED_IN_ALL);

/// More than any machine has: where no limit is set, the first version of groups says a number like this.
const NO_LIMIT: u64 = 1 << 60;

/// For how long it is believed that no cgroup of this process has a limit.
const UNLIMITED_FOR: Duration = Duration::from_secs(1);

/// Refuses `asked` bytes if the machine or a cgroup of this process has fewer left.
pub(crate) fn check(asked: u64) -> Result<(), ShmError> {
    if asked <= UNASKED && is_covered(asked) {
        return Ok(());
    }
    let available =
        if is_free(asked.max(UNASKED_IN_ALL)) && are_unlimited() { None } else { available(Path::new("/")) };
    UNASKED_LEFT.store(unasked(available), Relaxed);
    match available {
        Some(available) if asked > available => Err(ShmError::OutOfMemory { asked, available }),
        _ => Ok(()),
    }
}

/// Takes `asked` bytes off what may be made unasked; `false`: that is used up.
fn is_covered(asked: u64) -> bool {
    // Relaxed: it is a count. Of several threads that come to its end each asks.
    UNASKED_LEFT.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(asked)).is_ok()
}

/// How much is made unasked where so much is available: less and less the closer the limit.
fn unasked(available: Option<u64>) -> u64 {
    available.map_or(UNASKED_IN_ALL, |available| UNASKED_IN_ALL.min(available / 4))
}

/// Why memory of this length could not be mapped: the kernel has one word for no room in the address space and for too many mappings.
pub(crate) fn map_error(asked: u64) -> impl FnOnce(io::Error) -> ShmError {
    move |error| {
        let left = || space::addresses_left().ok().flatten().filter(|left| *left < asked);
        match error.raw_os_error() {
            Some(libc::ENOMEM) => match left() {
                Some(available) => ShmError::OutOfMemory { asked, available },
                None => ShmError::kernel("map a segment")(error),
            },
            _ => ShmError::kernel("map a segment")(error),
        }
    }
}

/// What is left, for an error that says how much there was.
pub(crate) fn out_of_memory(asked: u64) -> ShmError {
    ShmError::OutOfMemory { asked, available: available(Path::new("/")).unwrap_or(0) }
}

/// Whether the machine has so much memory that nobody uses, and some beside it. One system call, where what else could be given up to make
/// room takes longer to find than a segment to be made.
fn is_free(asked: u64) -> bool {
    sysinfo().is_ok_and(|machine| asked <= machine.ram_unused() / 16 * 15)
}

/// Whether no cgroup of this process has a limit. Looked up now and then.
fn are_unlimited() -> bool {
    // A fork is often put into a group of its own, so it looks for itself.
    static FOUND_AT: Mutex<Option<(Generation, Instant)>> = Mutex::new(None);
    // Held by another: perhaps by a thread that is not in this fork.
    let mut found_at = match FOUND_AT.try_lock() {
        Ok(found_at) => found_at,
        Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
        Err(TryLockError::WouldBlock) => return false,
    };
    if found_at.is_some_and(|(by, at)| by.is_ours() && at.elapsed() < UNLIMITED_FOR) {
        return true;
    }
    let unlimited = left_in_all_groups(Path::new("/")).is_empty();
    *found_at = unlimited.then(|| (Generation::now(), Instant::now()));
    unlimited
}

/// What is left, in bytes; `None` where nothing tells. `root` is where /proc and /sys are.
fn available(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok();
    let machine = machine.and_then(|text| Some(number_behind(&text, "MemAvailable:")? * 1024));
    left_in_all_groups(root).into_iter().chain(machine).min()
}

/// What is left in each cgroup of this process that has a limit.
fn left_in_all_groups(root: &Path) -> Vec<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    groups.lines().flat_map(|line| left_in_groups(root, line)).collect()
}

/// What is left in the group that a line of /proc/self/cgroup names, and in those above it.
fn left_in_groups(root: &Path, line: &str) -> Vec<u64> {
    let mut fields = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (mount, limit, usage) = if controllers.is_empty() {
        ("sys/fs/cgroup", "memory.max", "memory.current")
    } else if controllers.split(',').any(|name| name == "memory") {
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
    } else {
        return Vec::new();
    };
    let mount = root.join(mount);
    let group = mount.join(path.trim_start_matches('/'));
    let levels = group.ancestors().take_while(|level| level.starts_with(&mount));
    levels.filter_map(|level| left_in(level, limit, usage)).collect()
}

/// `None` for a group without a limit, or that cannot be seen from here.
fn left_in(group: &Path, limit: &str, usage: &str) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let limit: u64 = read(limit)?.trim().parse().ok()?; // "max" is no limit
    if limit >= NO_LIMIT {
        return None;
    }
    let usage: u64 = read(usage)?.trim().parse().ok()?;
    // Pages of files count as used and go when they are needed.
    let files = read("memory.stat").unwrap_or_default();
    let files = ["inactive_file", "active_file"].map(|name| number_behind(&files, name).unwrap_or(0));
    Some(limit.saturating_sub(usage.saturating_sub(files[0].saturating_add(files[1]))))
}

/// The number in the line that begins with the word `name`.
fn number_behind(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next() == Some(name) { words.next()?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use multiproc_testkit::TempDir;

    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_least_of_machine_and_groups_counts() {
        let dir = TempDir::new();
        let root = dir.path();
        assert_eq!(available(root), None, "nothing tells");
        write(root, "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n");
        assert_eq!(available(root), Some(8000 * 1024));
        write(root, "proc/self/cgroup", "0::/a/b\n");
        write(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
        write(root, "sys/fs/cgroup/a/b/memory.current", "70\n");
        assert_eq!(available(root), Some(8000 * 1024));
        write(root, "sys/fs/cgroup/a/memory.max", "1000\n");
        write(root, "sys/fs/cgroup/a/memory.current", "900\n");
        assert_eq!(available(root), Some(100), "the group above");
        write(root, "sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 30\nactive_file 20\n");
        assert_eq!(available(root), Some(150), "pages of files go when they are needed");
        write(root, "sys/fs/cgroup/a/memory.current", "5000\n");
        assert_eq!(available(root), Some(0));
    }

    #[test]
    fn the_first_version_of_groups_is_read_too() {
        let dir = TempDir::new();
        let root = dir.path();
        write(root, "proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/x\n");
        write(root, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000\n");
        write(root, "sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1\n");
        assert_eq!(available(root), Some(999));
        write(root, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(available(root), None, "as the kernel says where there is no limit");
    }

    #[test]
    fn it_is_asked_more_often_where_less_is_left() {
        assert_eq!(unasked(None), UNASKED_IN_ALL);
        assert_eq!(unasked(Some(1 << 40)), UNASKED_IN_ALL);
        assert_eq!(unasked(Some(8 << 20)), 2 << 20);
        assert_eq!(unasked(Some(0)), 0);
    }

    #[test]
    fn what_this_machine_says_can_be_read() {
        assert!(available(Path::new("/")).is_some());
        assert!(check(UNASKED).is_ok());
        assert!(check(UNASKED + 1).is_ok(), "there is more than that");
        assert!(!is_free(u64::MAX));
        assert!(matches!(check(u64::MAX), Err(ShmError::OutOfMemory { asked: u64::MAX, .. })));
    }
}
