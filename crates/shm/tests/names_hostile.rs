//! What strangers and other users put into the folder of names harms nobody's names. `unsafe`: forks that give their rights up.
#![allow(unsafe_code)]

mod common;

use std::fs;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;

use common::named::{Theirs, creator, manifest_of, name, numbered, path, shared_number, sweep_until_gone};
use common::{fork, idle, kill, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::{Leaks, Watchdog, eventually, needs};

/// Whether the test may become another user.
fn is_root() -> bool {
    // SAFETY: no memory is passed.
    unsafe { libc::geteuid() == 0 }
}

/// Who is not root has no right to others' files.
fn become_user(user: u32) {
    // SAFETY: a number is passed.
    assert!(unsafe { libc::setuid(user) } == 0 || !is_root());
}

const NOBODY: u32 = 65_534;

/// Another one than that.
const SOMEBODY: u32 = 65_533;

/// Where a list of the process `pid` would be; no other run of these tests has the name.
fn list_of(pid: u32, number: u64) -> PathBuf {
    path(&format!("multiproc.{pid}.{:016x}", u64::from(std::process::id()) << 32 | number))
}

/// What a test has put at a name; gone at its end, also where it fails.
struct Planted(PathBuf);

impl Drop for Planted {
    fn drop(&mut self) {
        // It may be gone, and is one of both.
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir(&self.0));
    }
}

#[test]
fn manifests_of_any_bytes() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    fs::write(path(&numbered("bystander", 0)), "theirs").unwrap();
    let child = creator("bytes", 2);
    let whole = fs::read(manifest_of(child.pid()).unwrap()).unwrap();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..300_u64 {
        // A copy of a living process's list is a dead one's, so its records are spoiled.
        let mut bytes = whole.clone();
        for record in bytes[512..].chunks_mut(512) {
            record[next() as usize % record.len()] ^= 1 << (next() % 8);
        }
        if round % 3 == 0 {
            bytes.iter_mut().skip(512).for_each(|byte| *byte = next() as u8);
        }
        if round % 7 == 0 {
            bytes[next() as usize % 8] ^= 1;
        }
        bytes.truncate(next() as usize % (bytes.len() + 1));
        let planted = list_of(999_999_999, round);
        let of_others = bytes.len() >= 512 && bytes[..8] != whole[..8];
        let _gone_at_the_end = Planted(planted.clone());
        fs::write(&planted, &bytes).unwrap();
        names::list().unwrap();
        if of_others {
            names::sweep().unwrap();
            assert!(planted.exists(), "another version's, which knows better");
            fs::remove_file(&planted).unwrap();
        } else {
            sweep_until_gone(&planted);
        }
        assert!((0..2).all(|number| path(&numbered("bytes", number)).exists()), "round {round}");
        assert_eq!(fs::read(path(&numbered("bystander", 0))).unwrap(), b"theirs");
    }
    fs::remove_file(path(&numbered("bystander", 0))).unwrap();
    let manifest = manifest_of(child.pid()).unwrap();
    kill(child);
    sweep_until_gone(&manifest);
    leaks.check();
}

/// A folder stands where a dead process's segment without a name would be: it is told of, and the rest is swept all the same.
#[test]
fn what_cannot_be_removed_does_not_keep_the_rest() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = creator("kept from", 1);
    let manifest = manifest_of(child.pid()).unwrap();
    let obstacle = Planted(PathBuf::from(format!("{}.u99.0123456789abcdef", manifest.display())));
    fs::create_dir(&obstacle.0).unwrap();
    kill(child);
    eventually("its name is swept", || {
        let _ = names::sweep();
        !path(&numbered("kept from", 0)).exists()
    });
    drop(obstacle);
    sweep_until_gone(&manifest);
    leaks.check();
}

#[test]
fn what_looks_like_a_manifest_and_is_none() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let planted = [1, 2, 3].map(|number| Planted(list_of(999_999_998, number)));
    let [folder, link, socket] = planted.each_ref().map(|planted| &planted.0);
    fs::create_dir(folder).unwrap();
    symlink("/etc/passwd", link).unwrap();
    drop(std::os::unix::net::UnixListener::bind(socket).unwrap()); // its name stays
    names::sweep().unwrap();
    names::list().unwrap();
    assert!(folder.is_dir() && link.is_symlink() && socket.exists());
    drop(planted);
    leaks.check();
}

/// A user's names are that user's affair. Without the rights of root there is but one user: then it sweeps its own.
#[test]
fn users_sweep_for_themselves() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let is_root = is_root();
    let child = fork(|| {
        become_user(NOBODY);
        mem::forget(SharedMemory::create(&numbered("user", 0), 10).unwrap());
    });
    let pid = child.pid();
    assert_eq!(reap(child), 0);
    if is_root {
        names::sweep().unwrap();
        assert!(path(&numbered("user", 0)).exists() && manifest_of(pid).is_some());
        assert!(!names::list().unwrap().iter().any(|segment| segment.creator == pid));
        let other = fork(|| {
            become_user(NOBODY);
            sweep_until_gone(&path(&numbered("user", 0)));
            let root = SharedMemory::create(&numbered("user", 0), 10);
            assert!(root.is_ok());
        });
        assert_eq!(reap(other), 0);
    } else {
        sweep_until_gone(&path(&numbered("user", 0)));
    }
    leaks.check();
}

/// A file that looks like a list by its name, and that nobody can open: its user has a lease of it.
#[test]
fn a_list_of_another_user_that_cannot_be_opened_is_in_nobody_s_way() {
    let _watchdog = Watchdog::with_limit(60);
    if !needs("two users: run as root", is_root()) {
        return;
    }
    let leaks = Leaks::snapshot();
    let planted = Planted(list_of(1, 0));
    let theirs = &planted.0;
    let leased = shared_number();
    let other = fork(|| {
        become_user(SOMEBODY);
        let file = fs::File::create_new(theirs).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o666)).unwrap();
        // SAFETY: numbers; the descriptor is open. Who breaks the lease is told by a signal, which is to be ignored.
        unsafe {
            libc::signal(libc::SIGIO, libc::SIG_IGN);
            assert_eq!(libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK), 0);
        }
        leased.store(1, SeqCst);
        idle()
    });
    eventually("it has its lease", || leased.load(SeqCst) == 1);
    names::list().unwrap();
    names::sweep().unwrap();
    assert!(theirs.exists());
    kill(other);
    drop((planted, leased));
    leaks.check();
}

/// What another user has put at the private names of this one's: those that are drawn are others.
#[test]
fn what_other_users_put_beside_a_list_is_in_nobody_s_way() {
    let _watchdog = Watchdog::with_limit(60);
    if !needs("two users: run as root", is_root()) {
        return;
    }
    let leaks = Leaks::snapshot();
    name("planted");
    let (made, planted) = (shared_number(), shared_number());
    let child = fork(|| {
        become_user(NOBODY);
        let first = SharedMemory::create(&numbered("planted", 0), 10).unwrap();
        made.store(1, SeqCst);
        eventually("they are planted", || planted.load(SeqCst) == 1);
        drop(first);
        assert!(!path(&numbered("planted", 0)).exists(), "the name ends");
        mem::forget(SharedMemory::create(&numbered("planted", 1), 10).unwrap());
        made.store(2, SeqCst);
        idle()
    });
    eventually("it is made", || made.load(SeqCst) == 1);
    let manifest = manifest_of(child.pid()).unwrap();
    let beside = |end: &str| PathBuf::from(format!("{}.{end}", manifest.display()));
    let ends = ["t0", "u0", "t1", "u1", "u0.0000000000000000", "u1.0123456789abcdef"];
    let planter = fork(|| {
        become_user(SOMEBODY);
        for end in ends {
            fs::write(beside(end), "planted").unwrap();
        }
    });
    assert_eq!(reap(planter), 0);
    planted.store(1, SeqCst);
    eventually("another one is made", || made.load(SeqCst) == 2);
    kill(child);
    let sweeper = fork(|| {
        become_user(NOBODY);
        sweep_until_gone(&manifest);
        assert!(!path(&numbered("planted", 1)).exists());
    });
    assert_eq!(reap(sweeper), 0);
    for end in ends {
        fs::remove_file(beside(end)).expect("only its user takes it away");
    }
    drop((made, planted));
    leaks.check();
}

#[test]
fn a_segment_without_rights_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let theirs = Theirs::new(&name("rights"), b"x");
    fs::set_permissions(&theirs.0, fs::Permissions::from_mode(0o000)).unwrap();
    let child = fork(|| {
        become_user(NOBODY);
        for refused in [SharedMemory::open(&name("rights")), SharedMemory::open_read_only(&name("rights"))] {
            assert!(matches!(refused, Err(ShmError::Permission { .. })), "{refused:?}");
        }
    });
    assert_eq!(reap(child), 0);
    drop(theirs);
    leaks.check();
}

/// One that everybody may open: another user may have put it there before the program that is meant.
#[test]
fn a_segment_of_another_user_is_opened_on_demand_only() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let theirs = Theirs::new(&name("other"), b"x");
    fs::set_permissions(&theirs.0, fs::Permissions::from_mode(0o666)).unwrap();
    // SAFETY: no memory is passed.
    let (ours, is_root) = (unsafe { libc::geteuid() }, is_root());
    let child = fork(|| {
        let name = name("other");
        if is_root {
            become_user(NOBODY);
            for refused in [SharedMemory::open(&name), SharedMemory::open_read_only(&name)] {
                let told = matches!(&refused, Err(ShmError::OtherUser { user: 0, expected: NOBODY, .. }));
                assert!(told, "{refused:?}");
            }
        }
        assert!(SharedMemory::open_of_user(&name, ours).unwrap().is_writable());
        assert!(!SharedMemory::open_read_only_of_user(&name, ours).unwrap().is_writable());
        let refused = SharedMemory::open_of_user(&name, SOMEBODY);
        assert!(matches!(refused, Err(ShmError::OtherUser { expected: SOMEBODY, .. })));
    });
    assert_eq!(reap(child), 0);
    drop(theirs);
    leaks.check();
}

/// Python's tracker fails at such names. Those that others have made can be opened.
#[test]
fn names_that_python_cannot_track_are_not_made() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    for name in [name("a:b"), name("a\nb"), name("é")] {
        assert!(matches!(SharedMemory::create(&name, 1), Err(ShmError::Name { .. })));
        let theirs = Theirs::new(&name, b"xy");
        let memory = SharedMemory::open(&name).unwrap();
        assert_eq!(memory.len(), 2);
        memory.unlink().unwrap();
        assert!(!theirs.0.exists());
    }
    leaks.check();
}
