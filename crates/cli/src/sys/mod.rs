//! Every system call of the crate but those of the standard library.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use nix::sys::stat::{major, minor};
use nix::unistd::{Uid, User};

use crate::maps::Place;

/// The user of this number, as the machine calls it; `None` where it has no name.
pub(crate) fn user_name(user: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(user)).ok().flatten().map(|user| user.name)
}

/// The device of a file as `/proc/PID/maps` has it, and the file's number there.
pub(crate) fn place(metadata: &Metadata) -> Place {
    ((major(metadata.dev()), minor(metadata.dev())), metadata.ino())
}
