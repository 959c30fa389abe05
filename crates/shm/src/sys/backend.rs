//! The making of a named segment, by the crate `shared_memory`. Nothing of that crate is known elsewhere.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use shared_memory::{ShmemConf, ShmemError};

/// Makes a segment of `len` zeroed bytes without pages, under a name that nobody has. It is neither mapped nor open afterwards.
pub(crate) fn make(name: &str, len: usize) -> io::Result<()> {
    // That crate takes descriptor 0 for none, and would never close it.
    let _plug = plug_stdin()?;
    let mut made = ShmemConf::new().os_id(format!("/{name}")).size(len).create().map_err(from_theirs)?;
    made.set_owner(false); // it would unlink whatever has the name when it is dropped
    Ok(())
}

/// Takes descriptor 0 where a program has closed it.
fn plug_stdin() -> io::Result<Option<File>> {
    match fcntl(io::stdin(), FcntlArg::F_GETFD) {
        Err(Errno::EBADF) => File::open("/dev/null").map(Some),
        _ => Ok(None),
    }
}

fn from_theirs(error: ShmemError) -> io::Error {
    match error {
        ShmemError::MappingIdExists => io::ErrorKind::AlreadyExists.into(),
        ShmemError::MapCreateFailed(code)
        | ShmemError::MapOpenFailed(code)
        | ShmemError::UnknownOsError(code) => io::Error::from_raw_os_error(code.cast_signed()),
        other => io::Error::other(other.to_string()),
    }
}
