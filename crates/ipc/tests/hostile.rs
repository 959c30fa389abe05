//! Bytes that no peer of this library sends: an error of that packet, and the connection goes on.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use multiproc_ipc::{Connection, RecvError, pipe};
use multiproc_testkit::Watchdog;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

/// An end whose peer sends what it likes.
fn victim() -> (OwnedFd, Connection<u8, Vec<u32>>) {
    let (left, right) = pipe::<Vec<u32>, u8>().unwrap();
    (OwnedFd::from(left), right)
}

fn send(fd: &OwnedFd, packet: &[u8], files: &[&OwnedFd]) {
    let raw: Vec<_> = files.iter().map(|f| f.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[_] = if raw.is_empty() { &[] } else { &rights };
    sendmsg::<()>(fd.as_raw_fd(), &[IoSlice::new(packet)], control, MsgFlags::empty(), None).unwrap();
}

fn header(kind: u8, flags: u8, fds: u16, len: u64) -> Vec<u8> {
    let mut bytes = b"mpc1".to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(fds.to_ne_bytes());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(0_u64.to_ne_bytes());
    bytes
}

fn file_of(bytes: &[u8]) -> OwnedFd {
    let mut file = File::from(memfd_create(c"hostile", MFdFlags::MFD_CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    file.into()
}

#[test]
fn each_broken_rule_has_its_error() {
    let _watchdog = Watchdog::with_limit(60);
    let (peer, victim) = victim();
    let file = file_of(b"\x01\x02");
    let mut inline = header(0, 0, 0, 3);
    inline.extend(b"abcd");
    let packets: [(&[u8], &[&OwnedFd]); 8] = [
        (b"x", &[]),
        (b"GET / HTTP/1.1\r\n\r\n", &[]),
        (&header(9, 0, 0, 0), &[]),
        (&header(0, 0x80, 0, 0), &[]),
        (&inline, &[]),
        (&header(0, 0, 0, 0), &[&file]),
        (&header(0, 0, 2, 0), &[&file]),
        (&header(0, 1, 0, 2), &[]),
    ];
    for (packet, files) in packets {
        send(&peer, packet, files);
        let error = victim.recv().unwrap_err();
        assert!(matches!(error, RecvError::Corrupt { .. }), "{packet:?}: {error:?}");
    }
    send(&peer, &[0; 100_000], &[]);
    assert!(matches!(victim.recv(), Err(RecvError::Corrupt { what: "longer than a packet may be" })));
    let mut good = header(0, 0, 0, 2);
    good.extend([1, 7]);
    send(&peer, &good, &[]);
    assert_eq!(victim.recv().unwrap(), [7], "the connection goes on");
}

#[test]
fn a_peer_that_will_send_no_more_is_an_end() {
    let _watchdog = Watchdog::with_limit(60);
    let (peer, victim) = victim();
    nix::sys::socket::shutdown(peer.as_raw_fd(), nix::sys::socket::Shutdown::Write).unwrap();
    assert!(victim.recv().unwrap_err().is_disconnected());
}

#[test]
fn an_empty_packet_is_not_the_end() {
    let _watchdog = Watchdog::with_limit(60);
    let (peer, victim) = victim();
    send(&peer, &[], &[]);
    assert!(matches!(victim.recv(), Err(RecvError::Corrupt { what: "empty" })));
    let mut good = header(0, 0, 0, 2);
    good.extend([1, 7]);
    send(&peer, &good, &[]);
    assert_eq!(victim.recv().unwrap(), [7]);
    drop(peer);
    assert!(victim.recv().unwrap_err().is_disconnected());
}

#[test]
fn a_file_that_is_not_what_its_header_says_is_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    let (peer, victim) = victim();
    // Says more than it has, says less than it has, claims what no memory holds.
    for len in [3, 1, u64::MAX / 2] {
        send(&peer, &header(0, 1, 0, len), &[&file_of(b"\x01\x07")]);
        let error = victim.recv().unwrap_err();
        assert!(matches!(error, RecvError::Decode(_) | RecvError::TooLong { .. }), "{len}: {error:?}");
    }
    let pipe: OwnedFd = std::io::pipe().unwrap().0.into();
    send(&peer, &header(0, 1, 0, 2), &[&pipe]);
    assert!(
        matches!(victim.recv(), Err(RecvError::Decode(_))),
        "a pipe has no length, and is not waited for"
    );
    send(&peer, &header(0, 1, 0, 2), &[&file_of(b"\x01\x07")]);
    assert_eq!(victim.recv().unwrap(), [7]);
}

#[test]
fn any_bytes_give_a_value_or_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    // xorshift: the same packets each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (peer, victim) = victim();
    let (mut values, mut errors) = (0, 0);
    for round in 0..20_000 {
        let mut packet = header(0, 0, 0, 0);
        let body = random() as usize % 40;
        packet[8..16].copy_from_slice(&(body as u64).to_ne_bytes());
        packet.extend((0..body).map(|_| random() as u8));
        if round % 2 == 1 {
            let at = random() as usize % packet.len();
            packet[at] ^= 1 << (random() % 8);
        }
        send(&peer, &packet, &[]);
        match victim.recv() {
            Ok(_) => values += 1,
            Err(RecvError::Corrupt { .. } | RecvError::Decode(_) | RecvError::TooLong { .. }) => errors += 1,
            Err(other) => panic!("{packet:?}: {other:?}"),
        }
    }
    assert!(values > 0 && errors > 0, "both happen: {values} values, {errors} errors");
}
