//! A process that has no family yet, and what it is sent. `unsafe`: forks.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use common::{Parcel, fork, kill, pack, unpack};
use multiproc_shm::transfer::Refusal;
use multiproc_shm::{Shared, SharedMemory, ShmError};
use multiproc_sync::Mutex;
use multiproc_sync::registry::{self, Registry};
use multiproc_testkit::Watchdog;

type Value = Shared<Mutex<u64>>;

/// The one test of its program: nobody else may make a family beside it.
#[test]
fn what_is_no_registry_leaves_a_process_free_to_join_one() {
    let _watchdog = Watchdog::with_limit(60);
    let (mut numbers, mut line) = std::io::pipe().unwrap();
    let (mut end, keep) = std::io::pipe().unwrap(); // ends with this process, and the stranger with it
    let mut keep = Some(keep);
    let stranger = fork(|| {
        drop(keep.take());
        let parcel = pack(&Value::new(Mutex::new(7)).unwrap()).unwrap();
        let fds = [0, 1].map(|at| u8::try_from(parcel.fds[at].as_raw_fd()).unwrap());
        line.write_all(&fds).unwrap();
        end.read_to_end(&mut Vec::new()).unwrap();
    });
    drop(line);
    let mut fds = [0; 2];
    numbers.read_exact(&mut fds).unwrap();
    let theirs = |at: usize| -> OwnedFd {
        let path = format!("/proc/{}/fd/{}", stranger.pid(), fds[at]);
        File::options().read(true).write(true).open(path).unwrap().into()
    };
    let receive = |registry: OwnedFd| -> Result<Value, Refusal> {
        unpack(Parcel {
            bytes: postcard::to_stdvec(&(0_u32, Some(1_u32))).unwrap(),
            fds: vec![theirs(0), registry],
        })
    };

    for len in [1, 4096, Registry::LEN] {
        let zeroes = SharedMemory::anonymous(len).unwrap();
        let error = receive(zeroes.try_clone_fd().unwrap()).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(ShmError::Family(_))), "{error}");
        assert!(registry::installed().is_none());
    }
    let value = receive(theirs(1)).unwrap();
    assert_eq!(*value.lock().unwrap(), 7);
    kill(stranger);
}
