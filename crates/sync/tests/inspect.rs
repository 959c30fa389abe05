//! What one who is no member learns of a family's locks, by copies of its registry and of the memory that the locks lie in.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{Fork, flag, fork, found_family, idle, kill, share, thread_id};
use multiproc_sync::registry::Registry;
use multiproc_sync::registry::inspect::{Access, Condition, Kind, Life, Lock, MOST_FOUND, Snapshot, Source};
use multiproc_sync::{Event, Mutex, ReentrantMutex, RobustSemaphore, RwLock, Semaphore};
use multiproc_testkit::{Watchdog, eventually};

/// Where the number of the time namespace stands in a registry.
const TIME_NAMESPACE: usize = 40;

/// Memory of this process, read as another one's.
struct Memory {
    file: File,
    address: u64,
    len: u64,
}

impl Memory {
    fn at<T: ?Sized>(value: &T) -> Self {
        let address = std::ptr::from_ref(value).cast::<u8>().addr() as u64;
        Self { file: File::open("/proc/self/mem").unwrap(), address, len: size_of_val(value) as u64 }
    }

    fn of_registry() -> Self {
        let address = found_family().as_ptr().addr() as u64;
        Self { file: File::open("/proc/self/mem").unwrap(), address, len: Registry::LEN as u64 }
    }
}

impl Source for Memory {
    fn copy_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let len = (self.len.saturating_sub(offset) as usize).min(into.len());
        self.file.read_at(&mut into[..len], self.address + offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }
}

fn snapshot() -> Snapshot {
    Snapshot::read(&Memory::of_registry()).unwrap()
}

/// A fork that tells its thread's number once it has done what it is to do, and stays.
fn stays(body: impl FnOnce(&dyn Fn())) -> (Fork, u32) {
    let tid = flag();
    let child = fork(|| {
        body(&|| tid.store(thread_id(), SeqCst));
        idle();
    });
    eventually("the fork is ready", || tid.load(SeqCst) != 0);
    (child, tid.load(SeqCst))
}

/// As the kernel tells: the address of a futex that the thread sleeps at, and its word as it was then.
fn slept_at(tid: u32) -> Option<(u64, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{tid}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    (words.next()?.parse() == Ok(libc::SYS_futex)).then_some(())?;
    let mut hex = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (address, _operation, expected) = (hex()?, hex()?, hex()?);
    Some((address, expected as u32))
}

/// What the thread sleeps at, which is to lie in this memory.
fn slept_on<T>(value: &T, tid: u32) -> Lock {
    let memory = Memory::at(value);
    let mut found = None;
    eventually("it sleeps there", || {
        found = slept_at(tid).filter(|(at, _)| (memory.address..memory.address + memory.len).contains(at));
        found.is_some()
    });
    let (address, expected) = found.unwrap();
    snapshot().lock_slept_on(&memory, address - memory.address, expected, tid).unwrap()
}

fn holders(lock: &Lock) -> Vec<(u32, u32, Condition)> {
    lock.holders.iter().map(|holder| (holder.pid, holder.tid, holder.condition)).collect()
}

/// The locks in a value, which is at a multiple of 8 bytes.
fn locks_in<T>(value: &T) -> Vec<Lock> {
    found_in(&Memory::at(value))
}

fn found_in(memory: &(impl Source + ?Sized)) -> Vec<Lock> {
    let scan = snapshot().locks_in(memory).unwrap();
    assert!(scan.is_complete);
    scan.locks
}

#[test]
fn a_holder_is_found_though_nobody_waits_and_whoever_waits_is_found_too() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new([7_u64; 9]));
    assert_eq!(locks_in(mutex), []);
    let (holds, tid) = stays(|ready| {
        std::mem::forget(mutex.lock().unwrap());
        ready();
    });
    let [lock] = &locks_in(mutex)[..] else { panic!("one lock is held") };
    assert_eq!((lock.offset, lock.kind, lock.may_be_slept_on), (0, Kind::Owned, false));
    assert_eq!(holders(lock), [(holds.pid(), tid, Condition::Alive)]);
    let (waits, waiter) = stays(|ready| {
        ready();
        drop(mutex.lock());
    });
    let lock = slept_on(mutex, waiter);
    assert_eq!((lock.offset, lock.kind, lock.may_be_slept_on), (0, Kind::Owned, true));
    assert_eq!(holders(&lock), [(holds.pid(), tid, Condition::Alive)]);
    kill(waits);
    let dead = kill(holds);
    let [lock] = &locks_in(mutex)[..] else { panic!("nobody has taken it over") };
    assert_eq!((lock.holders[0].pid, lock.holders[0].condition), (dead, Condition::Dead));
    assert!(snapshot().members().iter().any(|member| member.pid == dead && member.life == Life::Dead));
    let mut elsewhere = copy_of_registry();
    elsewhere[TIME_NAMESPACE] ^= 1;
    let seen = Snapshot::read(&elsewhere[..]).unwrap();
    let [lock] = &seen.locks_in(&Memory::at(mutex)).unwrap().locks[..] else { panic!("it is still there") };
    assert_eq!(lock.holders[0].condition, Condition::Unknown, "start times are others there");
    drop(mutex.lock_or_reset(|_| ()).unwrap());
    assert_eq!(locks_in(mutex), []);
}

#[test]
fn a_thread_that_has_left_its_lock_is_told_from_a_process_that_died() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(ReentrantMutex::new(0_u64));
    thread::spawn(|| std::mem::forget(mutex.lock().unwrap())).join().unwrap();
    let [lock] = &locks_in(mutex)[..] else { panic!("it is held for as long as the process lives") };
    assert_eq!(lock.holders[0].condition, Condition::ThreadEnded);
    assert_eq!(lock.holders[0].pid, std::process::id());
}

#[test]
fn those_who_read_are_told_and_a_writer_that_waits_for_them() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = share(RwLock::<u64>::new(0));
    let readers = [(); 2].map(|()| {
        stays(|ready| {
            std::mem::forget(lock.read().unwrap());
            ready();
        })
    });
    let reading: Vec<_> = readers.iter().map(|(fork, tid)| (fork.pid(), *tid, Condition::Alive)).collect();
    let same = |found: &Lock| {
        let mut found = holders(found);
        found.sort_by_key(|(_, tid, _)| reading.iter().position(|(_, reader, _)| reader == tid));
        assert_eq!(found, reading);
    };
    let [found] = &locks_in(lock)[..] else { panic!("it is read") };
    assert_eq!((found.offset, found.kind), (0, Kind::Read));
    assert!(found.holders.iter().all(|holder| holder.access == Access::Read));
    same(found);
    let (writes, writer) = stays(|ready| {
        ready();
        drop(lock.write());
    });
    let waited = slept_on(lock, writer);
    assert_eq!((waited.offset, waited.kind), (0, Kind::Read), "by the bell that it sleeps at");
    same(&waited);
    // Who is kept out by the writer sleeps at the head, and waits for the readers as well.
    let (kept_out, reader) = stays(|ready| {
        ready();
        drop(lock.read());
    });
    same(&slept_on(lock, reader));
    kill(kept_out);
    kill(writes);
    readers.into_iter().for_each(|(reader, _)| _ = kill(reader));
    let (writes, tid) = stays(|ready| {
        std::mem::forget(lock.write().unwrap());
        ready();
    });
    let [found] = &locks_in(lock)[..] else { panic!("it is written") };
    assert_eq!((found.kind, holders(found)), (Kind::Owned, vec![(writes.pid(), tid, Condition::Alive)]));
    kill(writes);
}

#[test]
fn those_who_have_permits_with_owners_are_told() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = share(RobustSemaphore::<2>::new());
    let have = [(); 2].map(|()| {
        stays(|ready| {
            std::mem::forget(semaphore.permit().unwrap());
            ready();
        })
    });
    let (waits, waiter) = stays(|ready| {
        ready();
        drop(semaphore.permit());
    });
    let mut lock = slept_on(semaphore, waiter);
    // A sleeper marks the claims before it sleeps, and again whenever it looks.
    assert_eq!(lock.kind, Kind::Permits);
    lock.holders.sort_by_key(|holder| holder.tid);
    let mut expected = have.each_ref().map(|(fork, tid)| (fork.pid(), *tid, Condition::Alive));
    expected.sort_by_key(|(_, tid, _)| *tid);
    assert_eq!(holders(&lock), expected);
    kill(waits);
    have.into_iter().for_each(|(fork, _)| _ = kill(fork));
}

#[test]
fn of_what_has_no_owner_no_holder_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = share(Semaphore::new(1));
    let event = share(Event::new());
    let lock = share(multiproc_sync::Lock::new());
    semaphore.acquire().unwrap();
    lock.acquire().unwrap();
    let bodies: [&dyn Fn(); 3] = [&|| _ = semaphore.acquire(), &|| _ = event.wait(), &|| _ = lock.acquire()];
    let waiters = bodies.map(|wait| {
        stays(|ready| {
            ready();
            wait();
        })
    });
    let [at_semaphore, at_event, at_lock] = waiters.each_ref().map(|(_, tid)| *tid);
    for found in [slept_on(semaphore, at_semaphore), slept_on(event, at_event), slept_on(lock, at_lock)] {
        assert_eq!((found.kind, found.holders.len()), (Kind::Ownerless, 0));
    }
    waiters.into_iter().for_each(|(fork, _)| _ = kill(fork));
    lock.release().unwrap();
}

/// What looks like a lock in all but the names is none.
#[test]
fn data_are_no_locks() {
    let mutex = share(Mutex::new(0_u64));
    let guard = mutex.lock().unwrap();
    let mut words = [0_u64; 5];
    let memory = Memory::at(mutex);
    let mut bytes = [0; 40];
    assert_eq!(memory.copy_at(0, &mut bytes).unwrap(), 40);
    drop(guard);
    for (word, eight) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(eight.try_into().unwrap());
    }
    let found = |words: [u64; 5]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        found_in(&bytes[..]).len()
    };
    assert_eq!(found(words), 1, "the control: a copy of a held lock");
    // Each bit of the owner's number, of the mode, and of the owner's name counts.
    for (word, bits) in [(0, 0..33), (2, 0..64)] {
        for bit in bits {
            let mut damaged = words;
            damaged[word] ^= 1 << bit;
            assert!(bit == 31 || found(damaged) == 0, "word {word}, bit {bit}");
        }
    }
    assert_eq!(found_in(&[0xff; 4096][..]), []);
}

#[test]
fn more_locks_than_anybody_has_are_not_all_told() {
    const HEAD_LEN: usize = 40;
    let mutex = share(Mutex::new(0_u64));
    let guard = mutex.lock().unwrap();
    let mut head = [0; HEAD_LEN];
    assert_eq!(Memory::at(mutex).copy_at(0, &mut head).unwrap(), HEAD_LEN);
    let forged = head.repeat(MOST_FOUND + 1);
    assert_eq!(found_in(&forged[HEAD_LEN..]).len(), MOST_FOUND, "one beside the other");
    let scan = snapshot().locks_in(&forged[..]).unwrap();
    assert_eq!((scan.locks.len(), scan.is_complete), (MOST_FOUND, false));
    drop(guard);
}

fn copy_of_registry() -> Vec<u8> {
    let memory = Memory::of_registry();
    let mut bytes = vec![0; Registry::LEN];
    let mut have = 0;
    while have < bytes.len() {
        have += memory.copy_at(have as u64, &mut bytes[have..]).unwrap();
    }
    bytes
}

/// Another number at each call.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_damaged_registry_is_refused_or_read_and_nothing_worse() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0_u64));
    let _guard = mutex.lock().unwrap();
    let whole = copy_of_registry();
    let mut bytes = whole.clone();
    let mutex_bytes = Memory::at(mutex);
    // Where something stands: header, sections, and the first entries of each.
    let sections = [0, 4096, 4096 + 4096 * 64, Registry::LEN / 4, Registry::LEN - 4096];
    let (mut state, mut refused, mut read) = (0x9E37_79B9_7F4A_7C15, 0, 0);
    for _ in 0..400 {
        let mut damaged = Vec::new();
        for _ in 0..=random(&mut state) % 4 {
            let from = sections[(random(&mut state) % 5) as usize];
            let at = from + (random(&mut state) % 256) as usize;
            bytes[at] = random(&mut state) as u8;
            damaged.push(at);
        }
        let is_cut = random(&mut state).is_multiple_of(16);
        let len = if is_cut { (random(&mut state) % whole.len() as u64) as usize } else { whole.len() };
        match Snapshot::read(&bytes[..len]) {
            Err(_) => refused += 1,
            Ok(snapshot) => {
                read += 1;
                // Whatever it says, a look at memory comes back with no more than can be there.
                let found = snapshot.locks_in(&mutex_bytes).unwrap().locks;
                assert!(found.len() <= 1 && found.iter().all(|lock| lock.holders.len() == 1));
            }
        }
        damaged.into_iter().for_each(|at| bytes[at] = whole[at]);
    }
    assert!(refused > 20 && read > 20, "both were met: {refused}, {read}");
}

#[test]
fn numbers_beyond_what_can_be_are_told() {
    let whole = copy_of_registry();
    for (at, what) in [(32, "processes"), (36, "threads")] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = Snapshot::read(&bytes[..]).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    for len in [0, 100, 4096, Registry::LEN - 1] {
        assert!(Snapshot::read(&whole[..len]).is_err(), "{len} bytes");
    }
    let mut bytes = whole;
    bytes[TIME_NAMESPACE] ^= 1;
    let snapshot = Snapshot::read(&bytes[..]).unwrap();
    assert!(!snapshot.is_of_these_namespaces());
    assert!(snapshot.members().iter().all(|member| member.life == Life::Unknown));
}

/// A source that says that it has read more than there was room for, and ever more of it.
#[test]
fn a_source_that_lies_about_lengths_is_survived() {
    struct Liar(AtomicU32);
    impl Source for Liar {
        fn copy_at(&self, _: u64, into: &mut [u8]) -> io::Result<usize> {
            into.fill(0xff);
            self.0.fetch_add(1, SeqCst);
            Ok(into.len() + 1)
        }
        fn len(&self) -> io::Result<u64> {
            Ok(u64::MAX)
        }
    }
    let liar = Liar(AtomicU32::new(0));
    assert!(Snapshot::read(&liar).is_err());
    assert_eq!(found_in(&liar), []);
    assert!(liar.0.load(SeqCst) < 10);
}
