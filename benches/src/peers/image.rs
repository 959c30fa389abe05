//! The bare cost of starting this same image in a new process: the child ends as soon as it is in `main`.

use std::env;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions};

use super::fork::wait;
use crate::Result;
use crate::role::END_AT_ONCE;
use crate::session::{Setting, Start};

/// Whatever file this image came from.
const THIS_IMAGE: &str = "/proc/self/exe";

/// `process.start`: posix_spawn and waitpid, with the environment of this process.
pub(crate) fn posix_spawn(_: &Setting) -> Result<Start> {
    let actions = PosixSpawnFileActions::init()?;
    let attributes = PosixSpawnAttr::init()?;
    let arguments = [CString::new(THIS_IMAGE)?, CString::new(END_AT_ONCE)?];
    let environment = env::vars_os()
        .map(|(name, value)| CString::new([name.into_vec(), value.into_vec()].join(&b'=')))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    Start::here(move || {
        let child = nix::spawn::posix_spawn(THIS_IMAGE, &actions, &attributes, &arguments, &environment)?;
        wait(child)?;
        Ok(1)
    })
}

/// `process.start`: the standard library's way.
pub(crate) fn command(_: &Setting) -> Result<Start> {
    Start::here(|| match Command::new(THIS_IMAGE).arg(END_AT_ONCE).status()? {
        status if status.success() => Ok(1),
        status => Err(format!("a child ended badly: {status}").into()),
    })
}
