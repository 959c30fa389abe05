//! What CPython's resource tracker does to our names, what keeps it from that, and that we survive it in each case: what is mapped stays,
//! our own end finds the name gone and says nothing.

use std::os::fd::AsRawFd;
use std::path::Path;

use multiproc_shm::{RawView, SharedMemory};

use crate::check::{Check, Failure, Judged, Lie, holds, same};
use crate::descriptors::inheritable;
use crate::peer::{Peer, Python, gone};

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "tracker/ends a name that was only opened", run: usual, lies: &[Lie::Words, Lie::Tracker] },
    Check { name: "tracker/ends it after a kill", run: killed, lies: &[Lie::Tracker] },
    Check { name: "tracker/ends the name of a successor", run: successor, lies: &[Lie::Tracker] },
    Check {
        name: "tracker/kept off by track=False, since 3.13",
        run: untracked,
        lies: &[Lie::Words, Lie::Tracker],
    },
    Check { name: "tracker/kept off by unregister", run: unregistered, lies: &[Lie::Words, Lie::Tracker] },
    Check { name: "tracker/kept off by a descriptor", run: inherited, lies: &[Lie::Words, Lie::Tracker] },
];

const LEN: usize = 5000;

fn has_name(memory: &SharedMemory) -> bool {
    Path::new("/dev/shm").join(memory.name().expect("it was created")).exists()
}

/// Ours, and a view of it with a 1 at its beginning.
fn segment() -> Result<(SharedMemory, RawView<u8>), Failure> {
    let memory = SharedMemory::create_any(LEN)?;
    let view = memory.raw_view::<u8>(0, &[LEN])?;
    view.set(&[0], 1)?;
    Ok((memory, view))
}

/// Begins an act that has a tracker; gives that one's number too.
fn begin(python: &Python, act: &str, arguments: &[&str]) -> Result<(Peer, u32), Failure> {
    let mut peer = python.act(act, arguments)?;
    let tracker = peer.hear_number()?;
    Ok((peer, tracker))
}

/// The name has gone; all else is as it was.
fn survives(memory: SharedMemory, view: &RawView<u8>, complaints: &str) -> Judged {
    holds("the name has gone", !has_name(&memory))?;
    holds("its tracker tells of a leak that is none", complaints.contains("leaked shared_memory"))?;
    same("the first byte", view.get(&[0]), Some(1))?;
    view.fill(4)?;
    same("the last byte", view.get(&[LEN - 1]), Some(4))?;
    // We do not know yet, and are not told: there is nothing left to do.
    holds("we own the name still", memory.is_owner())?;
    memory.unlink()?;
    memory.unlink()?;
    let name = memory.name().expect("it was created").to_owned();
    let next = SharedMemory::create(&name, 1)?;
    drop(memory);
    same("a view outlives the handle", view.get(&[0]), Some(4))?;
    holds("the end of ours is not that of the next one", has_name(&next))
}

fn usual(python: &Python) -> Judged {
    let (memory, view) = segment()?;
    let (mut peer, tracker) = begin(python, "tracker.usual", &[memory.name().expect("it was created")])?;
    holds("while it lives the name stays", has_name(&memory))?;
    peer.say("seen")?;
    same("what it reads and has written", peer.hear()?, "0102")?;
    let complaints = peer.end()?;
    gone(tracker)?;
    same("what it wrote", view.get(&[1]), Some(2))?;
    survives(memory, &view, &complaints)
}

fn killed(python: &Python) -> Judged {
    let (memory, view) = segment()?;
    let (mut peer, tracker) = begin(python, "tracker.asleep", &[memory.name().expect("it was created")])?;
    peer.hear()?;
    let complaints = peer.kill()?;
    gone(tracker)?;
    survives(memory, &view, &complaints)
}

/// We end our segment and make another one of that name while CPython has the first: its tracker knows names, not segments.
fn successor(python: &Python) -> Judged {
    let (memory, _) = segment()?;
    let name = memory.name().expect("it was created").to_owned();
    let (mut peer, tracker) = begin(python, "tracker.asleep", &[&name])?;
    peer.hear()?;
    drop(memory);
    let next = SharedMemory::create(&name, LEN)?;
    let view = next.raw_view::<u8>(0, &[LEN])?;
    view.set(&[0], 1)?;
    let complaints = peer.kill()?;
    gone(tracker)?;
    survives(next, &view, &complaints)
}

/// Nothing happens to the name, though the tracker has run and ended.
fn kept(memory: &SharedMemory, tracker: u32, complaints: &str) -> Judged {
    gone(tracker)?;
    holds("the name has stayed", has_name(memory))?;
    same("what is complained of", complaints, "")?;
    holds("ours", memory.is_owner())
}

fn untracked(python: &Python) -> Judged {
    let (memory, view) = segment()?;
    let (mut peer, tracker) = begin(python, "tracker.untracked", &[memory.name().expect("it was created")])?;
    let said = peer.hear()?;
    if !python.is_since(13)? {
        same("what older versions say", said, "TypeError")?;
        let complaints = peer.end()?;
        return kept(&memory, tracker, &complaints);
    }
    same("said", said, "open")?;
    let complaints = peer.end()?;
    kept(&memory, tracker, &complaints)?;
    same("what it wrote", view.get(&[1]), Some(2))
}

fn unregistered(python: &Python) -> Judged {
    let (memory, view) = segment()?;
    let (mut peer, tracker) =
        begin(python, "tracker.unregistered", &[memory.name().expect("it was created")])?;
    same("said", peer.hear()?, "open")?;
    let complaints = peer.end()?;
    kept(&memory, tracker, &complaints)?;
    same("what it wrote", view.get(&[1]), Some(2))
}

fn inherited(python: &Python) -> Judged {
    let (memory, view) = segment()?;
    let descriptor = inheritable(memory.try_clone_fd()?)?;
    let (number, len) = (descriptor.as_raw_fd().to_string(), LEN.to_string());
    let arguments = [memory.name().expect("it was created"), &number, &len];
    let (mut peer, tracker) = begin(python, "tracker.inherited", &arguments)?;
    drop(descriptor);
    same("said", peer.hear()?, "open")?;
    let complaints = peer.end()?;
    kept(&memory, tracker, &complaints)?;
    same("what it wrote", view.get(&[1]), Some(2))
}
