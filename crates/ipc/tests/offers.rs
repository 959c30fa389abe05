//! Values for processes that come later, and what becomes of those who die, stop, or ask for what is not theirs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_ipc::{AcceptError, DecodeError, Fd, Invitation, Offer, OfferErrorKind};
use multiproc_shm::{Shared, SharedMemory, ShmError};
use multiproc_sync::Mutex;
use multiproc_testkit::fork::{Fork, fork, idle, kill, reap};
use multiproc_testkit::{ChildTest, Watchdog, is_child, needs};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill as signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, Uid, geteuid, setuid};

type Lock = Shared<Mutex<u64>>;

/// In a process that does nothing else.
fn alone(body: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(60);
    assert_eq!(reap(fork(body)), 0);
}

/// A process that offers a 7 until it is killed, and its invitation.
fn offering() -> (Fork, Invitation) {
    let (mut line, mut writer) = std::io::pipe().unwrap();
    let child = fork(|| {
        let offer = Offer::new(Shared::new(AtomicU64::new(7)).unwrap()).unwrap();
        writeln!(writer, "{}", offer.invitation()).unwrap();
        drop(writer);
        idle();
    });
    let mut text = [0; 70];
    line.read_exact(&mut text).unwrap();
    (child, std::str::from_utf8(&text).unwrap().parse().unwrap())
}

/// Somebody who is connected and says nothing.
fn silent_guest(invitation: &Invitation) -> OwnedFd {
    let line = invitation.to_string();
    let guest = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let address = UnixAddr::new_abstract(format!("multiproc-{}", &line[3..19]).as_bytes()).unwrap();
    connect(guest.as_raw_fd(), &address).unwrap();
    guest
}

#[test]
fn processes_that_come_later_share_a_lock() {
    const NAME: &str = "processes_that_come_later_share_a_lock";
    const LINE: &str = "INVITATION_OF_THE_TEST";
    let _watchdog = Watchdog::with_limit(60);
    // A program of its own that was started without a family.
    if is_child(NAME) {
        let has_shared = || std::fs::read_to_string("/proc/self/maps").unwrap().contains("/memfd:multiproc-");
        assert!(!has_shared(), "it has nothing of ours before");
        let invitation: Invitation = std::env::var(LINE).unwrap().parse().unwrap();
        let total: Lock = invitation.accept().unwrap();
        assert!(has_shared());
        for _ in 0..1000 {
            *total.lock().unwrap() += 1;
        }
        return;
    }
    let total = Lock::new(Mutex::new(0)).unwrap();
    let offer = Offer::new(total.clone()).unwrap();
    let line = offer.invitation().to_string();
    let others = [(); 3].map(|()| ChildTest::new(NAME).env(LINE, &line).spawn());
    for other in others {
        let _ = other.wait().expect_pass();
    }
    assert_eq!(*total.lock().unwrap(), 3000);
}

#[test]
fn many_accept_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let offer = Offer::new(Shared::new(AtomicU64::new(0)).unwrap()).unwrap();
    let counts = std::thread::scope(|scope| {
        let accept = || offer.invitation().accept::<Shared<AtomicU64>>().unwrap().fetch_add(1, SeqCst);
        let threads: Vec<_> = (0..200).map(|_| scope.spawn(accept)).collect();
        let mut counts: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        counts.sort_unstable();
        counts
    });
    assert!(counts.into_iter().eq(0..200));
}

#[test]
fn of_a_dead_process_nothing_is_had_and_what_was_had_stays() {
    let _watchdog = Watchdog::with_limit(60);
    let (child, invitation) = offering();
    let seven: Shared<AtomicU64> = invitation.accept().unwrap();
    kill(child);
    let late = invitation.accept::<Shared<AtomicU64>>();
    assert!(matches!(late, Err(AcceptError::FamilyGone)), "{late:?}");
    assert_eq!(seven.load(SeqCst), 7);
}

#[test]
fn a_stopped_process_is_waited_for_until_the_deadline() {
    let _watchdog = Watchdog::with_limit(60);
    let (child, invitation) = offering();
    let pid = Pid::from_raw(child.pid() as i32);
    signal(pid, Signal::SIGSTOP).unwrap();
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
    let early = invitation.accept_timeout::<Shared<AtomicU64>>(Duration::from_millis(50));
    assert!(matches!(early, Err(AcceptError::TimedOut)), "{early:?}");
    signal(pid, Signal::SIGCONT).unwrap();
    assert_eq!(invitation.accept::<Shared<AtomicU64>>().unwrap().load(SeqCst), 7);
    kill(child);
}

#[test]
fn a_withdrawn_offer_and_a_wrong_secret_are_the_same() {
    let _watchdog = Watchdog::with_limit(60);
    let offer = Offer::new(7_u32).unwrap();
    let other = Offer::new(8_u32).unwrap();
    let line = offer.invitation().to_string();
    let guess: Invitation =
        format!("{}{}", &line[..37], &other.invitation().to_string()[37..]).parse().unwrap();
    assert!(matches!(guess.accept::<u32>(), Err(AcceptError::Withdrawn)));
    let invitation = offer.invitation().clone();
    assert_eq!(invitation.accept::<u32>().unwrap(), 7);
    // In a fork it is not the fork's to withdraw.
    let mut offer = Some(offer);
    assert_eq!(reap(fork(|| drop(offer.take()))), 0);
    assert_eq!(invitation.accept::<u32>().unwrap(), 7);
    drop(offer);
    assert!(matches!(invitation.accept::<u32>(), Err(AcceptError::Withdrawn)));
    assert_eq!(other.invitation().accept::<u32>().unwrap(), 8);
}

/// Neither those who say nothing, nor those who speak of something else, nor those who hang up.
#[test]
fn strange_guests_keep_nobody_waiting() {
    let _watchdog = Watchdog::with_limit(60);
    let offer = Offer::new(7_u32).unwrap();
    let silent: Vec<_> = (0..30).map(|_| silent_guest(offer.invitation())).collect();
    let speaking: Vec<_> = (0..10)
        .map(|n: usize| {
            let guest = silent_guest(offer.invitation());
            let _ = nix::sys::socket::send(
                guest.as_raw_fd(),
                &vec![n as u8; 1 + n * 100],
                nix::sys::socket::MsgFlags::empty(),
            );
            guest
        })
        .collect();
    for _ in 0..100 {
        drop(silent_guest(offer.invitation()));
    }
    assert_eq!(offer.invitation().accept::<u32>().unwrap(), 7);
    drop((silent, speaking));
    assert_eq!(offer.invitation().accept::<u32>().unwrap(), 7);
}

#[test]
fn long_values_and_descriptors_are_had_more_than_once() {
    let _watchdog = Watchdog::with_limit(60);
    let (reader, mut writer) = std::io::pipe().unwrap();
    let offer = Offer::new((vec![5_u8; 1 << 20], Fd::from(reader))).unwrap();
    let accept = || offer.invitation().accept::<(Vec<u8>, Fd)>().unwrap();
    let (first, second) = (accept(), accept());
    assert!(first.0 == second.0 && first.0.len() == 1 << 20);
    writer.write_all(b"ab").unwrap();
    for (_, fd) in [first, second] {
        File::from(fd).read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn what_is_no_such_value_or_cannot_travel_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    let offer = Offer::new(Shared::new(AtomicU64::new(7)).unwrap()).unwrap();
    let wrong = offer.invitation().accept::<Shared<Mutex<[u64; 3]>>>();
    let Err(AcceptError::Decode(DecodeError::Handle { reason, .. })) = wrong else { panic!("{wrong:?}") };
    assert!(matches!(reason.downcast_ref(), Some(ShmError::LayoutMismatch { .. })), "{reason}");

    let name = format!("multiproc-test-offers-{}", std::process::id());
    let error = Offer::new(SharedMemory::create(&name, 4096).unwrap()).unwrap_err();
    assert!(matches!(error.kind, OfferErrorKind::Encode(_)), "{error}");
    assert_eq!(error.value.len(), 4096);
}

#[test]
fn without_descriptors_the_value_comes_back_and_the_next_is_offered() {
    alone(|| {
        let before = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 0, before.1).unwrap();
        let error = Offer::new("text".to_string()).unwrap_err();
        assert!(matches!(error.kind, OfferErrorKind::Broker(_)), "{error}");
        setrlimit(Resource::RLIMIT_NOFILE, before.0, before.1).unwrap();
        let offer = Offer::new(error.value).unwrap();
        assert_eq!(offer.invitation().accept::<String>().unwrap(), "text");
    });
}

/// As a process does that stands still for longer than the broker's patience: it is sent away, and asks again.
#[test]
fn who_is_sent_away_asks_again() {
    let _watchdog = Watchdog::with_limit(60);
    let (child, invitation) = offering();
    let guests: Vec<_> = (0..100).map(|_| silent_guest(&invitation)).collect();
    assert_eq!(
        invitation.accept_timeout::<Shared<AtomicU64>>(Duration::from_secs(30)).unwrap().load(SeqCst),
        7
    );
    drop(guests);
    kill(child);
    assert!(matches!(invitation.accept::<Shared<AtomicU64>>(), Err(AcceptError::FamilyGone)));
}

/// An offer that is dropped gives its descriptors back.
#[test]
fn nothing_is_left_of_offers() {
    alone(|| {
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        drop(Offer::new(0_u32).unwrap());
        let before = count();
        for n in 0..100_u64 {
            let offer = Offer::new((n, SharedMemory::anonymous(4096).unwrap())).unwrap();
            assert_eq!(offer.invitation().accept::<(u64, SharedMemory)>().unwrap().0, n);
        }
        multiproc_testkit::eventually("the broker has closed its ends", || count() == before);
    });
}

/// Only root can become somebody else, so that only root's test shows it.
#[test]
fn another_user_is_refused_by_both_sides() {
    if !needs("two users: run as root", geteuid().is_root()) {
        return;
    }
    let _watchdog = Watchdog::with_limit(60);
    let offer = Offer::new(7_u32).unwrap();
    let invitation = offer.invitation().clone();
    let nobody = fork(|| {
        setuid(Uid::from_raw(65534)).unwrap();
        let refused = invitation.accept::<u32>();
        assert!(matches!(refused, Err(AcceptError::ForeignUser)), "{refused:?}");
        // One that does not look whom it speaks with gets no answer.
        let guest = silent_guest(&invitation);
        let mut buffer = [0; 8];
        let end = nix::sys::socket::recv(guest.as_raw_fd(), &mut buffer, nix::sys::socket::MsgFlags::empty());
        assert!(matches!(end, Ok(0) | Err(nix::errno::Errno::ECONNRESET)), "{end:?}");
    });
    assert_eq!(reap(nobody), 0);
    assert_eq!(offer.invitation().accept::<u32>().unwrap(), 7);
}

#[test]
fn an_invitation_is_its_line_and_nothing_else_is_one() {
    let offer = Offer::new(()).unwrap();
    let line = offer.invitation().to_string();
    assert_eq!(&line.parse::<Invitation>().unwrap(), offer.invitation());
    assert_eq!(&format!(" {line}\n").parse::<Invitation>().unwrap(), offer.invitation());
    for cut in 0..line.len() {
        assert!(line[..cut].parse::<Invitation>().is_err(), "{cut}");
    }
    for wrong in
        ["", "mp", "mp-", "mp---", "mp-é", &line.replace('-', "+"), &format!("{line}-"), &format!("{line}0")]
    {
        let error = wrong.parse::<Invitation>().unwrap_err();
        assert!(!error.to_string().contains(&line[37..]), "no secrets: {error}");
    }
    assert!(!format!("{:?} {offer:?}", offer.invitation()).contains(&line[37..]));
    let bytes = postcard::to_stdvec(offer.invitation()).unwrap();
    assert_eq!(&postcard::from_bytes::<Invitation>(&bytes).unwrap(), offer.invitation());
}

/// More than the broker has room for, and they stay.
#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let _watchdog = Watchdog::with_limit(120);
    let offer = Offer::new(7_u64).unwrap();
    let silent: Vec<_> = (0..100).map(|_| silent_guest(offer.invitation())).collect();
    // Less than they may take to ask.
    assert_eq!(offer.invitation().accept_timeout::<u64>(Duration::from_secs(4)).unwrap(), 7);
    drop(silent);
}
