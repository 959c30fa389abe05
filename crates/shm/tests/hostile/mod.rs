//! What attacks on segments have in common: damaged bytes, forged registries, and files of another kind beside a message.
#![allow(dead_code)] // each test program uses some of it

pub(crate) mod arena;
pub(crate) mod array;
pub(crate) mod letter;

use std::ffi::CStr;
use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use proptest::prelude::*;
use proptest::sample::Index;

/// Some bytes are other ones.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Bit(Index, u8),
    Byte(Index, u8),
    /// At a multiple of four.
    Word(Index, u32),
    /// At a multiple of eight.
    Long(Index, u64),
}

/// Numbers that mean something somewhere in a header, and any others.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let words = prop_oneof![
        prop::sample::select(vec![0, 1, 2, 3, 4, 16, 32, 48, 256, 512, 4096, 16_384, u32::MAX]),
        0_u32..600,
        any::<u32>()
    ];
    let longs = prop_oneof![
        0_u64..300,
        prop::sample::select(vec![
            u64::MAX,
            1 << 63,
            1 << 32,
            1 << 16,
            u64::from_le_bytes(*b"mpshared"),
            u64::from_le_bytes(*b"mpregist"),
        ]),
        any::<u64>()
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), words).prop_map(|(at, word)| Damage::Word(at, word)),
        (at(), longs).prop_map(|(at, long)| Damage::Long(at, long)),
    ]
}

impl Damage {
    /// Does it somewhere in this range, which begins at a multiple of eight.
    pub(crate) fn apply(&self, bytes: &mut [u8], range: Range<usize>) {
        let bytes = &mut bytes[range];
        let len = bytes.len();
        match self {
            Self::Bit(at, bit) => bytes[at.index(len)] ^= 1 << (bit % 8),
            Self::Byte(at, byte) => bytes[at.index(len)] = *byte,
            Self::Word(at, word) => {
                let at = at.index(len / 4) * 4;
                bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
            Self::Long(at, long) => {
                let at = at.index(len / 8) * 8;
                bytes[at..at + 8].copy_from_slice(&long.to_le_bytes());
            }
        }
    }
}

/// What a message brings for the family's registry.
#[derive(Clone, Debug)]
pub(crate) enum Registry {
    Own,
    Missing,
    /// A file of these bytes.
    Forged(Vec<u8>),
}

pub(crate) fn registry() -> impl Strategy<Value = Registry> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..9000);
    prop_oneof![
        8 => Just(Registry::Own),
        1 => Just(Registry::Missing),
        1 => bytes().prop_map(Registry::Forged),
        1 => bytes().prop_map(|mut bytes| {
            let len = bytes.len().min(8);
            bytes[..len].copy_from_slice(&b"mpregist"[..len]);
            Registry::Forged(bytes)
        }),
    ]
}

/// The first `most` bytes of a file, or all that it has.
pub(crate) fn start_of(fd: &OwnedFd, most: usize) -> Vec<u8> {
    let file = File::from(fd.try_clone().unwrap());
    let mut bytes = vec![0; most.min(file.metadata().unwrap().len() as usize)];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// All bytes of a file.
pub(crate) fn bytes_of(fd: &OwnedFd) -> Vec<u8> {
    start_of(fd, usize::MAX)
}

/// Writes them to the beginning of a file.
pub(crate) fn write(fd: &OwnedFd, bytes: &[u8]) {
    File::from(fd.try_clone().unwrap()).write_all_at(bytes, 0).unwrap();
}

/// Numbers of a segment, little endian.
pub(crate) fn short(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// As [`short`].
pub(crate) fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A file in memory of this name, with these bytes and these seals.
pub(crate) fn sealed(name: &CStr, bytes: &[u8], seals: SealFlag) -> OwnedFd {
    let file = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
    write(&file, bytes);
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    file
}
