//! The open descriptors of this process.

use std::collections::BTreeMap;
use std::fs;

use crate::process::numbers_in;

const FOLDER: &str = "/proc/self/fd";

/// How many descriptors this process has open.
///
/// Other threads may open and close some meanwhile: a test that counts belongs in a binary of its own.
pub fn proc_fd_count() -> usize {
    open_descriptors().len()
}

/// The open descriptors and what they refer to, without the one that reading them takes.
pub(crate) fn open_descriptors() -> BTreeMap<u32, String> {
    let reading = format!("/proc/{}/fd", std::process::id());
    let with_target = |fd| {
        let target = fs::read_link(format!("{FOLDER}/{fd}")).ok()?;
        Some((fd, target.to_string_lossy().into_owned()))
    };
    numbers_in(FOLDER).into_iter().filter_map(with_target).filter(|(_, target)| *target != reading).collect()
}
