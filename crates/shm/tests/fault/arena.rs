//! The scenarios of an arena: whoever is killed at an allocation, a release, a sweep or on either side of a message leaves blocks that
//! somebody has, by a name that is dead or a message that is there, or that are free; and every byte comes back. `unsafe`: descriptors
//! of messages, shared memory.
#![allow(unsafe_code)]

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_shm::transfer::{self, Descriptor, Outgoing};
use multiproc_shm::{Arena, ArenaBox, ArenaParcel, ShmSafe};
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::sockets::{self, Message};

const SPAN: usize = 1 << 16;
const SPANS: usize = 2;
const LAPS: usize = 3;

/// Shorter than the heartbeat.
const PATIENCE: Duration = Duration::from_millis(400);

/// Sixteen of them lie in a span: as many words are opened and closed.
#[derive(ShmSafe, Clone, Copy, Debug)]
#[repr(C, align(4096))]
struct Page {
    number: u64,
}

/// What the processes of one kill point share. What of it is no shared memory, each has a copy of.
pub(crate) struct State {
    arena: Arena,
    /// To have a name, and a thread that locks, before what is tested begins.
    spare: Arena,
    /// How far the victim is.
    stage: &'static AtomicU32,
    ours: UnixStream,
    theirs: UnixStream,
}

/// The victim has what it receives.
const RECEIVED: u32 = 1;
/// The victim may have ended.
const OVER: u32 = 2;

fn scene() -> Scene<State> {
    let arena = Arena::new(SPANS * SPAN).expect("there is memory for an arena");
    let spare = Arena::new(SPAN).expect("and for another");
    let (ours, theirs) = UnixStream::pair().expect("there are sockets");
    ours.set_nonblocking(true).expect("they are sockets");
    theirs.set_nonblocking(true).expect("they are sockets");
    let watched = mapping(&arena);
    // SAFETY: a number, which may be zero.
    let stage = unsafe { Memory::<AtomicU32>::zeroed() }.leak();
    Scene { shared: Box::leak(Box::new(State { arena, spare, stage, ours, theirs })), watched: vec![watched] }
}

/// Where the words of the arena lie: before its blocks.
fn mapping(arena: &Arena) -> std::ops::Range<usize> {
    let block = arena.alloc(0_u64).expect("it is empty");
    let first = std::ptr::from_ref(&*block).addr();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
    let ranges = maps.lines().map(|line| {
        let (from, to) = line.split_once(' ').expect("a line of maps").0.split_once('-').expect("a range");
        let number = |text| usize::from_str_radix(text, 16).expect("an address");
        number(from)..number(to)
    });
    let all = ranges.into_iter().find(|range| range.contains(&first)).expect("the arena is mapped");
    drop(block);
    // Back to what a new one is, as the first victim finds it.
    drop(arena.alloc_zeroed::<u8>(SPANS * SPAN).expect("all of it is free"));
    all.start..all.end - SPANS * SPAN
}

impl State {
    fn attach(&self) {
        drop(self.spare.alloc(0_u8).expect("there is room"));
    }

    fn page(&self, number: u64) -> ArenaBox<Page> {
        self.arena.alloc(Page { number }).expect("there is room")
    }

    /// Puts a parcel into the socket.
    fn post(&self, parcel: &ArenaParcel<Page>) {
        self.post_untold(parcel).transfers.commit();
    }

    /// The same, and does not yet tell it so.
    fn post_untold(&self, parcel: &ArenaParcel<Page>) -> Outgoing {
        let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(parcel));
        let bytes = bytes.expect("it can be sent");
        sockets::send(&self.ours, &bytes, &sent.fds.drain(..).collect::<Vec<_>>());
        sent
    }

    /// Takes one out, if there is one.
    fn fetch(&self) -> Option<ArenaBox<Page>> {
        sockets::receive(&self.theirs).map(opened)
    }

    /// Of the end of what the victim does. `had`: what it keeps.
    fn over<T>(&self, part: &Part, had: T) {
        part.over();
        self.stage.store(OVER, SeqCst);
        std::mem::forget(had);
    }

    /// With nobody there but the dead, all of it comes back.
    fn mend(&self, part: &Part) {
        // What is in the socket is not the dead one's any more.
        let mut swept = self.arena.sweep();
        if let Some(page) = self.fetch() {
            assert_eq!(page.number, 7, "another value than was sent");
            part.count("received");
        }
        swept += self.arena.sweep();
        if swept > 0 {
            part.count("swept");
        }
        assert_eq!(self.arena.used(), 0, "a block is nobody's, and yet not free");
        let pages: Vec<_> =
            (0..16 * SPANS as u64).map_while(|number| self.arena.alloc(Page { number }).ok()).collect();
        assert_eq!(pages.len(), 16 * SPANS, "pages were lost");
        assert!(pages.iter().zip(0..).all(|(page, number)| page.number == number), "two have one block");
        drop(pages);
        let all = self.arena.alloc_zeroed::<u8>(SPANS * SPAN);
        assert!(all.is_ok(), "spans were lost");
    }

    fn laps(&self, part: &Part) {
        part.wait(Cue::Laps);
        let ours = u64::from(std::process::id());
        for lap in 0..LAPS as u64 {
            let (one, two) = (self.page(ours + lap), self.arena.alloc(ours).expect("there is room"));
            assert!(one.number == ours + lap && *two == ours, "two have one block");
        }
    }
}

/// The page that a message has, if that is there still.
fn try_open((bytes, fds): Message) -> Result<ArenaBox<Page>, String> {
    let fds = fds.into_iter().map(|fd| Some(Descriptor::from(fd))).collect();
    let (parcel, left) = transfer::decoding(fds, || postcard::from_bytes::<ArenaParcel<Page>>(&bytes));
    let parcel =
        parcel.map_err(|error| left.refused.map_or(error.to_string(), |refused| refused.to_string()))?;
    Ok(parcel.open().expect("it has just come"))
}

fn opened(message: Message) -> ArenaBox<Page> {
    try_open(message).expect("it brings a page")
}

/// Allocates beside the victim, and looks after all when that is dead.
fn survivor(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Stopped);
    assert!(state.arena.sweep() == 0 || state.stage.load(SeqCst) == OVER, "swept from the living");
    allocates(state, part);
}

/// As [`survivor`], where one is dead before.
fn beside_the_dead(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Stopped);
    allocates(state, part);
}

fn allocates(state: &'static State, part: &Part) {
    let page = state.page(3);
    assert_eq!(page.number, 3);
    drop(page);
    part.wait(Cue::Killed);
    state.mend(part);
    state.laps(part);
}

/// As [`survivor`], where the victim needs all of the arena.
fn waiting(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Killed);
    state.mend(part);
    state.laps(part);
}

fn dying(state: &'static State, part: &Part) {
    std::mem::forget((state.page(1), state.page(2)));
    part.die();
}

/// Sends what the victim receives.
fn sending(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Hold);
    state.post(&state.page(7).into_parcel());
    part.wait(Cue::Killed);
    state.mend(part);
    state.laps(part);
}

/// The same, and keeps the message, as one that is to be sent again.
fn sending_again(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Hold);
    let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&state.page(7).into_parcel()));
    let (bytes, fds) = (bytes.expect("it can be sent"), std::mem::take(&mut sent.fds));
    sockets::send(&state.ours, &bytes, &fds);
    sent.transfers.commit();
    part.wait(Cue::Stopped);
    let fds: Vec<_> = fds.iter().map(sockets::duplicate).collect();
    let again = try_open((bytes, fds));
    assert!(again.is_err() || state.stage.load(SeqCst) == 0, "two have one block");
    drop((again, sent));
    part.wait(Cue::Killed);
    state.mend(part);
    state.laps(part);
}

/// Receives what there is, of two messages of which the first did not go.
fn receiving_both(state: &'static State, part: &Part) {
    state.attach();
    part.wait(Cue::Killed);
    let messages = [sockets::receive(&state.theirs), sockets::receive(&state.theirs)];
    let received = messages.map(|message| message.map(try_open));
    match &received {
        [None, None] => part.count("none"),
        [Some(Ok(_)), None] => part.count("first"),
        [Some(Err(_)), None] => part.count("back"),
        [Some(Err(_)), Some(Ok(_))] => part.count("second"),
        [Some(Ok(_)), Some(_)] => panic!("a message that did not go brings what the next one does"),
        other => panic!("the last message brings nothing: {other:?}"),
    }
    let pages = received.iter().flatten().flatten();
    pages.for_each(|page| assert_eq!(page.number, 7, "another value than was sent"));
    drop(received);
    state.mend(part);
    state.laps(part);
}

fn allocator(state: &'static State, part: &Part) {
    state.attach();
    part.begin();
    let blocks = (state.page(5), state.page(6));
    state.over(part, blocks);
}

fn freer(state: &'static State, part: &Part) {
    let blocks = (state.page(5), state.page(6));
    part.begin();
    drop(blocks);
    part.over();
}

/// A span of pages becomes one for another size, as there is no other.
fn converter(state: &'static State, part: &Part) {
    let pages: Vec<_> = (0..16 * SPANS as u64).map(|number| state.page(number)).collect();
    drop(pages);
    part.begin();
    let row = state.arena.alloc_zeroed::<u8>(SPAN / 4);
    state.over(part, row);
}

/// All spans become one block.
fn uniter(state: &'static State, part: &Part) {
    let pages: Vec<_> = (0..16 * SPANS as u64).map(|number| state.page(number)).collect();
    drop(pages);
    part.begin();
    let all = state.arena.alloc_zeroed::<u8>(SPANS * SPAN);
    state.over(part, all);
}

/// All spans are free, and their memory goes.
fn trimmer(state: &'static State, part: &Part) {
    let pages: Vec<_> = (0..16 * SPANS as u64).map(|number| state.page(number)).collect();
    drop(pages);
    part.begin();
    let given = state.arena.trim();
    part.over();
    assert_eq!(given.expect("the lock can be had"), SPANS * SPAN);
}

fn sweeper(state: &'static State, part: &Part) {
    state.attach();
    part.begin();
    state.arena.sweep();
    part.over();
}

fn sender(state: &'static State, part: &Part) {
    let page = state.page(7);
    part.begin();
    state.post(&page.into_parcel());
    part.over();
}

/// Its message does not go.
fn keeper(state: &'static State, part: &Part) {
    let parcel = state.page(7).into_parcel();
    part.begin();
    let (_, outgoing) = transfer::encoding(0, || postcard::to_stdvec(&parcel));
    drop(outgoing);
    drop(parcel);
    part.over();
}

/// Its message does not go, and is there all the same; the next one goes.
fn resender(state: &'static State, part: &Part) {
    let parcel = state.page(7).into_parcel();
    part.begin();
    drop(state.post_untold(&parcel));
    state.post(&parcel);
    part.over();
}

/// A process that has the arena already: to map it takes more steps than the rest.
fn receiver(state: &'static State, part: &Part) {
    state.attach();
    let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&state.arena));
    let fds = sent.fds.drain(..).map(Some).collect();
    let (arrived, _) =
        transfer::decoding(fds, || postcard::from_bytes::<Arena>(&bytes.expect("it can be sent")));
    let _arrived = arrived.expect("it can be received");
    let message = sockets::receive(&state.theirs).expect("it was sent");
    part.begin();
    let page = opened(message);
    state.stage.store(RECEIVED, SeqCst);
    state.over(part, page);
}

/// What may be there of two messages, and what a sweep has found.
const RESENT: &[&str] = &["none", "first", "back", "second", "swept"];

fn scenario(
    name: &str,
    victim: Act<State>,
    peers: &[(&'static str, Fate, Act<State>)],
    outcomes: &'static [&'static str],
) -> Scenario<State> {
    Scenario {
        name: name.to_string(),
        outcomes,
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: peers.iter().map(|(name, fate, act)| Peer { name, fate: *fate, act: *act }).collect(),
        newcomer: |state, part| state.laps(part),
        must_hit: Vec::new(),
        patience: PATIENCE,
    }
}

pub(crate) fn scenarios() -> Vec<Scenario<State>> {
    let survivor = ("survivor", Fate::Survives, survivor as Act<State>);
    let sending_again = ("sending again", Fate::Survives, sending_again as Act<State>);
    let waiting = ("waiting", Fate::Survives, waiting as Act<State>);
    let dying = ("dying", Fate::Dies, dying as Act<State>);
    let beside_the_dead = ("survivor", Fate::Survives, beside_the_dead as Act<State>);
    let receiving_both = ("receiving both", Fate::Survives, receiving_both as Act<State>);
    let sending = ("sending", Fate::Survives, sending as Act<State>);
    vec![
        scenario("arena/allocator", allocator, &[survivor], &["swept"]),
        scenario("arena/freer", freer, &[survivor], &["swept"]),
        scenario("arena/converter", converter, &[survivor], &["swept"]),
        scenario("arena/uniter", uniter, &[waiting], &["swept"]),
        scenario("arena/trimmer", trimmer, &[waiting], &[]),
        scenario("arena/sweeper", sweeper, &[dying, beside_the_dead], &["swept"]),
        scenario("arena/sender", sender, &[survivor], &["swept", "received"]),
        scenario("arena/keeper", keeper, &[survivor], &["swept"]),
        scenario("arena/resender", resender, &[receiving_both], RESENT),
        scenario("arena/receiver", receiver, &[sending], &["swept", "received"]),
        scenario("arena/receiver+sending again", receiver, &[sending_again], &["swept", "received"]),
    ]
}
