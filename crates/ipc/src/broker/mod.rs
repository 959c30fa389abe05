//! `Offer`: a value for processes that come later, and the broker that hands it out.

mod error;
mod invitation;
mod serve;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use multiproc_sync::{Generation, PerProcess};
use serde::{Deserialize, Serialize};

pub use self::error::{AcceptError, InvitationError, OfferError, OfferErrorKind};
pub use self::invitation::{ACCEPT_LIMIT, Invitation};
use crate::message::Message;
use crate::sys::door;

/// A value that this process hands out to whoever has its [`Invitation`]: a handle to shared memory, most often, for a process that was
/// started by others, and later.
///
/// The invitation is a line of text, to be given to the other process as an argument or in a file. Each that
/// [accepts](Invitation::accept) it gets the value, as from a message of its own; so a handle that only one can have goes to the first.
/// Dropped, the offer is withdrawn; who has accepted keeps what he got.
///
/// # Who gets it
///
/// Processes of the same user, in the same network namespace, who know the invitation: it holds 128 random bits. The other end of the
/// socket is asked for its user by both sides (`SO_PEERCRED`). What else a value wants, it sees to itself: a
/// [`Shared`](multiproc_shm::Shared) with locks wants the same family or none yet, and the same layout.
///
/// # Death
///
/// A broker hands out what is offered: a thread of the process that offers, made with its first offer. When the process has ended, however,
/// accepting is [`FamilyGone`](AcceptError::FamilyGone), at once. What was accepted before goes on. One that dies while it accepts,
/// or stops, keeps nobody else waiting.
///
/// In a fork of this process an offer is its parent's: dropping it there withdraws nothing. A fork that outlives its parent keeps the
/// address, at which nobody answers: accepting is `TimedOut` then.
///
/// # Cost
///
/// A thread and a socket for the process, with the first offer, for good; an offer keeps its message and the descriptors in it.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use multiproc_ipc::{AcceptError, Invitation, Offer};
/// use multiproc_shm::Shared;
///
/// let hits = Shared::new(AtomicU64::new(7))?;
/// let offer = Offer::new(hits.clone())?;
/// let line = offer.invitation().to_string(); // to the other process
///
/// let theirs: Shared<AtomicU64> = line.parse::<Invitation>()?.accept()?; // there
/// theirs.fetch_add(1, Relaxed);
/// assert_eq!(hits.load(Relaxed), 8);
///
/// drop(offer);
/// let late = line.parse::<Invitation>()?.accept::<Shared<AtomicU64>>();
/// assert!(matches!(late, Err(AcceptError::Withdrawn)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.managers.BaseManager.connect")]
pub struct Offer {
    invitation: Invitation,
    made_by: Generation,
}

impl Offer {
    /// Offers a value.
    ///
    /// # Errors
    ///
    /// The value comes back in an [`OfferError`] if it cannot be encoded, or the broker cannot start: no descriptors or threads left.
    pub fn new<T: Serialize>(value: T) -> Result<Self, OfferError<T>> {
        Self::of(&value).map_err(|kind| OfferError { value, kind })
    }

    fn of<T: Serialize>(value: &T) -> Result<Self, OfferErrorKind> {
        let message = answer(&Verdict::Given, Some(value))?.spill().map_err(OfferErrorKind::Broker)?;
        let broker = Broker::of_this_process();
        let address = broker.address().map_err(OfferErrorKind::Broker)?;
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|error| OfferErrorKind::Broker(error.into()))?;
        let secret = u128::from_ne_bytes(secret);
        let mut offers = broker.offers();
        let number = offers.next;
        offers.next += 1;
        offers.kept.insert(number, Arc::new(Kept { secret, message }));
        Ok(Self { invitation: Invitation { address, number, secret }, made_by: Generation::now() })
    }

    /// What to give to those who shall have the value.
    pub fn invitation(&self) -> &Invitation {
        &self.invitation
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if self.made_by.is_ours() {
            // The message is dropped when the lock is given back: its handles may be anything.
            let _kept = Broker::of_this_process().offers().kept.remove(&self.invitation.number);
        }
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// What somebody asks for.
#[derive(Serialize, Deserialize)]
struct Request {
    number: u64,
    secret: u128,
}

/// What begins an answer. The value comes behind it.
#[derive(Serialize, Deserialize)]
enum Verdict {
    Given,
    /// No such offer, or not this secret.
    Withdrawn,
}

fn answer<T: Serialize>(verdict: &Verdict, value: Option<&T>) -> Result<Message, OfferErrorKind> {
    let mut message = Message::encode(verdict)?;
    if let Some(value) = value {
        message.push(value)?;
    }
    Ok(message)
}

/// What is handed out by this process.
#[derive(Default)]
struct Broker {
    offers: Mutex<Offers>,
    /// At which number others find it.
    address: OnceLock<u64>,
    starting: Mutex<()>,
}

#[derive(Default)]
struct Offers {
    next: u64,
    kept: HashMap<u64, Arc<Kept>>,
}

struct Kept {
    secret: u128,
    message: Message,
}

static BROKER: PerProcess<Broker> = PerProcess::new();

impl Broker {
    fn of_this_process() -> &'static Self {
        BROKER.get()
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner) // no panic leaves it half done
    }

    /// The offer that is asked for.
    fn find(&self, request: &Request) -> Option<Arc<Kept>> {
        self.offers().kept.get(&request.number).filter(|kept| kept.secret == request.secret).cloned()
    }

    /// Where it is found; it starts if it has not.
    fn address(&'static self) -> std::io::Result<u64> {
        if let Some(address) = self.address.get() {
            return Ok(*address);
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = self.address.get() {
            return Ok(*address);
        }
        let number = getrandom::u64()?;
        let door = door::open(number)?;
        serve::start(self, door)?;
        Ok(*self.address.get_or_init(|| number))
    }
}
