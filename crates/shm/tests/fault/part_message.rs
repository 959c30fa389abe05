//! The scenarios of a part whose message did not go, as its sender has it, and that somebody may have received all the same: it has one owner, and
//! the message that did not go brings nothing once another has the part.

use multiproc_shm::ArrayPart;
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Cue, Part, Scenario};

use super::array::use_it;
use super::part::{OLD, Shared, give, laps, scenario};

/// Calls back a part that was received, and drops it.
fn caller(shared: &'static Shared, part: &Part) {
    let its: ArrayPart<u64> = shared.there.take().open().unwrap();
    let unsent = shared.on.post(&its);
    part.begin();
    drop(unsent);
    drop(its);
    part.over();
}

/// Has received the part before it is called back.
fn receiver(shared: &'static Shared, part: &Part) {
    let mut split = give(shared);
    part.wait(Cue::Begun);
    let mut received: ArrayPart<u64> = shared.on.take().open().unwrap();
    for cue in [Cue::Stopped, Cue::Killed] {
        part.wait(cue);
        assert!(split.take(0).unwrap().is_none(), "taken from a living owner");
    }
    assert_eq!(*received.read(), [OLD; 10]);
    received.as_mut_slice()[0] = OLD;
    drop(received);
    let its = split.take(0).unwrap().expect("who had it has dropped it");
    assert!(!its.may_be_torn(), "it was dropped in order");
    part.count("received");
    drop(its);
    use_it(split.join().unwrap());
    laps(shared, part);
}

/// Calls back a part, and sends it once more.
fn resender(shared: &'static Shared, part: &Part) {
    let its: ArrayPart<u64> = shared.there.take().open().unwrap();
    part.begin();
    drop(shared.on.post(&its));
    shared.on.send(&its);
    part.over();
}

/// Receives what there is.
fn receiver_of_both(shared: &'static Shared, part: &Part) {
    let mut split = give(shared);
    part.wait(Cue::Stopped);
    assert!(split.take(0).unwrap().is_none(), "the victim has it, or a message");
    part.wait(Cue::Killed);
    let messages = [shared.on.try_take(), shared.on.try_take()];
    let received = messages.map(|message| message.map(|message| message.open::<ArrayPart<u64>>()));
    match &received {
        [None, None] => part.count("none"),
        [Some(Ok(its)), None] => {
            part.count("first");
            assert_eq!(*its.read(), [OLD; 10]);
        }
        [Some(Err(_)), None] => part.count("back"),
        [Some(Err(_)), Some(Ok(its))] => {
            part.count("second");
            assert_eq!(*its.read(), [OLD; 10]);
        }
        [Some(Ok(_)), Some(_)] => panic!("a message that did not go brings what the next one does"),
        other => panic!("the last message brings nothing: {other:?}"),
    }
    drop(received);
    eventually("nobody has the part", || split.missing().unwrap().is_empty());
    split.take(0).unwrap().unwrap().mark_consistent(); // who was killed with it may have torn it, for all that is known
    use_it(split.join().unwrap());
    laps(shared, part);
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    vec![
        scenario("part/caller", caller, receiver, &["received"]),
        scenario("part/resender", resender, receiver_of_both, &["none", "first", "back", "second"]),
    ]
}
