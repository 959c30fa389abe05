//! The segments in `/dev/shm`.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use multiproc_shm::names;
use serde::Serialize;

use crate::failure::Failure;
use crate::maps::{Mappings, Process};
use crate::sys;

const FOLDER: &str = "/dev/shm";

/// Before the names of the lists that programs of this crate keep.
const LISTS: &str = "multiproc.";

/// Before the names that CPython draws.
const PYTHON: &str = "psm_";

/// Whose segment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// One that a program of this user lists.
    Multiproc,
    /// One that has such a name as CPython draws.
    Python,
    Other,
}

/// What is known of the process that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It lives, or a fork of it.
    Alive,
    Dead,
    Unknown,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) name: Option<String>,
}

/// A segment that has a name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) bytes: u64,
    /// As that process knew its number.
    pub(crate) owner: Option<Process>,
    pub(crate) state: State,
    pub(crate) user: User,
    /// `None`: the clock was set back since.
    pub(crate) age_seconds: Option<u64>,
    pub(crate) mapped_by: Vec<Process>,
}

/// The segments that have names, sorted by them; `all`: also those that are neither listed nor called as CPython's.
pub(crate) fn segments(all: bool, mappings: &Mappings) -> Result<Vec<Segment>, Failure> {
    let failed = |source| Failure::Read { what: FOLDER, source };
    let mut listed = names::list()?;
    // One that another process was killed while it unlinked is listed twice: the living process's it is.
    listed.sort_by_key(|segment| segment.is_alive);
    let listed: HashMap<_, _> = listed.into_iter().map(|segment| (segment.name.clone(), segment)).collect();
    let mut users = HashMap::new();
    let mut segments = Vec::new();
    for entry in fs::read_dir(FOLDER).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let listed = listed.get(&name);
        let kind = match listed {
            Some(_) => Kind::Multiproc,
            None if name.starts_with(PYTHON) => Kind::Python,
            None => Kind::Other,
        };
        if name.starts_with(LISTS) || (kind == Kind::Other && !all) {
            continue;
        }
        // What is gone meanwhile is left out.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if !metadata.is_file() {
            continue;
        }
        let (state, owner) = match listed {
            None => (State::Unknown, None),
            Some(listed) if listed.is_alive => (State::Alive, Some(Process::of(listed.creator))),
            // Its number may be another's by now.
            Some(listed) => (State::Dead, Some(Process { pid: listed.creator, program: None })),
        };
        let id = metadata.uid();
        let user = users.entry(id).or_insert_with(|| User { id, name: sys::user_name(id) }).clone();
        segments.push(Segment {
            name,
            kind,
            bytes: metadata.len(),
            owner,
            state,
            user,
            age_seconds: age(&metadata),
            mapped_by: mappings.of(&sys::place(&metadata)),
        });
    }
    segments.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(segments)
}

/// Since it was made, or where the kernel does not tell, last written to by a system call.
fn age(metadata: &Metadata) -> Option<u64> {
    let since = metadata.created().or_else(|_| metadata.modified()).ok()?;
    SystemTime::now().duration_since(since).ok().map(|age| age.as_secs())
}
