//! Names, sizes and errors, and the ends of names: each side's error for the other's, and each side's memory once its name has gone.

use multiproc_shm::{SharedMemory, ShmError, ViewError, names};

use crate::check::{Check, Judged, Lie, hex, holds, same};
use crate::peer::Python;

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "names/both ways, as long as they were made", run: sizes, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "names/taken and missing", run: taken, lies: &[Lie::Words] },
    Check { name: "names/refused on both sides", run: refused, lies: &[Lie::Words] },
    Check { name: "names/cpython unlinks ours", run: unlinked, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "names/cpython's successor keeps our name", run: succeeded, lies: &[Lie::Words] },
    Check { name: "names/cpython ends its own", run: ended, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "names/a sweep leaves cpython's", run: left_alone, lies: &[Lie::Words, Lie::Names] },
    Check { name: "names/read-only on both sides", run: read_only, lies: &[Lie::Words, Lie::Bytes] },
];

fn name(memory: &SharedMemory) -> &str {
    memory.name().expect("it has one")
}

/// A name that no other check, and no other program of these, has.
fn own_name(what: &str) -> String {
    format!("mp-python-{what}-{}", std::process::id())
}

fn missing(name: &str) -> bool {
    matches!(SharedMemory::open(name), Err(ShmError::Missing { .. }))
}

fn sizes(python: &Python) -> Judged {
    let mut peer = python.act("names.sizes", &[])?;
    for len in [1, 100, 4096, 5000] {
        let ours = SharedMemory::create_any(len)?;
        ours.raw_view::<u8>(len - 1, &[])?.set(&[], 0xa5)?;
        peer.say(&format!("{} {len}", name(&ours)))?;
        same("ours there", peer.hear()?, format!("{} {len} a5", name(&ours)))?;
        let theirs = peer.hear_segment()?;
        same(
            "theirs here",
            (theirs.len(), name(&theirs).starts_with("psm_"), theirs.is_owner()),
            (len, true, false),
        )?;
        same("its last byte", theirs.raw_view::<u8>(len - 1, &[])?.get(&[]), Some(0x5a))?;
        // CPython's has holes, which are filled without touching what is there.
        theirs.reserve()?;
        same("its last byte then", theirs.raw_view::<u8>(len - 1, &[])?.get(&[]), Some(0x5a))?;
        peer.say("seen")?;
    }
    peer.say("end")?;
    peer.end()?;
    Ok(())
}

fn taken(python: &Python) -> Judged {
    let ours = SharedMemory::create(&own_name("taken"), 10)?;
    let mut peer = python.act("names.taken", &[name(&ours)])?;
    same("there", peer.hear()?, "FileExistsError FileNotFoundError")?;
    let theirs = peer.hear()?;
    let again = SharedMemory::create(&theirs, 10);
    holds("theirs is taken", matches!(again, Err(ShmError::Exists { name }) if name == theirs))?;
    holds("a name that nobody has", missing(&own_name("missing")))?;
    drop(ours);
    peer.say("dropped")?;
    same("ours after its end", peer.hear()?, "FileNotFoundError")?;
    peer.end()?;
    holds("theirs after its end", missing(&theirs))
}

fn refused(python: &Python) -> Judged {
    let mut peer = python.act("names.refused", &[])?;
    same("there", peer.hear()?, "OSError OSError FileExistsError ValueError ValueError")?;
    let long = "x".repeat(256);
    for wrong in ["a/b", &long, "a\0b", ".."] {
        let here = SharedMemory::create(wrong, 10);
        holds(&format!("{wrong:?} here"), matches!(here, Err(ShmError::Name { .. })))?;
    }
    holds("no bytes", matches!(SharedMemory::create(&own_name("empty"), 0), Err(ShmError::Empty)))?;
    // What its tracker could not tell apart in its lines it takes: here it is refused.
    holds("a colon", matches!(SharedMemory::create("a:b", 10), Err(ShmError::Name { .. })))?;
    peer.end()?;
    Ok(())
}

fn unlinked(python: &Python) -> Judged {
    let ours = SharedMemory::create(&own_name("unlinked"), 100)?;
    let view = ours.raw_view::<u8>(0, &[100])?;
    let mut peer = python.act("names.unlinks", &[name(&ours)])?;
    same("the name there", peer.hear()?, "FileNotFoundError")?;
    peer.end()?;
    holds("the name here", missing(name(&ours)))?;
    same("what it wrote", view.get(&[0]), Some(77))?;
    view.fill(3)?;
    same("ours goes on", view.iter().map(u32::from).sum::<u32>(), 300)?;
    ours.unlink()?;
    let next = SharedMemory::create(name(&ours), 5)?; // the name is free at once
    drop(ours);
    holds("the next one keeps it", !missing(name(&next)))
}

fn succeeded(python: &Python) -> Judged {
    let ours = SharedMemory::create(&own_name("succeeded"), 100)?;
    let ours_name = name(&ours).to_owned();
    let mut peer = python.act("names.succeeds", &[&ours_name])?;
    peer.hear()?;
    same("who has the name", SharedMemory::open(&ours_name)?.len(), 33)?;
    ours.unlink()?;
    drop(ours);
    same("who has it after our end", SharedMemory::open(&ours_name)?.len(), 33)?;
    peer.say("dropped")?;
    same("and there", peer.hear()?, "33 9")?;
    peer.end()?;
    Ok(())
}

fn ended(python: &Python) -> Judged {
    let mut peer = python.act("names.ends", &[])?;
    let theirs = peer.hear_segment()?;
    peer.say("open")?;
    same("said", peer.hear()?, "unlinked")?;
    peer.end()?;
    holds("its name has gone", missing(name(&theirs)))?;
    let mut bytes = [0; 4];
    same("bytes that are there", theirs.read_at(0, &mut bytes)?, 4)?;
    same("what it had written", hex(bytes), hex(b"abc\0"))?;
    theirs.raw_view::<u64>(0, &[12])?.fill(1)?;
    theirs.unlink()?;
    Ok(())
}

fn left_alone(python: &Python) -> Judged {
    let mut peer = python.act("names.stays", &[])?;
    let theirs = peer.hear_segment()?;
    names::sweep()?;
    let is_listed = names::list()?.iter().any(|segment| segment.name == name(&theirs));
    holds("it is none of ours", !is_listed)?;
    peer.say("swept")?;
    same("its name there", peer.hear()?, "nothing")?;
    peer.end()?;
    Ok(())
}

fn read_only(python: &Python) -> Judged {
    let ours = SharedMemory::create(&own_name("read-only"), 16)?;
    ours.raw_view::<u32>(0, &[4])?.copy_from_slice(&[5, 6, 7, u32::MAX])?;
    let mut peer = python.act("names.read_only", &[name(&ours)])?;
    same("ours there", peer.hear()?, "False ValueError 5 6 7 4294967295")?;
    let theirs = SharedMemory::open_read_only(&peer.hear()?)?;
    let view = theirs.raw_view::<u32>(0, &[4])?;
    holds("not writable", !theirs.is_writable() && !view.is_writable())?;
    same("a write", view.set(&[0], 9), Err(ViewError::ReadOnly))?;
    same("all at once", view.fill(9), Err(ViewError::ReadOnly))?;
    same("its values", view.to_vec(), [1, 2, 3, 4])?;
    peer.say("tried")?;
    peer.hear()?;
    same("what it writes then", view.to_vec(), [1, 2, 3, 40])?;
    peer.say("seen")?;
    same("nothing was written", peer.hear()?, "1 2 3 40")?;
    peer.end()?;
    Ok(())
}
