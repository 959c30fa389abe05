//! What a `Connection` promises: whole values, deadlines, ends, limits.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_ipc::{Connection, DecodeError, INLINE_MAX, RecvError, SendErrorKind, pipe};
use multiproc_testkit::{Watchdog, eventually};
use serde::{Deserialize, Serialize};

const SHORT: Duration = Duration::from_millis(5);

fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn ends_may_move_between_threads_whatever_they_carry() {
    // A Connection holds no value, so that even types that stay in their thread can be named.
    assert_send_sync::<Connection<std::rc::Rc<u8>, *const u8>>();
}

#[test]
fn values_of_every_length_arrive_whole_and_in_order() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<String, usize>().unwrap();
    let lengths = [0, 1, INLINE_MAX - 4, INLINE_MAX - 3, INLINE_MAX - 2, INLINE_MAX, INLINE_MAX + 1, 5 << 20];
    thread::scope(|scope| {
        scope.spawn(|| {
            for length in lengths {
                let text = right.recv().unwrap();
                assert!(text.bytes().all(|b| b == b'x'));
                right.send(text.len()).unwrap();
                assert_eq!(text.len(), length);
            }
        });
        for length in lengths {
            left.send("x".repeat(length)).unwrap();
        }
        for length in lengths {
            assert_eq!(left.recv().unwrap(), length);
        }
    });
}

#[test]
fn several_threads_may_share_an_end() {
    let _watchdog = Watchdog::with_limit(60);
    const EACH: u64 = 500;
    let (left, right) = pipe::<u64, u64>().unwrap();
    let sum: u64 = thread::scope(|scope| {
        for t in 0..4 {
            let left = &left;
            scope.spawn(move || (0..EACH).for_each(|i| left.send(t * EACH + i).unwrap()));
        }
        let takers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..EACH).map(|_| right.recv().unwrap()).sum::<u64>())).collect();
        takers.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(sum, (0..4 * EACH).sum::<u64>());
}

#[test]
fn receives_time_out_and_go_on() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<u8, u8>().unwrap();
    assert!(matches!(right.try_recv(), Err(RecvError::Empty)));
    let before = Instant::now();
    assert!(matches!(right.recv_timeout(SHORT), Err(RecvError::TimedOut)));
    assert!(before.elapsed() >= SHORT, "no wait ends before its time");
    assert!(matches!(right.recv_deadline(before), Err(RecvError::TimedOut)));
    assert!(!right.poll(Duration::ZERO).unwrap());
    left.send(1).unwrap();
    assert!(right.poll(Duration::MAX).unwrap(), "a time that cannot be told is no limit");
    assert_eq!(
        right.recv_timeout(Duration::ZERO).unwrap(),
        1,
        "what is there is received, whatever the time"
    );
}

#[test]
fn a_full_queue_gives_the_value_back() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<Vec<u16>, ()>().unwrap();
    let value = vec![7_u16; 1000];
    let mut sent = 0;
    let error = loop {
        match left.try_send(value.clone()) {
            Ok(()) => sent += 1,
            Err(e) => break e,
        }
        assert!(sent < 1_000_000, "a socket's queue is finite");
    };
    assert!(matches!(error.kind, SendErrorKind::Full), "{error:?}");
    assert_eq!(error.value, value);
    let before = Instant::now();
    let error = left.send_timeout(value.clone(), SHORT).unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::TimedOut) && before.elapsed() >= SHORT);
    assert_eq!(error.value, value);
    // What timed out was not sent in part: exactly what was accepted arrives, then room is there again.
    for _ in 0..sent {
        assert_eq!(right.recv().unwrap(), value);
    }
    assert!(matches!(right.try_recv(), Err(RecvError::Empty)));
    left.send_deadline(vec![], Instant::now() + Duration::from_secs(60)).unwrap();
    assert_eq!(right.recv().unwrap(), []);
}

#[test]
fn a_blocked_sender_goes_on_when_room_is_made() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<u64, ()>().unwrap();
    let count = 20_000;
    thread::scope(|scope| {
        scope.spawn(|| (0..count).for_each(|i| left.send(i).unwrap()));
        for i in 0..count {
            assert_eq!(right.recv().unwrap(), i);
        }
    });
}

#[test]
fn the_end_comes_after_what_was_sent() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<u8, u8>().unwrap();
    right.send(9).unwrap(); // never read by left: the kernel tells right so, once
    left.send(1).unwrap();
    left.send(2).unwrap();
    drop(left);
    assert_eq!(right.recv().unwrap(), 1);
    assert_eq!(right.try_recv().unwrap(), 2);
    for _ in 0..2 {
        assert!(right.recv().unwrap_err().is_disconnected());
        assert!(right.try_recv().unwrap_err().is_disconnected());
        assert!(right.recv_timeout(SHORT).unwrap_err().is_disconnected());
        assert!(right.poll(Duration::from_secs(60)).unwrap(), "the end is something to receive");
        let error = right.send(3).unwrap_err();
        assert!(error.is_disconnected() && error.value == 3);
    }
}

#[test]
fn a_receiver_that_sleeps_learns_of_the_end_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<(), ()>().unwrap();
    let (begin, begun) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            begin.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
            assert!(right.recv().unwrap_err().is_disconnected());
        });
        let stat = Path::new("/proc").join(begun.recv().unwrap()).join("stat");
        let sleeps = || fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().starts_with(" S");
        eventually("it sleeps in the receive", sleeps);
        drop(left);
    });
}

#[test]
fn too_long_is_an_error_of_that_message_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<String, ()>().unwrap();
    right.set_max_len(100);
    for length in [200, INLINE_MAX * 2, 50] {
        left.send("y".repeat(length)).unwrap();
    }
    assert!(matches!(right.recv(), Err(RecvError::TooLong { len: 202, max: 100 })));
    assert!(matches!(right.recv(), Err(RecvError::TooLong { max: 100, .. })));
    assert_eq!(right.recv().unwrap().len(), 50);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    name: String,
    tags: Vec<Option<char>>,
}

#[test]
fn a_message_of_another_type_is_named_and_skipped() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<Record, ()>().unwrap();
    let liar: Connection<(u8, u8), ()> = Connection::new(left.into_socket());
    liar.send((255, 255)).unwrap();
    let error = right.recv().unwrap_err();
    assert!(
        matches!(&error, RecvError::Decode(DecodeError::Deserialize { type_name, .. }) if type_name.contains("Record"))
    );
    let truthful: Connection<Record, ()> = Connection::new(liar.into_socket());
    let record = Record { name: "n".into(), tags: vec![None, Some('é')] };
    truthful.send(Record { name: "n".into(), tags: vec![None, Some('é')] }).unwrap();
    assert_eq!(right.recv().unwrap(), record);
}

#[test]
fn bytes_left_over_are_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<(u8, u8), ()>().unwrap();
    let right: Connection<(), u8> = Connection::new(right.into_socket());
    left.send((1, 2)).unwrap();
    assert!(matches!(right.recv(), Err(RecvError::Decode(DecodeError::TrailingBytes { left: 1, .. }))));
}

#[test]
fn what_the_format_lacks_is_refused_by_the_sender() {
    let _watchdog = Watchdog::with_limit(60);
    /// A sequence that does not tell its length.
    #[derive(Debug)]
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            serializer.serialize_seq(None)?.end()
        }
    }
    let (left, right) = pipe::<Endless, ()>().unwrap();
    let error = left.send(Endless).unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Encode(_)));
    assert!(error.to_string().contains("Endless") && error.to_string().contains("length"), "{error}");
    let right: Connection<(), u8> = Connection::new(right.into_socket());
    assert!(matches!(right.try_recv(), Err(RecvError::Empty)), "nothing was sent");
}

#[test]
fn plain_bytes_have_their_own_calls() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<u8, u8>().unwrap();
    for length in [0, 1, INLINE_MAX, INLINE_MAX + 1, 3 << 20] {
        let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
        left.send_bytes(bytes.clone()).unwrap();
        assert_eq!(right.recv_bytes(u64::MAX).unwrap(), bytes);
    }
    left.send_bytes(vec![1; 10]).unwrap();
    assert!(matches!(right.recv_bytes(9), Err(RecvError::TooLong { len: 10, max: 9 })));
    left.send_bytes(vec![2; 10]).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(right.recv_bytes_into(&mut buffer).unwrap(), 10);
    assert_eq!(buffer[..10], [2; 10]);
    left.send_bytes(vec![3; 20]).unwrap();
    match right.recv_bytes_into(&mut buffer) {
        Err(RecvError::BufferTooShort { message, buffer: 16 }) => assert_eq!(message, [3; 20]),
        other => panic!("{other:?}"),
    }
    left.send_bytes(vec![6; 4]).unwrap();
    assert_eq!(right.try_recv_bytes_into(&mut buffer).unwrap(), 4);
    assert!(matches!(right.try_recv_bytes_into(&mut buffer), Err(RecvError::Empty)));
    assert!(matches!(right.recv_bytes_into_timeout(&mut buffer, SHORT), Err(RecvError::TimedOut)));
    assert!(matches!(right.recv_bytes_into_deadline(&mut buffer, Instant::now()), Err(RecvError::TimedOut)));
    assert!(!right.poll_deadline(Instant::now()).unwrap());
    assert!(matches!(right.try_recv_bytes(9), Err(RecvError::Empty)));
    assert!(matches!(right.recv_bytes_timeout(9, SHORT), Err(RecvError::TimedOut)));
    assert!(matches!(right.recv_bytes_deadline(9, Instant::now()), Err(RecvError::TimedOut)));
    drop(right);
    let error = left.send_bytes_timeout(vec![4], SHORT).unwrap_err();
    assert!(error.is_disconnected() && error.value == [4]);
    assert_eq!(left.try_send_bytes(vec![5; INLINE_MAX * 2]).unwrap_err().value.len(), INLINE_MAX * 2);
    assert!(left.send_bytes_deadline(vec![], Instant::now()).unwrap_err().is_disconnected());
}

#[test]
fn bytes_and_values_do_not_mix_unseen() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<u8, u8>().unwrap();
    left.send_bytes(vec![1]).unwrap();
    let error = right.recv().unwrap_err();
    assert!(matches!(error, RecvError::Decode(DecodeError::WrongKind { .. })), "{error}");
    left.send(1).unwrap();
    assert!(matches!(right.recv_bytes(8), Err(RecvError::Decode(DecodeError::WrongKind { .. }))));
}

#[test]
fn a_connection_works_while_its_thread_ends() {
    let _watchdog = Watchdog::with_limit(60);
    /// Says goodbye when the thread's locals are dropped, after those of this library may be gone.
    struct Goodbye(Connection<String, String>);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            self.0.send("goodbye".into()).unwrap();
            assert_eq!(self.0.recv().unwrap(), "take care");
            self.0.send("thanks".into()).unwrap();
        }
    }
    thread_local! {
        static GOODBYE: std::cell::RefCell<Option<Goodbye>> = const { std::cell::RefCell::new(None) };
    }
    let (left, right) = pipe::<String, String>().unwrap();
    let leaving = thread::spawn(move || {
        GOODBYE.set(Some(Goodbye(left))); // before this library's own locals are first used
        GOODBYE.with_borrow(|goodbye| goodbye.as_ref().unwrap().0.try_recv().map(drop).unwrap_err());
    });
    assert_eq!(right.recv().unwrap(), "goodbye");
    right.send("take care".into()).unwrap();
    assert_eq!(right.recv().unwrap(), "thanks");
    leaving.join().unwrap();
}
