//! What a program must not leave behind: processes of it, entries in `/dev/shm`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to end processes that were told to.
const GRACE: Duration = Duration::from_secs(5);

/// What there was before the program started.
#[derive(Debug)]
pub(super) struct Before {
    program: PathBuf,
    processes: BTreeSet<u32>,
    segments: BTreeSet<PathBuf>,
}

impl Before {
    pub(super) fn look(program: &Path) -> Result<Self, String> {
        let (processes, segments) = (processes(program)?, segments()?);
        Ok(Self { program: program.to_path_buf(), processes, segments })
    }

    /// What has been added and does not go away.
    pub(super) fn leftovers(&self) -> Result<Vec<String>, String> {
        let deadline = Instant::now() + GRACE;
        loop {
            let left = self.added()?;
            if left.is_empty() || Instant::now() >= deadline {
                return Ok(left);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn added(&self) -> Result<Vec<String>, String> {
        let mut added = Vec::new();
        for pid in processes(&self.program)?.difference(&self.processes) {
            added.push(format!("process {pid} of {} is still there", self.program.display()));
        }
        for segment in segments()?.difference(&self.segments) {
            added.push(format!("{} is still there", segment.display()));
        }
        Ok(added)
    }
}

/// The processes that run `program`, also when its file has been replaced since.
fn processes(program: &Path) -> Result<BTreeSet<u32>, String> {
    let replaced = format!("{} (deleted)", program.display());
    let runs = |pid: &u32| {
        // One that has just ended, or belongs to somebody else, is none of ours.
        std::fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|exe| exe == program || exe == Path::new(&replaced))
    };
    let names = entries(Path::new("/proc"))?;
    Ok(names.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).filter(runs).collect())
}

fn segments() -> Result<BTreeSet<PathBuf>, String> {
    let folder = Path::new("/dev/shm");
    if folder.is_dir() { entries(folder) } else { Ok(BTreeSet::new()) }
}

fn entries(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let list =
        std::fs::read_dir(folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    Ok(list.flatten().map(|entry| entry.path()).collect())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A copy of `cat` under a name of this test's own, so that no other process runs it.
    struct Planted {
        folder: PathBuf,
        program: PathBuf,
    }

    impl Planted {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            std::fs::create_dir(&folder).unwrap();
            let cat = std::fs::canonicalize("/bin/cat").unwrap();
            let program = folder.join(cat.file_name().unwrap());
            std::fs::copy(&cat, &program).unwrap();
            Self { program: program.canonicalize().unwrap(), folder }
        }

        /// Waits for its standard input to close.
        fn start(&self) -> Child {
            let mut command = Command::new(&self.program);
            command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        }
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn a_process_that_stays_is_caught() {
        let planted = Planted::new("stays");
        let before = Before::look(&planted.program).unwrap();
        let mut child = planted.start();
        let added = before.added().unwrap();
        assert!(added.iter().any(|what| what.contains(&format!("process {} ", child.id()))), "{added:?}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_was_there_or_is_gone_is_not() {
        let planted = Planted::new("gone");
        let mut early = planted.start();
        let before = Before::look(&planted.program).unwrap();
        let mut late = planted.start();
        drop(late.stdin.take());
        late.wait().unwrap();
        let added = before.added().unwrap();
        assert!(!added.iter().any(|what| what.contains("process")), "{added:?}");
        drop(early.stdin.take());
        early.wait().unwrap();
    }
}
