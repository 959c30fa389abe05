//! A test program's own `/dev/shm` is empty, is its children's as well, and is nobody else's.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::{ChildTest, Leaks, TempDir, is_child, needs};

multiproc_testkit::own_shm!();

const ENTRY: &str = "/dev/shm/entry";

#[test]
fn what_is_there_is_seen_by_the_program_and_its_children_alone() {
    let name = "what_is_there_is_seen_by_the_program_and_its_children_alone";
    if is_child(name) {
        assert!(Path::new(ENTRY).exists(), "a child mounts no other");
        // Whatever its name is: all that is there is the program's own.
        let leaks = Leaks::snapshot();
        let forgotten = format!("{ENTRY}-forgotten");
        fs::write(&forgotten, "x").unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| leaks.check_within(Duration::ZERO))).unwrap_err();
        assert!(panic.downcast::<String>().unwrap().contains(&forgotten));
        fs::remove_file(&forgotten).unwrap();
        return;
    }
    if !needs("namespaces", multiproc_testkit::own_shm::is_own()) {
        return;
    }
    assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 0);
    fs::write(ENTRY, "x").unwrap();
    ChildTest::new(name).run().expect_pass();
    assert_eq!(reap(fork(|| assert!(Path::new(ENTRY).exists()))), 0);
    assert!(Command::new("test").args(["-e", ENTRY]).status().unwrap().success());
    fs::remove_file(ENTRY).unwrap();
}

/// Otherwise those who are not root would have its rights over files.
#[test]
fn the_program_has_no_more_rights_than_before() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(is_root || of("CapEff:") == "0000000000000000", "{status}");
    if is_root {
        return;
    }
    let folder = TempDir::new();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(File::open(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}
