//! Why memory is no registry for this process.

/// Why memory cannot serve as the registry of this process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The memory does not begin at a page.
    #[error("the memory of a registry begins at a page")]
    Misaligned,
    /// The memory is shorter than a registry.
    #[error("the memory is {len} bytes long, a registry {needed}")]
    TooShort {
        /// What was given, in bytes.
        len: usize,
        /// What it takes, in bytes.
        needed: usize,
    },
    /// The memory holds something else.
    #[error("the memory holds no registry: {what}")]
    Corrupt {
        /// What was wrong with it.
        what: &'static str,
    },
    /// The registry was made by another version of this crate.
    #[error(
        "the registry is of version {found}, this program knows version {expected}: build the family's programs together"
    )]
    Version {
        /// What the memory says.
        found: u32,
        /// What this build knows.
        expected: u32,
    },
    /// The process lives in another pid namespace than the family's first.
    #[error(
        "this process is in pid namespace {ours}, its family in {family}, where process numbers mean others: start it in the same one"
    )]
    ForeignPidNamespace {
        /// The namespace of the registry's maker, by inode number.
        family: u64,
        /// That of this process.
        ours: u64,
    },
    /// The process lives in another time namespace than the family's first.
    #[error(
        "this process is in time namespace {ours}, its family in {family}, where start times are others: start it in the same one"
    )]
    ForeignTimeNamespace {
        /// The namespace of the registry's maker, by inode number.
        family: u64,
        /// That of this process.
        ours: u64,
    },
    /// /proc could not be read, or is not that of this process's pid namespace.
    #[error(
        "/proc/self could not be read or is another's, which tells namespaces apart: mount /proc in this pid namespace"
    )]
    NoProc,
    /// This process has a registry.
    #[error("this process belongs to a family already")]
    AlreadyInstalled,
}
