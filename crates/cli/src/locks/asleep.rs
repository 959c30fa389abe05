//! Who sleeps at which word of a segment, as the kernel tells.

use std::fs;
use std::io;
use std::path::Path;

use nix::libc;

use crate::maps::{Mappings, Place, Region};

/// A thread that sleeps at a word in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sleeper {
    pub(super) pid: u32,
    pub(super) tid: u32,
    pub(super) place: Place,
    /// Of the word, in the segment.
    pub(super) offset: u64,
    /// What the word was when it fell asleep.
    pub(super) expected: u32,
}

/// Those who sleep at words of segments, and of how many threads this user is not told.
pub(super) fn sleepers(mappings: &Mappings) -> (Vec<Sleeper>, usize) {
    let (mut found, mut untold) = (Vec::new(), 0);
    for (pid, regions) in &mappings.regions {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for tid in tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()) {
            let task = format!("/proc/{pid}/task/{tid}");
            match fs::read_to_string(format!("{task}/syscall")) {
                Ok(text) => found.extend(asleep(&text).and_then(|wait| sleeper(*pid, tid, wait, regions))),
                Err(error) if has_ended(&error, task.as_ref()) => {}
                Err(_) => untold += 1,
            }
        }
    }
    (found, untold)
}

/// Whether a file in the folder of a thread could not be read because the thread is no more. That it is not there does not say so: a kernel may
/// be built without it.
fn has_ended(error: &io::Error, task: &Path) -> bool {
    match error.raw_os_error() {
        Some(libc::ESRCH) => true,
        Some(libc::ENOENT) => matches!(task.try_exists(), Ok(false)),
        _ => false,
    }
}

/// A wait in the kernel: the address of the word, and what it was.
type Wait = (u64, u32);

/// What a thread sleeps at that others than its process's threads may wake it from: `NUMBER 0xARGUMENT…`, or that it runs.
fn asleep(text: &str) -> Option<Wait> {
    let mut words = text.split_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (address, operation, expected) = (argument()?, argument()?, argument()?);
    let command = operation as i32 & !libc::FUTEX_CLOCK_REALTIME;
    let is_shared_wait = matches!(command, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET);
    (number == libc::SYS_futex && is_shared_wait).then_some((address, expected as u32))
}

fn sleeper(pid: u32, tid: u32, (address, expected): Wait, regions: &[Region]) -> Option<Sleeper> {
    let (place, offset) = place_of(address, regions)?;
    Some(Sleeper { pid, tid, place, offset, expected })
}

/// The segment that a process has at this address, and where in it.
pub(super) fn place_of(address: u64, regions: &[Region]) -> Option<(Place, u64)> {
    regions.iter().find_map(|region| Some((region.place, region.offset_of(address)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_ended_if_its_folder_is_gone_and_not_if_a_file_is() {
        let (this, none) = (Path::new("/proc/thread-self"), Path::new("/proc/4194305/task/4194305"));
        let cases = [(libc::ENOENT, [false, true]), (libc::ESRCH, [true; 2]), (libc::EACCES, [false; 2])];
        for (error, expected) in cases {
            let error = io::Error::from_raw_os_error(error);
            assert_eq!([this, none].map(|task| has_ended(&error, task)), expected, "{error}");
        }
    }

    #[test]
    fn a_shared_wait_is_told_from_all_else_that_threads_do() {
        let futex = libc::SYS_futex;
        let line =
            |operation: &str| format!("{futex} 0x7f0010 {operation} 0x80000005 0x0 0x0 0x0 0x7ffc 0x7f00\n");
        assert_eq!(asleep(&line("0x0")), Some((0x7f_0010, 0x8000_0005)));
        assert_eq!(asleep(&line("0x109")), Some((0x7f_0010, 0x8000_0005)));
        for other in
            [&line("0x80"), &line("0x1"), "running\n", "-1 0x7ffc 0x7f00\n", "0 0x1 0x2", "", &line("x")]
        {
            assert_eq!(asleep(other), None, "{other}");
        }
        let regions = [Region { addresses: 0x7f_0000..0x7f_1000, offset: 0x2000, place: ((0, 1), 9) }];
        let found = sleeper(5, 6, (0x7f_0010, 1), &regions).unwrap();
        assert_eq!((found.place, found.offset), (((0, 1), 9), 0x2010));
        assert_eq!(sleeper(5, 6, (0x7f_1000, 1), &regions), None);
    }
}
