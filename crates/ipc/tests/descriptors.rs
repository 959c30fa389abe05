//! Descriptors inside values: they arrive, they are counted, they never leak. One test binary of its own, because it
//! counts the descriptors of the whole process; its tests take turns.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use multiproc_ipc::{
    Connection, EncodeError, Fd, MAX_DESCRIPTORS, Message, MessageSocket, RecvError, SendErrorKind, pipe,
};
use multiproc_testkit::Watchdog;
use serde::{Deserialize, Serialize};

/// Lets one test at a time open descriptors, and says at the end whether all were closed.
struct Alone {
    before: usize,
    _watchdog: Watchdog, // has no descriptor
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: open_descriptors(), _watchdog: Watchdog::with_limit(60), _turn: turn }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(open_descriptors(), self.before, "descriptors leaked");
        }
    }
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    label: String,
    contents: Vec<Fd>,
}

fn reader_and_writer() -> (PipeReader, PipeWriter) {
    std::io::pipe().unwrap()
}

fn as_reader(fd: Fd) -> PipeReader {
    fd.into_owned().into()
}

#[test]
fn each_descriptor_arrives_in_its_place() {
    let _alone = Alone::new();
    let (left, right) = pipe::<Parcel, ()>().unwrap();
    let (readers, writers): (Vec<_>, Vec<_>) = (0..3).map(|_| reader_and_writer()).unzip();
    let contents = readers.into_iter().map(|r| Fd::from(OwnedFd::from(r))).collect();
    left.send(Parcel { label: "three".into(), contents }).unwrap();
    let parcel = right.recv().unwrap();
    for (i, (fd, mut writer)) in parcel.contents.into_iter().zip(writers).enumerate() {
        write!(writer, "{i}").unwrap();
        drop(writer);
        let mut text = String::new();
        as_reader(fd).read_to_string(&mut text).unwrap();
        assert_eq!((parcel.label.as_str(), text), ("three", i.to_string()));
    }
}

#[test]
fn the_senders_own_descriptor_goes_with_the_value() {
    let _alone = Alone::new();
    let (left, right) = pipe::<Fd, ()>().unwrap();
    let (reader, mut writer) = reader_and_writer();
    left.send(Fd::from(OwnedFd::from(reader))).unwrap();
    drop(left);
    drop(right); // with the message unread: the kernel closes what was in flight
    assert_eq!(writer.write(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn a_long_message_may_have_descriptors_too() {
    let _alone = Alone::new();
    let (left, right) = pipe::<(String, Fd), ()>().unwrap();
    let (reader, mut writer) = reader_and_writer();
    left.send(("z".repeat(1 << 20), OwnedFd::from(reader).into())).unwrap();
    let (text, fd) = right.recv().unwrap();
    writer.write_all(b"!").unwrap();
    drop(writer);
    let mut rest = Vec::new();
    as_reader(fd).read_to_end(&mut rest).unwrap();
    assert_eq!((text.len(), rest), (1 << 20, b"!".to_vec()));
}

#[test]
fn the_limit_is_a_typed_error_and_the_most_that_fits_arrives() {
    let _alone = Alone::new();
    let (left, right) = pipe::<Parcel, ()>().unwrap();
    let parcel = |count, label: String| {
        let contents = (0..count).map(|_| OwnedFd::from(reader_and_writer().0).into()).collect();
        Parcel { label, contents }
    };
    let error = left.send(parcel(MAX_DESCRIPTORS + 1, String::new())).unwrap_err();
    let SendErrorKind::Encode(EncodeError::TooManyDescriptors { count: 253, max: MAX_DESCRIPTORS }) =
        error.kind
    else {
        panic!("{error:?}")
    };
    assert_eq!(error.value.contents.len(), MAX_DESCRIPTORS + 1);
    drop(error);
    left.send(parcel(MAX_DESCRIPTORS, "long".repeat(1 << 16))).unwrap();
    assert_eq!(right.recv().unwrap().contents.len(), MAX_DESCRIPTORS);
}

#[test]
fn a_connection_travels_and_still_works() {
    let _alone = Alone::new();
    let (outer_left, outer_right) = pipe::<Connection<u8, String>, ()>().unwrap();
    let (inner_left, inner_right) = pipe::<u8, String>().unwrap();
    outer_left.send(inner_left).unwrap();
    let moved = outer_right.recv().unwrap();
    moved.send(5).unwrap();
    inner_right.send(format!("{}", inner_right.recv().unwrap() + 1)).unwrap();
    assert_eq!(moved.recv().unwrap(), "6");
    drop(moved);
    assert!(inner_right.recv().unwrap_err().is_disconnected(), "the sender kept no copy");
}

#[test]
fn what_is_no_socket_of_ours_is_refused() {
    let _alone = Alone::new();
    let (reader, _writer) = reader_and_writer();
    let error = MessageSocket::from_fd(reader.into()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    assert!(MessageSocket::from_fd(stream.into()).is_err(), "a stream has no packets");
    let (left, right) = pipe::<Fd, ()>().unwrap();
    let right: Connection<(), Connection<(), ()>> = Connection::new(right.into_socket());
    left.send(OwnedFd::from(reader_and_writer().0).into()).unwrap();
    assert!(matches!(right.recv(), Err(RecvError::Decode(_))));
}

#[test]
fn descriptors_nobody_asks_for_are_closed() {
    let _alone = Alone::new();
    let (left, right) = pipe::<Parcel, ()>().unwrap();
    let (reader, mut writer) = reader_and_writer();
    left.send(Parcel { label: String::new(), contents: vec![OwnedFd::from(reader).into()] }).unwrap();
    let right: Connection<(), (u64, u64)> = Connection::new(right.into_socket());
    assert!(right.recv().is_err());
    assert!(writer.write(b"x").is_err(), "the receiver's copy is closed");
}

#[test]
fn a_descriptor_can_be_taken_once_and_only_from_its_message() {
    let _alone = Alone::new();
    let (reader, _writer) = reader_and_writer();
    let fd = Fd::from(OwnedFd::from(reader));
    let mut message = Message::new();
    message.push(&fd).unwrap();
    message.push(&0_u32).unwrap(); // what a second reference to descriptor 0 looks like
    let mut values = message.into_values().unwrap();
    drop(values.next::<Fd>().unwrap());
    assert!(values.next::<Fd>().is_err(), "taken twice");
    let mut forged = Message::encode(&7_u32).unwrap().into_values().unwrap();
    assert!(forged.next::<Fd>().is_err(), "no such descriptor");
    // Outside a message the number means nothing.
    assert!(postcard::to_stdvec(&fd).is_err());
    assert!(postcard::from_bytes::<Fd>(&[0]).is_err());
    assert!(postcard::to_stdvec(&pipe::<(), ()>().unwrap().0).is_err());
}

#[test]
fn values_pushed_apart_keep_their_own_descriptors() {
    let _alone = Alone::new();
    let (first, mut first_writer) = reader_and_writer();
    let (second, mut second_writer) = reader_and_writer();
    let mut message = Message::new();
    message.push(&Fd::from(OwnedFd::from(first))).unwrap();
    message.push(&Fd::from(OwnedFd::from(second))).unwrap();
    let (left, right) = MessageSocket::pair().unwrap();
    left.send(&message, None).unwrap();
    left.send(&message, None).unwrap(); // a message can be sent again
    drop(message);
    first_writer.write_all(b"1").unwrap();
    second_writer.write_all(b"2").unwrap();
    drop((first_writer, second_writer));
    let mut values = right.recv(None).unwrap().into_values().unwrap();
    for expected in ["1", "2"] {
        let mut text = String::new();
        as_reader(values.next().unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn encoding_inside_encoding_keeps_descriptors_apart() {
    let _alone = Alone::new();
    /// Sends a message of its own while it is encoded, then panics or not.
    struct Nested(Fd, bool);
    impl Serialize for Nested {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = Message::encode(&self.0).unwrap();
            assert!(!inner.is_empty());
            assert!(!self.1, "panics while encoding");
            self.0.serialize(serializer)
        }
    }
    let nested = |panics| Nested(OwnedFd::from(reader_and_writer().0).into(), panics);
    let message = Message::encode(&nested(false)).unwrap();
    message.decode::<Fd>().unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let panicked = std::panic::catch_unwind(|| Message::encode(&nested(true)).map(drop));
    std::panic::set_hook(hook);
    assert!(panicked.is_err());
    assert!(postcard::to_stdvec(&nested(false).0).is_err(), "no message is being encoded any more");
}
