//! What a check may not leave behind. By name, and not by a look at all of `/dev/shm`: others may use that at the same time.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use multiproc_shm::names;
use multiproc_testkit::{LIMIT, children_of, holds_within, proc_fd_count};

use crate::check::{Failure, Judged};

/// The names that the other side has told of since the check began.
static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes the names of segments in a line of the other side's.
pub(crate) fn note(line: &str) {
    let is_name = |word: &&str| word.starts_with("psm_") || word.starts_with("mp-python-");
    let names = line.split(' ').filter(is_name).map(str::to_owned);
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
}

/// What there is before a check.
pub(crate) struct Before {
    descriptors: usize,
}

impl Before {
    pub(crate) fn new() -> Self {
        HEARD.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Self { descriptors: proc_fd_count() }
    }

    /// Waits until all is as before.
    pub(crate) fn check(self) -> Judged {
        let heard = std::mem::take(&mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner));
        let this = std::process::id();
        let mut left = Vec::new();
        let is_clean = holds_within(LIMIT, || {
            left = heard.iter().filter(|name| Path::new("/dev/shm").join(name).exists()).cloned().collect();
            if let Ok(listed) = names::list() {
                left.extend(listed.into_iter().filter(|segment| segment.creator == this).map(|own| own.name));
            }
            left.extend(children_of(this).iter().map(|pid| format!("the process {pid}")));
            let descriptors = proc_fd_count();
            if descriptors != self.descriptors {
                left.push(format!("{descriptors} descriptors, {} before", self.descriptors));
            }
            left.is_empty()
        });
        if is_clean {
            return Ok(());
        }
        // So that the next check finds nothing of this one.
        heard.iter().for_each(|name| _ = std::fs::remove_file(Path::new("/dev/shm").join(name)));
        Err(Failure::Wrong(format!("left behind: {}", left.join(", "))))
    }
}
