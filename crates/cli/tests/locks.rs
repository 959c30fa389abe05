//! What `multiproc ls` says of locks: of real processes that hold and wait, of killed ones, and of forged memory. With the features
//! `deadlock` and `contention` of multiproc-sync switched on from outside, as the continuous integration does, call sites and names as
//! well. `unsafe`: mappings of forged files, and calls that let the program look at forks.
#![allow(unsafe_code)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use common::{alone, listed, printed};
use multiproc_shm::{Shared, SharedArray};
use multiproc_sync::{Mutex, RwLock, Semaphore};
use multiproc_testkit::eventually;
use multiproc_testkit::fault::Memory;
use multiproc_testkit::fork::{Fork, fork, idle, kill};
use nix::libc;
use serde_json::Value;

/// The number of the file that this lies in.
fn inode_of<T: ?Sized>(value: &T) -> u64 {
    let address = ptr::from_ref(value).cast::<u8>().addr();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let hex = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let holds_it = |line: &&str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        (hex(start)..hex(end)).contains(&address)
    };
    let line = maps.lines().find(holds_it).expect("it is mapped");
    line.split_whitespace().nth(4).unwrap().parse().unwrap()
}

fn flag() -> Memory<AtomicU32> {
    // SAFETY: an atomic number may be zero.
    unsafe { Memory::zeroed() }
}

/// A fork that says when it is ready, and stays; others may ask the kernel what it does.
fn stays(body: impl FnOnce(&dyn Fn())) -> Fork {
    let ready = flag();
    let child = fork(|| {
        // SAFETY: a number is set in the kernel, which forgets it with the process. Where nothing restricts tracers it fails.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        body(&|| ready.store(1, SeqCst));
        idle();
    });
    eventually("the fork is ready", || ready.load(SeqCst) == 1);
    child
}

/// The lock of this segment that the program shows, once `is_shown`.
fn shown(inode: u64, is_shown: impl Fn(&Value) -> bool) -> (Value, Value) {
    let mut found = None;
    eventually("the lock is shown", || {
        let listing = listed(&["ls", "--json"]);
        let lock = listing["locks"].as_array().unwrap().iter().find(|lock| lock["segment"] == inode).cloned();
        found = lock.filter(&is_shown).map(|lock| (lock, listing));
        found.is_some()
    });
    found.unwrap()
}

fn count(parties: &Value) -> usize {
    parties.as_array().unwrap().len()
}

fn pids(parties: &Value) -> Vec<u32> {
    let mut pids: Vec<_> =
        parties.as_array().unwrap().iter().map(|party| party["pid"].as_u64().unwrap() as u32).collect();
    pids.sort_unstable();
    pids
}

fn numbers(forks: &[Fork]) -> Vec<u32> {
    let mut pids: Vec<_> = forks.iter().map(Fork::pid).collect();
    pids.sort_unstable();
    pids
}

/// Whether threads tell of their locks, in the family of this lock.
fn is_watched(lock: &Value, listing: &Value) -> bool {
    let families = listing["families"].as_array().unwrap();
    let family = families.iter().find(|family| family["registry"] == lock["family"]);
    family.expect("each lock has its family")["is_watched"].as_bool().unwrap()
}

#[test]
fn holder_and_waiter_are_named_and_a_holder_that_was_killed() {
    alone("", || {
        let mutex = Shared::new(Mutex::new([0_u64; 4])).unwrap();
        mutex.set_name("orders").unwrap();
        let inode = inode_of(&*mutex);
        let line = line!() + 2;
        let holds = stays(|ready| {
            std::mem::forget(mutex.lock().unwrap());
            ready();
        });
        let (lock, _) = shown(inode, |_| true);
        assert_eq!((&lock["state"], count(&lock["waiters"])), (&"held".into(), 0), "{lock}");
        let waits = stays(|ready| {
            ready();
            drop(mutex.lock());
        });
        let (lock, listing) = shown(inode, |lock| count(&lock["waiters"]) == 1);
        assert_eq!((&lock["state"], &lock["offset"]), (&"held".into(), &256.into()), "{lock}");
        assert_eq!((pids(&lock["holders"]), pids(&lock["waiters"])), (vec![holds.pid()], vec![waits.pid()]));
        let [holder, waiter] = [&lock["holders"][0], &lock["waiters"][0]];
        let name = fs::read_to_string(format!("/proc/{0}/task/{0}/comm", holds.pid())).unwrap();
        assert_eq!((&holder["tid"], &holder["thread"]), (&holds.pid().into(), &name.trim_end().into()));
        assert_eq!(waiter["tid"], waits.pid());
        assert_eq!(listing["untold_threads"], 0);
        let row = |text: &str| {
            let row = text.lines().find(|row| row.starts_with(&format!("{inode} "))).map(str::to_owned);
            row.unwrap_or_else(|| panic!("{text}"))
        };
        let text = printed(&["ls"]);
        let who = |pid: u32| format!("{pid} {pid} {}", name.trim_end());
        let told = row(text.split("\nLOCKS\n").nth(1).unwrap());
        assert!(told.contains(" held ") && told.contains(&who(holds.pid())), "{told}");
        if is_watched(&lock, &listing) {
            assert_eq!(lock["name"], "orders");
            let place = holder["at"].as_str().unwrap();
            assert!(place.contains(&format!("locks.rs:{line}:")), "{place}");
            assert!(waiter["at"].as_str().unwrap().contains("locks.rs:") && waiter["seconds"].is_u64());
            assert!(told.contains("`orders`") && told.contains(place), "{told}");
        } else {
            let registry = lock["family"].as_u64().unwrap();
            let note = text.lines().find(|line| line.contains("only waiters that sleep are seen"));
            let note = note.unwrap_or_else(|| panic!("{text}"));
            assert!(note.contains(&registry.to_string()) && note.contains("`deadlock`"), "{note}");
            assert!(told.ends_with(&who(waits.pid())), "{told}");
        }
        kill(waits);
        let dead = kill(holds);
        let (lock, _) = shown(inode, |lock| count(&lock["waiters"]) == 0);
        assert_eq!(lock["state"], "owner_died", "{lock}");
        assert_eq!((pids(&lock["holders"]), &lock["holders"][0]["is_alive"]), (vec![dead], &false.into()));
        let told = row(printed(&["ls"]).split("\nLOCKS\n").nth(1).unwrap());
        assert!(told.contains("owner died") && told.contains("(dead)"), "{told}");
        drop(mutex.lock_or_reset(|_| ()).unwrap());
        let listing = listed(&["ls", "--json"]);
        assert!(listing["locks"].as_array().unwrap().iter().all(|lock| lock["segment"] != inode));
    });
}

#[test]
fn readers_are_named_and_the_writer_that_they_keep_out() {
    alone("", || {
        let lock = Shared::new(RwLock::<u64>::new(0)).unwrap();
        let reads = [(); 2].map(|()| {
            stays(|ready| {
                std::mem::forget(lock.read().unwrap());
                ready();
            })
        });
        let writes = stays(|ready| {
            ready();
            drop(lock.write());
        });
        let (found, _) = shown(inode_of(&*lock), |lock| count(&lock["waiters"]) == 1);
        assert_eq!((&found["state"], pids(&found["holders"])), (&"read".into(), numbers(&reads)), "{found}");
        assert_eq!(pids(&found["waiters"]), [writes.pid()]);
        assert!(found["holders"].as_array().unwrap().iter().all(|holder| holder["reads"] == true));
        kill(writes);
        reads.into_iter().for_each(|reads| _ = kill(reads));
    });
}

#[test]
fn what_has_no_owner_has_waiters_and_no_holder() {
    alone("", || {
        let semaphore = Shared::new(Semaphore::new(0)).unwrap();
        // A family begins with a lock that has owners.
        let mutex = Shared::new(Mutex::new(0_u64)).unwrap();
        let waits = stays(|ready| {
            ready();
            let _ = semaphore.acquire();
        });
        let (found, _) = shown(inode_of(&*semaphore), |lock| count(&lock["waiters"]) == 1);
        assert_eq!((&found["state"], count(&found["holders"])), (&"ownerless".into(), 0), "{found}");
        assert_eq!(pids(&found["waiters"]), [waits.pid()]);
        kill(waits);
        drop(mutex);
    });
}

#[test]
fn the_lock_of_an_array_is_called_so() {
    alone("", || {
        let array = SharedArray::from_fn(100_000, |index| index as u64).unwrap();
        let inode = inode_of(&array.read().unwrap()[0]);
        let guard = array.write().unwrap(); // its handle is none in a fork
        let (found, _) = shown(inode, |_| true);
        assert_eq!((&found["state"], &found["offset"]), (&"held".into(), &512.into()), "{found}");
        assert_eq!((&found["of"], pids(&found["holders"])), (&"the array".into(), vec![std::process::id()]));
        assert!(
            printed(&["ls"])
                .lines()
                .any(|row| row.starts_with(&format!("{inode} ")) && row.contains("of the array"))
        );
        drop(guard);
        let _reads = array.read().unwrap();
        let (found, _) = shown(inode, |_| true);
        assert_eq!((&found["state"], count(&found["holders"])), (&"read".into(), 1), "{found}");
    });
}

/// A file in memory of this name and length, which begins with these bytes, mapped as a segment is.
fn forged(name: &std::ffi::CStr, len: u64, bytes: &[u8]) -> OwnedFd {
    // SAFETY: a name that ends with 0; the descriptor is new, and nobody else's.
    let mut file = unsafe {
        let fd = libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC);
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        File::from_raw_fd(fd)
    };
    file.write_all(bytes).unwrap();
    file.set_len(len).unwrap();
    let (rights, fd) = (libc::PROT_READ, std::os::fd::AsRawFd::as_raw_fd(&file));
    // SAFETY: a new mapping at an address that the kernel chooses, of a process that ends soon; nobody reads it.
    let mapped = unsafe { libc::mmap(ptr::null_mut(), 4096, rights, libc::MAP_SHARED, fd, 0) };
    assert_ne!(mapped, libc::MAP_FAILED);
    file.into()
}

/// The registry of this process, and its first bytes.
fn registry() -> (File, Vec<u8>) {
    let is_registry = |entry: &fs::DirEntry| {
        fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().contains("multiproc-registry"))
    };
    let entry = fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap).find(is_registry).unwrap();
    let file = File::open(entry.path()).unwrap();
    let mut bytes = vec![0; 1 << 20];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
    (file, bytes)
}

#[test]
fn forged_memory_is_told_and_hides_nothing() {
    alone("", || {
        let mutex = Shared::new(Mutex::new(0_u64)).unwrap();
        let holds = stays(|ready| {
            std::mem::forget(mutex.lock().unwrap());
            ready();
        });
        let (file, whole) = registry();
        let len = file.metadata().unwrap().len();
        let mut bytes = whole.clone();
        bytes[32..40].fill(0xff); // more processes and threads than there can be
        let mut overfull = whole.clone();
        overfull[32..36].copy_from_slice(&4096_u32.to_le_bytes());
        overfull[4096..4096 + 4096 * 64].fill(0x55); // processes of numbers that nobody has
        let inode = inode_of(&*mutex);
        let liar = stays(|ready| {
            let name = c"multiproc-registry";
            let forgeries = [
                forged(name, 4096, b"no registry"),
                forged(name, 10, b""),
                forged(name, len, &bytes),
                forged(name, len, &overfull),
                forged(name, 1 << 40, &whole[..4096]),
                // Longer than any machine has memory, and of nothing but bytes that could be locks.
                forged(c"multiproc-shm", 1 << 40, &[0xff; 8192]),
                forged(c"multiproc-arena", 100, &[1; 100]),
            ];
            ready();
            assert!(forgeries.iter().all(|file| file.as_fd().try_clone_to_owned().is_ok()));
            std::mem::forget(forgeries);
        });
        let (lock, listing) = shown(inode, |_| true);
        assert_eq!((&lock["state"], pids(&lock["holders"])), (&"held".into(), vec![holds.pid()]));
        let families = listing["families"].as_array().unwrap();
        let errors: Vec<_> = families.iter().filter_map(|family| family["error"].as_str()).collect();
        assert!(errors.len() >= 3 && errors.iter().any(|error| error.contains("registry")), "{errors:?}");
        let text = printed(&["ls"]);
        assert!(text.contains("no lock is known"), "{text}");
        kill(liar);
        kill(holds);
    });
}

/// As far behind the beginning as nobody looks for locks: where somebody waits there, or threads tell of their locks, it is found.
#[test]
fn a_lock_far_behind_is_found_by_who_waits_or_tells() {
    alone("", || {
        let locks = Shared::<[Mutex<u64>; 60_000]>::zeroed().unwrap();
        let far = &locks[50_000];
        let inode = inode_of(&locks[0]);
        let holds = stays(|ready| {
            std::mem::forget(far.lock().unwrap());
            ready();
        });
        let is_its = |lock: &Value| lock["offset"].as_u64() > Some(1 << 20);
        let listing = listed(&["ls", "--json"]);
        let known = listing["locks"].as_array().unwrap().iter().any(|lock| lock["segment"] == inode);
        let own = registry().0.metadata().unwrap();
        let of_own = serde_json::json!({ "family": std::os::unix::fs::MetadataExt::ino(&own) });
        assert_eq!(known, is_watched(&of_own, &listing), "{listing}");
        let waits = stays(|ready| {
            ready();
            drop(far.lock());
        });
        let (found, _) = shown(inode, |lock| count(&lock["waiters"]) == 1);
        assert!(is_its(&found), "{found}");
        assert_eq!(
            (pids(&found["holders"]), pids(&found["waiters"])),
            (vec![holds.pid()], vec![waits.pid()])
        );
        kill(waits);
        kill(holds);
    });
}

/// Locks that one process has for itself are shown where its threads tell of them, and one waits.
#[test]
fn a_private_lock_is_shown_where_threads_tell_of_it() {
    alone("", || {
        let placed = Shared::new(Mutex::new(0_u64)).unwrap();
        drop(placed.lock().unwrap());
        let hangs = stays(|ready| {
            let private = Mutex::new(0);
            let _placed = placed.lock().unwrap();
            let _guard = private.lock().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| drop(private.lock()));
                ready();
                idle();
            });
        });
        let (lock, listing) = shown(inode_of(&*placed), |lock| lock["state"] == "held");
        if is_watched(&lock, &listing) {
            let mut private = Value::Null;
            eventually("it is shown", || {
                let listing = listed(&["ls", "--json"]);
                let locks = listing["locks"].as_array().unwrap();
                let of_it =
                    |lock: &&Value| pids(&lock["waiters"]) == [hangs.pid()] && lock["segment"].is_null();
                private = locks.iter().find(of_it).cloned().unwrap_or_default();
                !private.is_null()
            });
            let [holder, waiter] = [&private["holders"][0], &private["waiters"][0]];
            assert_eq!(
                (&private["state"], &holder["pid"]),
                (&"held".into(), &hangs.pid().into()),
                "{private}"
            );
            assert_ne!(holder["tid"], waiter["tid"]);
            assert!(printed(&["ls"]).lines().any(|row| row.starts_with("private ")));
        } else {
            assert!(listing["locks"].as_array().unwrap().iter().all(|lock| !lock["segment"].is_null()));
        }
        kill(hangs);
    });
}
