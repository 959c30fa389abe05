//! What threads tell of their locks, read by one who is no member: with call sites, names and times, and where the locks lie.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use common::{Fork, flag, fork, found_family, idle, kill, share};
use multiproc_sync::registry::Registry;
use multiproc_sync::registry::inspect::{Access, Condition, Kind, LockKey, Snapshot, Source, Thread};
use multiproc_sync::{Mutex, RwLock};
use multiproc_testkit::{Watchdog, eventually};

/// The first bytes of a record: its sequence, and numbers of process and thread.
const PID_IN_RECORD: usize = 8;

/// The family's registry, with another byte if that is said.
struct Bytes {
    file: File,
    base: u64,
    forged: Option<(u64, u8)>,
}

impl Bytes {
    fn of_registry() -> Self {
        let base = found_family().as_ptr().addr() as u64;
        Self { file: File::open("/proc/self/mem").unwrap(), base, forged: None }
    }
}

impl Source for Bytes {
    fn copy_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let len = (self.len()?.saturating_sub(offset) as usize).min(into.len());
        let have = self.file.read_at(&mut into[..len], self.base + offset)?;
        if let Some((at, byte)) = self.forged
            && let Some(place) = at.checked_sub(offset)
            && let Some(place) = into[..have].get_mut(place as usize)
        {
            *place = byte;
        }
        Ok(have)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(Registry::LEN as u64)
    }
}

fn snapshot() -> Snapshot {
    Snapshot::read(&Bytes::of_registry()).unwrap()
}

fn thread_of(snapshot: &Snapshot, pid: u32) -> Option<&Thread> {
    snapshot.threads().iter().find(|thread| thread.pid == pid && !thread.has_left)
}

fn address<T>(value: &T) -> u64 {
    std::ptr::from_ref(value).addr() as u64
}

#[test]
fn holder_and_waiter_are_told_with_their_call_sites() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0));
    mutex.set_name("orders").unwrap();
    let ready = flag();
    let line = line!() + 2;
    let holds = fork(|| {
        let _guard = mutex.lock().unwrap();
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it has the lock", || ready.load(SeqCst) == 1);
    let waits = fork(|| drop(mutex.lock()));
    let mut seen = snapshot();
    eventually("it waits", || {
        seen = snapshot();
        thread_of(&seen, waits.pid()).is_some_and(|thread| thread.wait.is_some())
    });
    assert!(seen.is_watched() && seen.is_of_these_namespaces());
    let holder = thread_of(&seen, holds.pid()).unwrap();
    let [hold] = &holder.holds[..] else { panic!("{holder:?}") };
    let LockKey::Placed(number) = hold.lock else { panic!("it is in shared memory") };
    assert_eq!(seen.name_of_lock(number), Some("orders"));
    assert_eq!(hold.access, Access::Exclusive);
    let site = hold.site.as_ref().unwrap();
    assert!(site.file.ends_with("inspect_watched.rs") && site.line == line, "{site}");
    assert_eq!(hold.held_for.is_some(), cfg!(feature = "contention"), "named locks are timed then");
    // Of the address the low bits were told, the same in both processes, which are forks of this one.
    assert!(hold.may_be_at(address(mutex)) && !hold.may_be_at(address(mutex) + 8));
    let around = address(mutex) - 4096..address(mutex) + 4096;
    assert_eq!(hold.places_within(around).collect::<Vec<_>>(), [address(mutex)]);
    let wait = thread_of(&seen, waits.pid()).unwrap().wait.as_ref().unwrap();
    assert_eq!((wait.lock, wait.access), (hold.lock, Access::Exclusive));
    assert_eq!((wait.name.as_deref(), wait.address), (Some("orders"), address(mutex)));
    assert_eq!(wait.site.as_ref().unwrap().line, line + 5);
    assert!(wait.waited_for.is_some());
    // And so does the lock itself.
    let mut copy = [0; 128];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut copy, address(mutex)).unwrap();
    let lock = seen.lock_at(&copy[..], 0).unwrap().unwrap();
    assert_eq!((lock.number, lock.name.as_deref()), (Some(number), Some("orders")));
    assert_eq!(lock.holders[0].site.as_ref(), Some(site));
    kill(waits);
    // What a dead process held says the lock alone, and its record where.
    let dead = kill(holds);
    let seen = snapshot();
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut copy, address(mutex)).unwrap();
    let lock = seen.lock_at(&copy[..], 0).unwrap().unwrap();
    let [holder] = &lock.holders[..] else { panic!("{lock:?}") };
    assert_eq!((holder.pid, holder.condition, holder.site.as_ref()), (dead, Condition::Dead, Some(site)));
}

#[test]
fn readers_and_private_locks_are_told_apart() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = share(RwLock::<u64>::new(0));
    let private = Mutex::new(0);
    let _read = lock.read().unwrap();
    let _private = private.lock().unwrap();
    let own = std::process::id();
    thread::scope(|scope| {
        let waits = scope.spawn(|| drop(private.lock()));
        let mut keys = Vec::new();
        eventually("it waits for the private lock", || {
            let seen = snapshot();
            let of_this = || seen.threads().iter().filter(|thread| thread.pid == own);
            keys = of_this().flat_map(|thread| &thread.holds).map(|hold| (hold.lock, hold.access)).collect();
            of_this().any(|thread| thread.wait.as_ref().is_some_and(|wait| wait.address == address(&private)))
        });
        assert!(
            keys.iter()
                .any(|(key, access)| matches!(key, LockKey::Private(_)) && *access == Access::Exclusive)
        );
        assert!(
            keys.iter().any(|(key, access)| matches!(key, LockKey::Placed(_)) && *access == Access::Read)
        );
        drop(_private);
        waits.join().unwrap();
    });
}

/// As one that is killed while it changes its record leaves it; and one whose name the record does not bear says nothing.
#[test]
fn a_record_in_the_middle_of_a_change_is_left_out() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0));
    let ready = flag();
    let holds = fork(|| {
        let _guard = mutex.lock().unwrap();
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it has the lock", || ready.load(SeqCst) == 1);
    assert_eq!(thread_of(&snapshot(), holds.pid()).unwrap().holds.len(), 1);
    // Records are the last in the registry, 1024 bytes each; this one's has the number of its process.
    let mut source = Bytes::of_registry();
    let records = Registry::LEN as u64 - multiproc_sync::registry::MAX_THREADS as u64 * 1024;
    let mut copy = [0; 1024];
    let record = (0..).map(|index| records + index * 1024).find(|at| {
        assert_eq!(source.copy_at(*at, &mut copy).unwrap(), 1024);
        copy[PID_IN_RECORD..PID_IN_RECORD + 4] == holds.pid().to_le_bytes()
    });
    let record = record.unwrap();
    source.copy_at(record, &mut copy).unwrap();
    source.forged = Some((record, copy[0] | 1));
    let torn = Snapshot::read(&source).unwrap();
    let thread = thread_of(&torn, holds.pid()).unwrap();
    assert!(thread.is_changing && thread.holds.is_empty());
    source.forged = Some((record + PID_IN_RECORD as u64, !copy[PID_IN_RECORD]));
    let another = Snapshot::read(&source).unwrap();
    let thread = thread_of(&another, holds.pid()).unwrap();
    assert!(!thread.is_changing && thread.holds.is_empty());
    // Nobody will end the change of one that was killed in it.
    let dead = kill(holds);
    source.forged = Some((record, copy[0] | 1));
    let torn = Snapshot::read(&source).unwrap();
    let thread = thread_of(&torn, dead).unwrap();
    assert!(!thread.is_changing && thread.holds.is_empty());
}

fn copy_of(address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
    bytes
}

/// The registry as it would be if the entries of these processes had had others before: these are the second ones.
fn recycled(pids: &[u32]) -> Snapshot {
    const ENTRY: usize = 64;
    const PROCESSES: usize = 4096;
    const THREADS: usize = PROCESSES + multiproc_sync::registry::MAX_PROCESSES * ENTRY;
    /// The name of a thread's process, in its entry.
    const PROCESS: usize = 44;
    let mut bytes = copy_of(Bytes::of_registry().base, Registry::LEN);
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    for entry in 0..multiproc_sync::registry::MAX_PROCESSES {
        let at = PROCESSES + entry * ENTRY;
        if !pids.contains(&(word(&bytes, at) & ((1 << 22) - 1))) {
            continue;
        }
        bytes[at + 6] = 1; // its generation
        for thread in 0..multiproc_sync::registry::MAX_THREADS {
            let at = THREADS + thread * ENTRY + PROCESS;
            if word(&bytes, at) >> 16 == entry as u32 + 1 {
                bytes[at] = 1;
            }
        }
    }
    Snapshot::read(&bytes[..]).unwrap()
}

/// The name of a process whose entry is recycled has the bit that the mode of a lock has: a slot looks like a head then.
#[test]
fn the_slots_of_readers_are_no_locks_of_their_own() {
    const LEN: usize = size_of::<RwLock<u64>>();
    const SLOT: usize = 128;
    let _watchdog = Watchdog::with_limit(60);
    let stays = |body: &dyn Fn()| {
        let ready = flag();
        let fork = fork(|| {
            body();
            ready.store(1, SeqCst);
            idle();
        });
        eventually("it has the lock", || ready.load(SeqCst) == 1);
        fork
    };
    let lock = share(RwLock::<u64>::new(0));
    let readers = [(); 3].map(|()| stays(&|| std::mem::forget(lock.read().unwrap())));
    let written = share(RwLock::<u64>::new(0));
    let writer = stays(&|| std::mem::forget(written.write().unwrap()));
    let reading = readers.each_ref().map(Fork::pid);
    let seen = recycled(&[&reading[..], &[writer.pid()]].concat());
    // Of the writer's too: who is about to read has a slot for a moment.
    let mut read = copy_of(address(lock), LEN);
    let mut written = copy_of(address(written), LEN);
    for slot in
        (SLOT..LEN - 8).step_by(SLOT).filter(|slot| read[*slot..*slot + 8] != [0; 8]).collect::<Vec<_>>()
    {
        read[slot + 4] = 1; // the name's generation of the process
        written[slot..slot + SLOT].copy_from_slice(&read[slot..slot + SLOT]);
    }
    written[20] = 1; // of the owner
    let holders = |bytes: &[u8]| {
        let scan = seen.locks_in(bytes).unwrap();
        let [found] = &scan.locks[..] else { panic!("one lock is held: {scan:?}") };
        let mut pids: Vec<_> = found.holders.iter().map(|holder| holder.pid).collect();
        pids.sort_unstable();
        (found.offset, found.kind, pids)
    };
    let mut sorted = reading.to_vec();
    sorted.sort_unstable();
    assert_eq!(holders(&read), (0, Kind::Read, sorted));
    assert_eq!(holders(&written), (0, Kind::Owned, vec![writer.pid()]));
    // The control: without the lock before it a slot is taken for one.
    let slots = seen.locks_in(&read[SLOT..]).unwrap().locks;
    assert!(slots.iter().all(|lock| lock.kind == Kind::Read) && !slots.is_empty(), "{slots:?}");
    kill(writer);
    readers.into_iter().for_each(|reader| _ = kill(reader));
}

/// Numbers of sites and names that are none, lengths beyond the text: what is told then lacks them.
#[test]
fn damaged_tables_are_survived() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0));
    let _guard = mutex.lock().unwrap();
    let tables = 4096 + (4096 + multiproc_sync::registry::MAX_THREADS as u64) * 64;
    let records = Registry::LEN as u64 - multiproc_sync::registry::MAX_THREADS as u64 * 1024;
    let mut told = [0; 2];
    for from in [tables, tables + 64, tables + 64 + 4096 * 64, records] {
        for at in 0..96 {
            for byte in [0xff, 0x80, 0x7f] {
                let source = Bytes { forged: Some((from + at, byte)), ..Bytes::of_registry() };
                let read = Snapshot::read(&source);
                told[usize::from(read.is_ok())] += 1;
                let Ok(seen) = read else { continue };
                assert!(seen.threads().iter().all(|thread| thread.holds.len() <= 40));
            }
        }
    }
    assert!(told.iter().all(|times| *times > 0), "{told:?}");
}
