//! The broker's thread: it answers whoever comes, and waits for nobody alone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use super::{Broker, Request, Verdict, answer};
use crate::error::SendErrorKind;
use crate::message::Message;
use crate::socket::{MessageSocket, Polled};
use crate::sys::{door, wait};

/// How long one who has connected may take to ask, and to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many may be at it at a time. Who comes then takes the place of the one that has been there longest, who asks again if it can: so those
/// that stand still keep nobody out.
const MAX_GUESTS: usize = 64;

/// How long it rests where the kernel has no event: no descriptors left, or no room for another message.
const REST: Duration = Duration::from_millis(10);

/// Has a thread of this process serve at `door`, to the end of the process.
pub(super) fn start(broker: &'static Broker, door: OwnedFd) -> io::Result<()> {
    thread::Builder::new().name("multiproc-broker".into()).spawn(move || serve(broker, &door))?;
    Ok(())
}

struct Guest {
    socket: MessageSocket,
    until: Instant,
    /// What it has asked for, where there was no room for the answer.
    due: Option<Request>,
}

fn serve(broker: &Broker, door: &OwnedFd) {
    let mut guests: Vec<Guest> = Vec::new();
    loop {
        let is_due = guests.iter().any(|guest| guest.due.is_some());
        let patience = guests.iter().map(|guest| guest.until).min();
        let rest = Instant::now() + REST;
        let until = if is_due { Some(patience.map_or(rest, |until| until.min(rest))) } else { patience };
        let asking = guests.iter().filter(|guest| guest.due.is_none()).map(|guest| guest.socket.as_fd());
        if door::until_any_readable([door.as_fd()].into_iter().chain(asking), until).is_err() {
            while wait::a_moment(Some(rest)) {}
        }
        // So many looks a round, not guests: others' processes, which are sent away, can come without end.
        for _ in 0..MAX_GUESTS {
            match door::admit(door.as_fd()) {
                Ok(Some(fd)) => guests.extend(welcome(fd)),
                Ok(None) => break,
                Err(_) => {
                    // No descriptor for it: it stands before the door still.
                    while wait::a_moment(Some(rest)) {}
                    break;
                }
            }
        }
        let now = Instant::now();
        guests.retain_mut(|guest| guest.until > now && stays(broker, guest));
        guests.drain(..guests.len().saturating_sub(MAX_GUESTS));
    }
}

/// One who may ask.
fn welcome(fd: OwnedFd) -> Option<Guest> {
    door::is_of_this_user(fd.as_fd()).ok().filter(|is_ours| *is_ours)?;
    let socket = MessageSocket::from_fd(fd).ok()?;
    Some(Guest { socket, until: Instant::now() + PATIENCE, due: None })
}

/// Hears and answers a guest; whether it is to be heard again.
fn stays(broker: &Broker, guest: &mut Guest) -> bool {
    let asked = match guest.due.take() {
        Some(request) => Some(request),
        None => match guest.socket.poll_recv() {
            Ok(Polled::Empty) => return true,
            Ok(Polled::Message(message)) => message.decode::<Request>().ok(),
            Ok(_) | Err(_) => None,
        },
    };
    let Some(request) = asked else { return false }; // no guest of ours, or one that has died
    // Also where it has asked before: the offer may have been withdrawn since.
    match broker.find(&request) {
        Some(kept) => {
            let is_full = matches!(guest.socket.try_send(&kept.message), Err(SendErrorKind::Full));
            guest.due = is_full.then_some(request);
            is_full
        }
        None => {
            if let Ok(refusal) = refusal() {
                // Who has gone does not want to know.
                let _ = guest.socket.try_send(&refusal);
            }
            false
        }
    }
}

fn refusal() -> Result<Message, super::OfferErrorKind> {
    answer::<()>(&Verdict::Withdrawn, None)
}
