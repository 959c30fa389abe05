//! The files of segments that have no name, by the descriptors of those who have them: opened to be read, and never mapped.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::OFlag;

use crate::maps::{Mappings, Place, kind_of_segment};
use crate::sys;

/// Where each segment can be opened, as long as its processes keep it so.
#[derive(Debug)]
pub(super) struct Files(HashMap<Place, Vec<PathBuf>>);

/// So many ways to one segment are kept: a process may end or close its descriptor at any time.
const WAYS: usize = 4;

impl Files {
    /// Those of the processes that map segments of families.
    pub(super) fn find(mappings: &Mappings) -> Self {
        let mut ways: HashMap<Place, Vec<PathBuf>> = HashMap::new();
        let mut add = |place, way| {
            let known = ways.entry(place).or_default();
            if known.len() < WAYS {
                known.push(way);
            }
        };
        for pid in mappings.regions.keys() {
            // What cannot be listed, as the process has ended or is another user's, is not opened.
            let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            for way in entries.map(|entry| entry.path()) {
                let is_segment =
                    |target: PathBuf| target.to_str().is_some_and(|path| kind_of_segment(path).is_some());
                if fs::read_link(&way).is_ok_and(is_segment)
                    && let Ok(metadata) = fs::metadata(&way)
                {
                    add(sys::place(&metadata), way);
                }
            }
        }
        // By what is mapped only who may do anything can open it.
        for (pid, regions) in &mappings.regions {
            for region in regions {
                let (start, end) = (region.addresses.start, region.addresses.end);
                add(region.place, PathBuf::from(format!("/proc/{pid}/map_files/{start:x}-{end:x}")));
            }
        }
        Self(ways)
    }

    /// The file, to be read.
    pub(super) fn open(&self, place: &Place) -> Option<File> {
        self.0.get(place)?.iter().find_map(|way| {
            // What has the number of a closed descriptor by now may be a pipe, at which to open it would wait.
            let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
            let file = OpenOptions::new().read(true).custom_flags(flags).open(way).ok()?;
            let metadata = file.metadata().ok()?;
            (metadata.is_file() && sys::place(&metadata) == *place).then_some(file)
        })
    }
}
