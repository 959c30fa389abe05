//! The scenarios of the lock for many readers or one writer: whoever is killed at whatever instruction, the others read and write, told if
//! a writer has left the data torn.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use multiproc_sync::{LockError, RwLockWriteGuard};
use multiproc_testkit::fault::{Act, Fate, Part, Peer, Scenario, Start};

use super::readers_and_writers::{
    Shared, barger, crowded_holder, dead_reader, dead_writer, laps, reading_holder, reading_keeper, scene,
    second_reader, sleeping_reader, sleeping_writer, writing_holder, writing_keeper,
};

/// Longer than the heartbeat, with which who sleeps finds the slot of a dead process, and than what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

fn reader(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    drop(shared.lock.read());
    part.over();
}

fn reader_again(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let first = shared.lock.read();
    let second = shared.lock.read();
    drop(first);
    drop(second);
    part.over();
}

fn writer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(mut guard) = shared.lock.write() {
        shared.change(&mut guard);
    }
    part.over();
}

/// Reads at its beginning, so that others can be asleep.
fn reading_owner(shared: &'static Shared, part: &Part) {
    let guard = shared.lock.read().expect("it is free");
    part.begin();
    drop(guard);
    part.over();
}

/// Writes at its beginning.
fn writing_owner(shared: &'static Shared, part: &Part) {
    let mut guard = shared.lock.write().expect("it is free");
    part.begin();
    shared.change(&mut guard);
    drop(guard);
    part.over();
}

fn downgrader(shared: &'static Shared, part: &Part) {
    let mut guard = shared.lock.write().expect("it is free");
    part.begin();
    shared.change(&mut guard);
    drop(RwLockWriteGuard::downgrade(guard));
    part.over();
}

/// Waits for a time that has passed when it would sleep.
fn impatient(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let read = shared.lock.read_timeout(Duration::ZERO).err();
    let written = shared.lock.write_timeout(Duration::ZERO).err();
    part.over();
    let both = (read, written);
    assert!(matches!(both, (Some(LockError::TimedOut), Some(LockError::TimedOut))), "another one writes");
}

/// The same, to read only.
fn impatient_reader(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let got = shared.lock.read_timeout(Duration::ZERO);
    part.over();
    assert!(matches!(got, Err(LockError::TimedOut)), "another one reads all the time");
}

/// The same, to write only.
fn impatient_writer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let got = shared.lock.write_timeout(Duration::ZERO);
    part.over();
    assert!(matches!(got, Err(LockError::TimedOut)), "another one reads all the time");
}

/// Takes over from a dead writer, mends, gives back.
fn recoverer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Err(LockError::OwnerDied(mut guard)) = shared.lock.write() {
        guard[1] = guard[0];
        shared.writer.store(0, SeqCst);
        RwLockWriteGuard::mark_consistent(&mut guard);
    }
    part.over();
}

/// Takes what a dead reader has left, to read and to write.
fn buries(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    drop(shared.lock.try_read());
    if let Ok(mut guard) = shared.lock.try_write() {
        shared.change(&mut guard);
    }
    part.over();
}

fn scenario(
    name: &str,
    start: Start,
    victim: Act<Shared>,
    peers: &[(&'static str, Act<Shared>)],
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    let fate = |name: &str| if name.starts_with("dead") { Fate::Dies } else { Fate::Survives };
    Scenario {
        name: format!("rwlock/{name}"),
        outcomes: &["Ok", "OwnerDied"],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.iter().map(|&(name, act)| Peer { name, fate: fate(name), act }).collect(),
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    use Start::{Begin, Sleep};
    let reads: (_, Act<Shared>) = ("reading holder", reading_holder);
    let writes: (_, Act<Shared>) = ("writing holder", writing_holder);
    let crowded: (_, Act<Shared>) = ("crowded holder", crowded_holder);
    let sleeps_to_read: (_, Act<Shared>) = ("sleeping reader", sleeping_reader);
    let sleeps_to_write: (_, Act<Shared>) = ("sleeping writer", sleeping_writer);
    let second: (_, Act<Shared>) = ("second reader", second_reader);
    let keeps: (_, Act<Shared>) = ("reading keeper", reading_keeper);
    let barger: (_, Act<Shared>) = ("barger", barger);
    let (slow, end, wait) = ("read_slowly", "read_end", "write_wait");
    vec![
        scenario("reader", Begin, reader, &[], &[]),
        scenario("reader+barging", Begin, reader, &[barger], &[]),
        scenario("reader again", Begin, reader_again, &[], &[slow, end]),
        scenario("reader leaving+sleeping", Begin, reading_owner, &[sleeps_to_write], &[end]),
        scenario("reader behind a writer", Begin, reader, &[writes, second], &[slow]),
        scenario("reader woken", Sleep, reader, &[writes, second], &[]),
        scenario("reader woken by a reader", Sleep, reader, &[reads], &[]),
        scenario("writer", Begin, writer, &[], &[]),
        scenario("writer+barging", Begin, writer, &[barger], &[]),
        scenario(
            "writer leaving+sleeping",
            Begin,
            writing_owner,
            &[sleeps_to_read, sleeps_to_write],
            &["wake"],
        ),
        scenario("writer behind a writer", Begin, writer, &[writes, second], &["slow"]),
        scenario("writer behind those kept out", Begin, writer, &[crowded], &["turn_wait"]),
        scenario("writer woken", Sleep, writer, &[reads], &[]),
        scenario("downgrade+sleeping", Begin, downgrader, &[sleeps_to_read, sleeps_to_write], &["downgrade"]),
        scenario(
            "out of time behind a writer",
            Begin,
            impatient,
            &[("writing keeper", writing_keeper)],
            &[slow],
        ),
        scenario("out of time without a slot", Begin, impatient_reader, &[keeps], &[slow]),
        scenario("out of time behind a reader", Begin, impatient_writer, &[keeps], &[wait]),
        scenario("recoverer", Begin, recoverer, &[("dead writer", dead_writer)], &["recover"]),
        scenario(
            "recoverer+barging",
            Begin,
            recoverer,
            &[("dead writer", dead_writer), barger],
            &["recover"],
        ),
        scenario(
            "reader after a dead writer",
            Begin,
            reader,
            &[("dead writer", dead_writer)],
            &[slow, "recover"],
        ),
        scenario("after a dead reader", Begin, buries, &[("dead reader", dead_reader)], &["take_over"]),
    ]
}
