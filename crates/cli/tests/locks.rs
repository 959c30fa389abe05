//! What `multiproc ls` says of locks: of real processes that hold and wait, and of killed ones. With the features `deadlock` and
//! `contention` of multiproc-sync switched on from outside, as the continuous integration does, call sites and names as well.

mod common;

use std::fs;
use std::process::Command;

use common::held::{count, inode_of, is_watched, numbers, pids, registry, shown, stays};
use common::{alone, listed, printed};
use multiproc_shm::{Shared, SharedArray};
use multiproc_sync::{Mutex, RwLock, Semaphore};
use multiproc_testkit::eventually;
use multiproc_testkit::fork::{idle, kill};
use serde_json::Value;

/// Whether the kernel tells what this process's threads sleep at: to a program that is no parent of it, as the command is not.
fn is_told(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let files = tasks.map(|task| task.unwrap().path().join("syscall"));
    Command::new("cat").args(files).output().unwrap().status.success()
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
        [std::process::id(), holds.pid(), waits.pid()].iter().for_each(|pid| assert!(is_told(*pid), "{pid}"));
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
