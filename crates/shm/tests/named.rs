//! Segments with names and mapped files: what they give, whom they refuse, and when their names end.

mod common;

use std::fs::{self, File};
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use common::named::{Theirs, byte, name, path, write};
use common::{fork, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::fork::exit;
use multiproc_testkit::{Leaks, Signal, TempDir, Watchdog, eventually, state_of};

#[test]
fn all_who_open_a_name_have_the_same_bytes() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let name = name("bytes");
    let ours = SharedMemory::create_with(&name, 5000, |bytes| {
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes[4999] = 9;
    })
    .unwrap();
    assert_eq!((ours.name(), ours.len(), ours.is_writable()), (Some(&*name), 5000, true));
    let child = fork(|| {
        let theirs = SharedMemory::open(&format!("/{name}")).unwrap();
        assert_eq!((theirs.name(), theirs.len(), byte(&theirs, 4999)), (Some(&*name), 5000, 9));
        write(&theirs, 0, 7);
    });
    assert_eq!(reap(child), 0);
    assert_eq!(byte(&ours, 0), 7);
    let only_read = SharedMemory::open_read_only(&name).unwrap();
    assert!(!only_read.is_writable());
    write(&ours, 1, 8);
    assert_eq!((byte(&only_read, 0), byte(&only_read, 1)), (7, 8));
    let mut buffer = [1; 3];
    assert_eq!((only_read.read_at(4998, &mut buffer).unwrap(), buffer), (2, [0, 9, 1]));
    assert_eq!(only_read.read_at(5000, &mut buffer).unwrap(), 0);
    assert_eq!(fs::metadata(path(&name)).unwrap().permissions().mode() & 0o777, 0o600, "for this user alone");
    drop((ours, only_read));
    leaks.check();
}

#[test]
fn a_write_to_what_is_read_only_is_a_signal_and_changes_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let ours = SharedMemory::create_any(10).unwrap();
    let only_read = SharedMemory::open_read_only(ours.name().unwrap()).unwrap();
    assert_eq!(libc::WTERMSIG(reap(fork(|| write(&only_read, 0, 1)))), libc::SIGSEGV);
    assert_eq!(byte(&ours, 0), 0);
    assert!(matches!(only_read.reserve(), Err(ShmError::Kernel { .. })));
    drop((ours, only_read));
    leaks.check();
}

#[test]
fn what_cannot_be_is_told_apart() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let name = name("errors");
    assert!(matches!(SharedMemory::create(&name, 0), Err(ShmError::Empty)));
    assert!(matches!(SharedMemory::create("a/b", 1), Err(ShmError::Name { .. })));
    assert!(matches!(SharedMemory::open(""), Err(ShmError::Name { .. })));
    assert!(matches!(SharedMemory::open(&name), Err(ShmError::Missing { name: missing }) if missing == name));
    assert!(matches!(SharedMemory::open_read_only(&name), Err(ShmError::Missing { .. })));
    assert!(matches!(
        SharedMemory::create(&name, usize::MAX),
        Err(ShmError::OutOfMemory { .. } | ShmError::Kernel { .. })
    ));
    let ours = SharedMemory::create(&name, 10).unwrap();
    assert!(
        matches!(SharedMemory::create(&name, 10), Err(ShmError::Exists { name: taken }) if taken == name)
    );
    assert_eq!(byte(&ours, 9), 0, "whoever was refused has not touched it");
    drop(ours);
    let theirs = Theirs::new(&name, b"x");
    assert!(matches!(SharedMemory::create(&name, 10), Err(ShmError::Exists { .. })));
    assert_eq!(fs::read(&theirs.0).unwrap(), b"x");
    drop(theirs);
    leaks.check();
}

#[test]
fn what_is_no_segment_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let names = ["folder", "link", "socket", "empty"].map(name);
    let [folder, link, socket, empty] = names.each_ref().map(|name| path(name));
    fs::create_dir(&folder).unwrap();
    symlink("/etc/passwd", &link).unwrap();
    drop(UnixListener::bind(&socket).unwrap());
    for name in &names[..3] {
        for refused in [SharedMemory::open(name), SharedMemory::open_read_only(name)] {
            assert!(matches!(refused, Err(ShmError::Corrupt { .. })), "{name}: {refused:?}");
        }
    }
    let waited_for = Theirs::new(&names[3], b"");
    assert!(matches!(SharedMemory::open(&names[3]), Err(ShmError::TooShort { len: 0, needed: 1 })));
    assert_eq!(waited_for.0, empty);
    fs::remove_dir(&folder).unwrap();
    fs::remove_file(&link).unwrap();
    fs::remove_file(&socket).unwrap();
    drop(waited_for);
    leaks.check();
}

#[test]
fn the_last_clone_ends_the_name() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let first = SharedMemory::create(&name("clones"), 10).unwrap();
    let second = first.clone();
    drop(first);
    assert!(second.is_owner());
    let theirs = SharedMemory::open(&name("clones")).unwrap();
    assert!(!theirs.is_owner());
    let ended = thread::spawn(move || drop(second)).join();
    assert!(ended.is_ok());
    assert!(!path(&name("clones")).exists(), "dropped by another thread, at its end");
    write(&theirs, 0, 1);
    assert_eq!(byte(&theirs, 0), 1, "whoever has it mapped goes on");
    drop(theirs);
    leaks.check();
}

#[test]
fn a_forgotten_handle_leaves_a_listed_name() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("forgotten");
    let child = fork(|| {
        mem::forget(SharedMemory::create(&name("forgotten"), 10).unwrap());
    });
    assert_eq!(reap(child), 0);
    let forgotten = name("forgotten");
    assert!(path(&forgotten).exists());
    eventually("it is swept", || {
        names::sweep().unwrap();
        !path(&forgotten).exists()
    });
    leaks.check();
}

#[test]
fn anybody_can_unlink_and_often() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let ours = SharedMemory::create(&name("unlink"), 10).unwrap();
    let theirs = SharedMemory::open(&name("unlink")).unwrap();
    theirs.unlink().unwrap();
    assert!(!path(&name("unlink")).exists());
    for memory in [&theirs, &ours, &ours] {
        memory.unlink().unwrap();
    }
    assert!(!ours.is_owner());
    SharedMemory::anonymous(1).unwrap().unlink().unwrap();
    drop((ours, theirs));
    leaks.check();
}

#[test]
fn a_kept_name_stays() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let ours = SharedMemory::create_with(&name("kept"), 3, |bytes| bytes[0] = 5).unwrap();
    let theirs = SharedMemory::open(&name("kept")).unwrap();
    theirs.keep_name().unwrap();
    assert!(ours.is_owner(), "only the owner can");
    ours.keep_name().unwrap();
    assert!(!ours.is_owner());
    assert!(!names::list().unwrap().iter().any(|segment| segment.name == name("kept")));
    drop((ours, theirs));
    names::sweep().unwrap();
    let again = SharedMemory::open(&name("kept")).unwrap();
    assert_eq!(byte(&again, 0), 5);
    again.unlink().unwrap();
    drop(again);
    leaks.check();
}

#[test]
fn a_panic_of_who_fills_leaves_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let filled = catch_unwind(AssertUnwindSafe(|| {
        SharedMemory::create_with(&name("panic"), 10, |_| panic!("in the middle"))
    }));
    assert!(filled.is_err());
    assert!(!path(&name("panic")).exists());
    leaks.check();
}

#[test]
fn who_fills_can_make_others_and_fork() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let mut inner = None;
    let outer = SharedMemory::create_with(&name("outer"), 10, |bytes| {
        inner = Some(SharedMemory::create(&name("inner"), 10).unwrap());
        assert!(!path(&name("outer")).exists());
        let child = fork(|| drop(SharedMemory::create_any(10).unwrap()));
        assert_eq!(reap(child), 0);
        bytes[0] = 1;
    })
    .unwrap();
    assert_eq!((byte(&outer, 0), byte(inner.as_ref().unwrap(), 0)), (1, 0));
    drop((outer, inner));
    leaks.check();
}

#[test]
fn a_segment_that_gets_its_length_late_is_waited_for() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("late");
    eventually("one that is seen to wait gets it", || {
        let theirs = Theirs::new(&name("late"), b"");
        let file = File::options().write(true).open(&theirs.0).unwrap();
        let opening = fork(|| match SharedMemory::open(&name("late")) {
            Ok(opened) => assert_eq!(opened.len(), 77),
            // Its looks are used up while this process was off the core.
            Err(ShmError::TooShort { len: 0, .. }) => exit(2),
            Err(error) => panic!("{error}"),
        });
        let (pid, path) = (opening.pid(), theirs.0.clone());
        let has_it = || {
            let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            fds.filter(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path)).count() > 1
        };
        // Nothing but the pause between two looks sleeps while the file is open.
        eventually("it waits or has ended", || {
            matches!((has_it(), state_of(pid)), (true, Some('S')) | (_, Some('Z')))
        });
        // It uses up no looks meanwhile.
        multiproc_testkit::kill(pid, Signal::SIGSTOP).unwrap();
        eventually("it stands still", || matches!(state_of(pid), Some('T' | 'Z')));
        let is_in_time = state_of(pid) == Some('T');
        file.set_len(77).unwrap();
        multiproc_testkit::kill(pid, Signal::SIGCONT).unwrap();
        match reap(opening) {
            0 => is_in_time,
            status => {
                assert_eq!(libc::WEXITSTATUS(status), 2, "{status:#x}");
                false
            }
        }
    });
    leaks.check();
}

#[test]
fn files_are_mapped_and_others_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let dir = TempDir::new();
    let [full, empty, missing, socket, link] =
        ["full", "empty", "missing", "socket", "link"].map(|name| dir.path().join(name));
    fs::write(&full, "content").unwrap();
    fs::write(&empty, "").unwrap();
    drop(UnixListener::bind(&socket).unwrap());
    symlink(&full, &link).unwrap();
    let memory = SharedMemory::map_file(&link).unwrap();
    assert_eq!((memory.len(), memory.name(), memory.is_owner()), (7, None, false));
    write(&memory, 0, b'C');
    let only_read = SharedMemory::map_file_read_only(&full).unwrap();
    assert_eq!((byte(&only_read, 0), only_read.is_writable()), (b'C', false));
    memory.unlink().unwrap();
    drop((memory, only_read));
    assert_eq!(fs::read(&full).unwrap(), b"Content", "the file keeps its name");
    for map in
        [|path: &Path| SharedMemory::map_file(path), |path: &Path| SharedMemory::map_file_read_only(path)]
    {
        for path in [dir.path(), &socket, Path::new("/dev/null")] {
            let refused = map(path);
            assert!(matches!(refused, Err(ShmError::File { .. })), "{}: {refused:?}", path.display());
        }
        assert!(matches!(map(&empty), Err(ShmError::TooShort { len: 0, .. })));
        assert!(matches!(map(&missing), Err(ShmError::Kernel { .. })));
    }
    drop(dir);
    leaks.check();
}

#[test]
fn a_descriptor_of_a_named_segment_is_not_taken_for_a_sealed_one() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create_any(10).unwrap();
    let fd = memory.as_fd().try_clone_to_owned().unwrap();
    assert!(matches!(SharedMemory::attach(fd), Err(ShmError::Corrupt { .. })));
    drop(memory);
    leaks.check();
}
