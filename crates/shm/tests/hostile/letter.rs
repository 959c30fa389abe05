//! Messages of handles, altered, and what is to be said of them.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::SealFlag;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{bytes_of, sealed};
use crate::common::Parcel;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    Memory,
    Plain,
    Locked,
    Value,
    Array,
    Atomics,
    Part,
    Arena,
    Parcel,
}

/// What stands in a message, one after the other.
#[derive(Clone, Copy, Debug)]
enum Field {
    Segment,
    Registry,
    MaybeRegistry,
    Short,
    Long,
}

/// What a descriptor in a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Segment(Handle),
    Registry,
    /// It stands for a path only.
    Path(bool),
    /// That of the segment, or of the registry, open for reading only.
    ReadOnly(Option<Handle>),
    Other(Other),
}

/// A file in the place of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    Pipe,
    Folder,
    Null,
    /// With the bytes of the one that was there, but not sealed against becoming shorter.
    Cuttable,
    /// As that, but not sealed against becoming longer.
    Growable,
    /// As that, but sealed against being written.
    Unwritable,
    /// As that, but made for plain memory.
    Misnamed,
    Empty,
}

#[derive(Clone, Debug)]
pub(crate) enum ByteEdit {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    /// The same number in more bytes.
    Longer(Index, u8),
}

#[derive(Clone, Debug)]
pub(crate) enum FdEdit {
    Swap(Index, Index),
    Drop(Index),
    Double(Index),
    Path(Index),
    ReadOnly(Index),
    Other(Index, Other),
    /// That of another handle.
    Foreign(Index, Handle),
}

#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) is: Handle,
    pub(crate) taken_for: Handle,
    pub(crate) bytes: Vec<ByteEdit>,
    pub(crate) fds: Vec<FdEdit>,
}

const HANDLES: [Handle; 9] = [
    Handle::Memory,
    Handle::Plain,
    Handle::Locked,
    Handle::Value,
    Handle::Array,
    Handle::Atomics,
    Handle::Part,
    Handle::Arena,
    Handle::Parcel,
];

const OTHERS: [Other; 8] = [
    Other::Pipe,
    Other::Folder,
    Other::Null,
    Other::Cuttable,
    Other::Growable,
    Other::Unwritable,
    Other::Misnamed,
    Other::Empty,
];

pub(crate) fn attack() -> impl Strategy<Value = Attack> {
    let at = any::<Index>;
    let byte = || prop_oneof![0_u8..6, Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    let bytes = prop_oneof![
        2 => (at(), 0_u8..8).prop_map(|(at, bit)| ByteEdit::Flip(at, bit)),
        2 => (at(), byte()).prop_map(|(at, byte)| ByteEdit::Set(at, byte)),
        1 => (at(), byte()).prop_map(|(at, byte)| ByteEdit::Insert(at, byte)),
        1 => at().prop_map(ByteEdit::Remove),
        1 => at().prop_map(ByteEdit::Cut),
        2 => (at(), 1_u8..11).prop_map(|(at, more)| ByteEdit::Longer(at, more)),
    ];
    let others = prop::sample::select(OTHERS.to_vec());
    let foreign = prop::sample::select(HANDLES.to_vec());
    let fds = prop_oneof![
        (at(), at()).prop_map(|(one, other)| FdEdit::Swap(one, other)),
        at().prop_map(FdEdit::Drop),
        at().prop_map(FdEdit::Double),
        at().prop_map(FdEdit::Path),
        at().prop_map(FdEdit::ReadOnly),
        (at(), others).prop_map(|(at, other)| FdEdit::Other(at, other)),
        (at(), foreign).prop_map(|(at, handle)| FdEdit::Foreign(at, handle)),
    ];
    let handle = || prop::sample::select(HANDLES.to_vec());
    let kinds = prop_oneof![5 => handle().prop_map(|handle| (handle, handle)), 1 => (handle(), handle())];
    (kinds, vec(bytes, 0..3), vec(fds, 0..3)).prop_map(|((is, taken_for), bytes, fds)| Attack {
        is,
        taken_for,
        bytes,
        fds,
    })
}

impl ByteEdit {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        if len == 0 {
            return;
        }
        match self {
            Self::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
            Self::Set(at, byte) => bytes[at.index(len)] = *byte,
            Self::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
            Self::Cut(at) => bytes.truncate(at.index(len)),
            Self::Longer(at, more) => {
                let at = at.index(len);
                if bytes[at] < 0x80 {
                    bytes[at] |= 0x80;
                    let zeros = std::iter::repeat_n(0x80, usize::from(*more) - 1).chain([0]);
                    bytes.splice(at + 1..at + 1, zeros);
                }
            }
        }
    }
}

impl FdEdit {
    pub(crate) fn apply(&self, fds: &mut Vec<OwnedFd>, roles: &mut Vec<Role>, message: fn(Handle) -> Parcel) {
        let len = fds.len();
        if len == 0 {
            return;
        }
        match self {
            Self::Swap(one, other) => {
                fds.swap(one.index(len), other.index(len));
                roles.swap(one.index(len), other.index(len));
            }
            Self::Drop(at) => {
                fds.remove(at.index(len));
                roles.remove(at.index(len));
            }
            Self::Double(at) => {
                let at = at.index(len);
                fds.push(fds[at].try_clone().unwrap());
                roles.push(roles[at]);
            }
            Self::Path(at) => {
                let at = at.index(len);
                fds[at] = reopened(&fds[at], libc::O_PATH);
                roles[at] =
                    Role::Path(matches!(roles[at], Role::Registry | Role::ReadOnly(None) | Role::Path(true)));
            }
            Self::ReadOnly(at) => {
                let at = at.index(len);
                let role = match roles[at] {
                    Role::Segment(handle) => Role::ReadOnly(Some(handle)),
                    Role::Registry => Role::ReadOnly(None),
                    _ => return,
                };
                fds[at] = reopened(&fds[at], 0);
                roles[at] = role;
            }
            Self::Other(at, other) => {
                let at = at.index(len);
                let plain = matches!(roles[at], Role::Segment(Handle::Memory));
                if (plain && *other == Other::Misnamed) || !matches!(roles[at], Role::Segment(_)) {
                    return; // plain memory is to have that name; of other files there are no bytes
                }
                fds[at] = other.file(&fds[at]);
                roles[at] = Role::Other(*other);
            }
            Self::Foreign(at, handle) => {
                let at = at.index(len);
                // Another part, or parcel, could happen to have the number that the message tells of.
                let handle = match handle {
                    Handle::Part => Handle::Array,
                    Handle::Parcel => Handle::Arena,
                    other => *other,
                };
                fds[at] = message(handle).fds.swap_remove(0);
                roles[at] = Role::Segment(handle);
            }
        }
    }
}

/// The same file, opened anew for reading, or less.
fn reopened(fd: &OwnedFd, flags: i32) -> OwnedFd {
    let mut options = File::options();
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    options.read(true).custom_flags(flags).open(path).unwrap().into()
}

impl Other {
    fn file(self, of: &OwnedFd) -> OwnedFd {
        let whole = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        let like = |seals| sealed(c"multiproc-shm", &bytes_of(of), seals);
        match self {
            Self::Pipe => std::io::pipe().unwrap().0.into(),
            Self::Folder => File::open("/").unwrap().into(),
            Self::Null => File::open("/dev/null").unwrap().into(),
            Self::Cuttable => like(SealFlag::F_SEAL_GROW),
            Self::Growable => like(SealFlag::F_SEAL_SHRINK),
            Self::Unwritable => like(whole | SealFlag::F_SEAL_WRITE),
            Self::Misnamed => sealed(c"multiproc-memory", &bytes_of(of), whole),
            Self::Empty => sealed(c"multiproc-shm", &[], whole),
        }
    }
}

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Taken,
    /// Its bytes are no such message.
    Format,
    NoDescriptor,
    /// It is one, of something else.
    Refused,
}

impl Handle {
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Memory => &[Field::Segment],
            Self::Plain | Self::Locked | Self::Value => &[Field::Segment, Field::MaybeRegistry],
            Self::Array | Self::Atomics | Self::Arena => &[Field::Segment, Field::Registry],
            Self::Part => &[Field::Segment, Field::Registry, Field::Short, Field::Long, Field::Short],
            Self::Parcel => {
                &[Field::Segment, Field::Registry, Field::Long, Field::Long, Field::Long, Field::Long]
            }
        }
    }

    /// Whether what arrives as this may lie in the segment of that.
    fn is_in(self, segment: Self) -> bool {
        self == segment || (self == Self::Arena && segment == Self::Parcel)
    }

    /// Whether its memory is opened anew on arrival: then it does not matter for what it was open.
    fn is_reopened(self) -> bool {
        matches!(self, Self::Array | Self::Atomics | Self::Part | Self::Arena | Self::Parcel)
    }
}

/// A number in groups of seven bits, the lowest first, each but the last with its highest bit set.
fn varint(bytes: &mut &[u8], bits: u32) -> Option<u64> {
    let mut number = 0_u128;
    for group in 0..bits.div_ceil(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u128::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return u64::try_from(number).ok().filter(|_| number >> bits == 0);
        }
    }
    None
}

/// What is read of a message, and of which descriptors.
struct Read {
    segment: Role,
    registry: Option<Role>,
    numbers: Vec<u64>,
}

fn read(handle: Handle, mut bytes: &[u8], roles: &[Role]) -> Result<Read, Expected> {
    let mut left: Vec<_> = roles.iter().copied().map(Some).collect();
    let mut claim = |bytes: &mut &[u8]| {
        let number = varint(bytes, 32).ok_or(Expected::Format)?;
        left.get_mut(number as usize).and_then(Option::take).ok_or(Expected::NoDescriptor)
    };
    let mut read = Read { segment: Role::Registry, registry: None, numbers: Vec::new() };
    for field in handle.fields() {
        match field {
            Field::Segment => read.segment = claim(&mut bytes)?,
            Field::Registry => read.registry = Some(claim(&mut bytes)?),
            Field::MaybeRegistry => {
                let (tag, rest) = bytes.split_first().ok_or(Expected::Format)?;
                bytes = rest;
                match tag {
                    0 => {}
                    1 => read.registry = Some(claim(&mut bytes)?),
                    _ => return Err(Expected::Format),
                }
            }
            Field::Short => read.numbers.push(varint(&mut bytes, 32).ok_or(Expected::Format)?),
            Field::Long => read.numbers.push(varint(&mut bytes, 64).ok_or(Expected::Format)?),
        }
    }
    Ok(read)
}

/// What is to become of these bytes with these descriptors, if those of the whole message of `is` were `whole`.
pub(crate) fn expected(
    taken_for: Handle,
    is: Handle,
    whole: &[u8],
    bytes: &[u8],
    roles: &[Role],
) -> Expected {
    let read = match read(taken_for, bytes, roles) {
        Ok(read) => read,
        Err(wrong) => return wrong,
    };
    let segment_fits = match read.segment {
        Role::Segment(segment) => taken_for.is_in(segment),
        Role::ReadOnly(Some(segment)) => taken_for.is_in(segment) && taken_for.is_reopened(),
        _ => false,
    };
    let is_registry = matches!(read.registry, Some(Role::Registry | Role::ReadOnly(None) | Role::Path(true)));
    let registry_fits = is_registry || matches!(taken_for, Handle::Memory | Handle::Plain);
    // A part or a parcel that is none is in no message, whatever is said of it.
    let numbers_fit = match (taken_for, is) {
        (Handle::Part | Handle::Parcel, other) if other != taken_for => false,
        // Whether it may be torn is its sender's word.
        (Handle::Part, _) => read.numbers[..2] == own_numbers(taken_for, whole)[..2],
        (Handle::Parcel, _) => {
            let own = own_numbers(taken_for, whole);
            let others = [0, 1, 3].iter().all(|at| read.numbers[*at] == own[*at]);
            others && read.numbers[2] <= 8 // of the block, which has 64 bytes
        }
        _ => true,
    };
    if segment_fits && registry_fits && numbers_fit { Expected::Taken } else { Expected::Refused }
}

fn own_numbers(handle: Handle, whole: &[u8]) -> Vec<u64> {
    let roles = [Role::Segment(handle), Role::Registry];
    read(handle, whole, &roles).map(|read| read.numbers).expect("the message is whole")
}
