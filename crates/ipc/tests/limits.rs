//! Limits of the surroundings: a binary of its own, since it lowers one of its process.

use multiproc_ipc::{Connection, INLINE_MAX, SendErrorKind, pipe};
use multiproc_testkit::Watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

#[test]
fn a_long_message_beyond_the_limit_on_files_is_an_error_and_no_signal() {
    let _watchdog = Watchdog::with_limit(60);
    let (here, there): (Connection<Vec<u8>, ()>, Connection<(), Vec<u8>>) = pipe().unwrap();
    let (long, longer) = (vec![1_u8; 2 * INLINE_MAX], vec![2_u8; 8 * INLINE_MAX]);
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 4 * INLINE_MAX as u64, hard).unwrap();
    let error = here.send(longer).unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Io(e) if e.kind() == std::io::ErrorKind::FileTooLarge));
    here.send(long.clone()).unwrap();
    assert_eq!(there.recv().unwrap(), long);
}
