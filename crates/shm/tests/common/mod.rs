//! Messages without a socket, forks, and what this process has mapped. `unsafe`: descriptors of messages are looked into.
#![allow(unsafe_code)]
#![allow(dead_code)] // each test program uses some of it

pub(crate) mod named;

use std::ffi::CStr;
use std::ops::Range;
use std::os::fd::OwnedFd;

use multiproc_shm::transfer::{self, Descriptor, Refusal};
#[allow(unused_imports)] // each test program uses some of it
pub(crate) use multiproc_testkit::fork::{fork, idle, kill, reap};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// In a process that does nothing else, so that no fork of another test has a descriptor of this one's.
pub(crate) fn alone(body: impl FnOnce()) {
    let _watchdog = multiproc_testkit::Watchdog::with_limit(60);
    assert_eq!(reap(fork(body)), 0);
}

/// A value on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

pub(crate) fn pack<T: Serialize>(value: &T) -> Result<Parcel, Refusal> {
    let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(value));
    if let Some(refusal) = sent.refused.take() {
        return Err(refusal);
    }
    sent.transfers.commit();
    // SAFETY: tests write there only where they say that they do what nobody may.
    let open = |fd: Descriptor| unsafe { fd.as_fd() }.try_clone_to_owned().unwrap();
    Ok(Parcel { bytes: bytes?, fds: sent.fds.drain(..).map(open).collect() })
}

pub(crate) fn unpack<T: DeserializeOwned>(parcel: Parcel) -> Result<T, Refusal> {
    let fds = parcel.fds.into_iter().map(|fd| Some(fd.into())).collect();
    let (value, left) = transfer::decoding(fds, || postcard::from_bytes(&parcel.bytes));
    value.map_err(|error| left.refused.unwrap_or_else(|| error.into()))
}

/// As it would arrive in another process.
pub(crate) fn send<T: Serialize + DeserializeOwned>(value: &T) -> T {
    unpack(pack(value).unwrap()).unwrap()
}

/// Whether something is mapped at this address.
pub(crate) fn is_mapped(address: usize) -> bool {
    mappings().iter().any(|mapping| mapping.contains(&address))
}

/// The mapping that this address lies in.
pub(crate) fn mapping_of(address: usize) -> Range<usize> {
    mappings().into_iter().find(|mapping| mapping.contains(&address)).expect("it is mapped")
}

fn mappings() -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapping = |line: &str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        number(start)..number(end)
    };
    maps.lines().map(mapping).collect()
}

/// A sealed file of these bytes, by the name of those in which values lie.
pub(crate) fn forged(bytes: &[u8]) -> OwnedFd {
    forged_as(c"multiproc-shm", bytes)
}

/// A sealed file of these bytes, by this name.
pub(crate) fn forged_as(name: &CStr, bytes: &[u8]) -> OwnedFd {
    use std::io::Write;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    let fd = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
    let mut file = std::fs::File::from(fd);
    file.write_all(bytes).unwrap();
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    file.into()
}
