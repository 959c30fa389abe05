//! What `multiproc ls` says of memory that somebody has forged, and what it still says of the true locks beside it. `unsafe`: mappings of
//! forged files.
#![allow(unsafe_code)]

mod common;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use common::held::{count, inode_of, is_watched, pids, registry, shown, stays};
use common::{alone, listed, printed};
use multiproc_shm::Shared;
use multiproc_sync::Mutex;
use multiproc_sync::registry::inspect::MOST_FOUND;
use multiproc_testkit::fork::kill;
use nix::libc;
use serde_json::{Value, json};

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

/// How many words the head of a lock has.
const HEAD: usize = 5;

/// The head of a lock, as it is at this moment.
fn head_of(mutex: &Mutex<u64>) -> [u64; HEAD] {
    let mut bytes = [0; HEAD * 8];
    let address = ptr::from_ref(mutex).addr() as u64;
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
    std::array::from_fn(|word| u64::from_ne_bytes(*bytes[word * 8..].first_chunk().unwrap()))
}

fn rows_of(listing: &Value, segment: u64) -> usize {
    listing["locks"].as_array().unwrap().iter().filter(|lock| lock["segment"] == segment).count()
}

#[test]
fn of_more_locks_than_anybody_has_some_are_shown_and_the_rest_is_told() {
    alone("", || {
        let mutex = Shared::new(Mutex::new(0_u64)).unwrap();
        let holds = stays(|ready| {
            std::mem::forget(mutex.lock().unwrap());
            ready();
        });
        let words = Shared::<[AtomicU64; (MOST_FOUND + 1) * HEAD]>::zeroed().unwrap();
        let segment = inode_of(&*words);
        let (last, all_but_one) = words.as_chunks::<HEAD>().0.split_last().unwrap();
        let forge = |copy: &[AtomicU64; HEAD]| {
            copy.iter().zip(head_of(&mutex)).for_each(|(word, value)| word.store(value, SeqCst));
        };
        all_but_one.iter().for_each(forge);
        let listing = listed(&["ls", "--json"]);
        assert_eq!((rows_of(&listing, segment), &listing["overfull_segments"]), (MOST_FOUND, &json!([])));
        forge(last);
        let (lock, listing) = shown(inode_of(&*mutex), |_| true);
        assert_eq!(pids(&lock["holders"]), [holds.pid()], "{lock}");
        assert_eq!(
            (rows_of(&listing, segment), &listing["overfull_segments"]),
            (MOST_FOUND, &json!([segment]))
        );
        let text = printed(&["ls"]);
        assert!(text.contains(&format!("segment {segment} more than {MOST_FOUND} locks")), "{text}");
        kill(holds);
    });
}

/// Where threads tell what they hold, a lock with a copy of its head is the one that lies where they say.
#[test]
fn a_copy_of_a_head_does_not_draw_those_who_hold_the_lock() {
    alone("", || {
        let locks = Shared::<[Mutex<u64>; 60_000]>::zeroed().unwrap();
        let far = &locks[50_000];
        let copy = Shared::<[AtomicU64; HEAD]>::zeroed().unwrap();
        let holds = stays(|ready| {
            std::mem::forget(far.lock().unwrap());
            ready();
        });
        copy.iter().zip(head_of(far)).for_each(|(word, value)| word.store(value, SeqCst));
        let (lock, listing) = shown(inode_of(&*copy), |_| true);
        assert_eq!(pids(&lock["holders"]), [holds.pid()], "{lock}");
        let told = usize::from(is_watched(&lock, &listing));
        assert_eq!(rows_of(&listing, inode_of(&*locks)), told, "{listing}");
        if told > 0 {
            let (lock, _) = shown(inode_of(&*locks), |_| true);
            assert_eq!((pids(&lock["holders"]), count(&lock["waiters"])), (vec![holds.pid()], 0), "{lock}");
        }
        kill(holds);
    });
}
