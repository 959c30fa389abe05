//! A segment in a control group with a limit.

mod common;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use common::named::{name, path, write};
use common::{fork, reap};
use multiproc_shm::{SharedMemory, ShmError};
use multiproc_testkit::{Leaks, Watchdog};

const MIB: usize = 1 << 20;

/// A group of this process's own, with a limit; `None` where this machine does not let it make one. Gone at the end of the test.
struct Group(PathBuf);

impl Group {
    fn new(most: usize) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let first = controllers.split(',').any(|name| name == "memory");
            let (mount, limit) = match (first, controllers) {
                (true, _) => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                (false, "") => ("/sys/fs/cgroup", "memory.max"),
                _ => return None,
            };
            let group = Path::new(mount).join(path.trim_start_matches('/')).join(name("group"));
            fs::create_dir(&group).ok()?;
            let group = Self(group);
            fs::write(group.0.join(limit), most.to_string()).ok()?;
            Some(group)
        })
    }

    fn enter(&self) {
        fs::write(self.0.join("cgroup.procs"), std::process::id().to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0); // it is empty once its process is reaped
    }
}

#[test]
fn a_limit_of_the_group_is_a_lack_of_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let Some(group) = Group::new(64 * MIB) else {
        // No failure even in the continuous integration: containers have such groups or not, whatever their user may do.
        let _ = writeln!(
            io::stderr(),
            "NOT SHOWN: no control group with a limit can be made here; room.rs shows it on a drawn one"
        );
        return;
    };
    // For a second it is believed of this process that it has no limits; not of its forks.
    drop(SharedMemory::anonymous(2 * MIB).unwrap());
    let child = fork(|| {
        group.enter();
        for refused in [SharedMemory::create(&name("group"), 128 * MIB), SharedMemory::anonymous(128 * MIB)] {
            match refused {
                Err(ShmError::OutOfMemory { asked, available }) => {
                    assert!(asked == 128 * MIB as u64 && available <= 64 * MIB as u64, "{available}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!path(&name("group")).exists());
        let memory = SharedMemory::create(&name("group"), 16 * MIB).unwrap();
        (0..memory.len()).step_by(4096).for_each(|at| write(&memory, at, 1));
    });
    assert_eq!(reap(child), 0, "it is refused, not killed");
    drop(group);
    leaks.check();
}

/// Nobody asks for each of them what is left, and yet none is made that is too much.
#[test]
fn many_short_segments_are_refused_before_the_limit_is_reached() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let Some(group) = Group::new(24 * MIB) else {
        println!("no group with a limit can be made here: the tests of room.rs show how often it is asked");
        return;
    };
    let child = fork(|| {
        group.enter();
        let mut made = Vec::new();
        let refused = loop {
            match SharedMemory::anonymous(MIB) {
                Ok(memory) => {
                    // Not all of it: the kernel needs something for itself.
                    (0..3 * MIB / 4).step_by(4096).for_each(|at| write(&memory, at, 1));
                    made.push(memory);
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, ShmError::OutOfMemory { asked, .. } if asked == MIB as u64), "{refused}");
        assert!((16..32).contains(&made.len()), "{}", made.len());
    });
    assert_eq!(reap(child), 0, "it is refused, not killed");
    drop(group);
    leaks.check();
}
