//! The scenarios of a group that somebody has left in the middle: a member that is done and cannot lock the group is killed, one that
//! finishes such a piece, and one that mends what another has left who died with the mutex. `unsafe`: the group's state, written behind
//! its back.
#![allow(unsafe_code)]

use multiproc_sync::{Mutex, WaitGroup};
use multiproc_testkit::fault::{Cue, Fate, Part, Scenario, Start};

use super::wait_group::{AUDITOR, Company, Shared, WAITING, laps, scenario};

/// What the group's mutex guards, up to the first member's slot.
#[repr(C)]
struct State {
    announced: u64,
    finished: u64,
    emptied: u64,
    deaths: u64,
    dead: u64,
    dead_place: u64,
    looked: u64,
    died: u32,
    reserved: u32,
    occupied: u64,
    owner: u64,
    finishing: u64,
    joining: u64,
}

/// Is done, and cannot lock the group to say so.
fn leaver(shared: &'static Shared, part: &Part) {
    let member = shared.group.add_member().expect("there is room");
    let held = shared.hold_all();
    part.begin();
    drop(member);
    part.over();
    drop(held);
}

/// Finishes the piece of another, who could not lock the group.
fn visitor(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.group.members();
    part.over();
}

/// The same, and gets the other one's place.
fn joiner(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    drop(shared.group.add_member());
    part.over();
}

/// Has left before the victim begins.
fn gone(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let member = shared.group.add_member().expect("there is room");
    let held = shared.hold_all();
    drop(member);
    drop(held);
    laps(shared, part);
}

/// Dies as the group's only member, with its mutex, and leaves this.
fn die_inside(shared: &'static Shared, part: &Part, leave: fn(&mut State)) {
    part.wait(Cue::Hold);
    std::mem::forget(shared.group.add_member().expect("there is room"));
    let group: *const WaitGroup = &raw const shared.group;
    // SAFETY: the group begins with its mutex's head, which is that of every mutex.
    let head = unsafe { &*group.cast::<Mutex<()>>() };
    std::mem::forget(head.lock().expect("nobody has it"));
    // SAFETY: what comes behind the head, which belongs to who has the mutex; numbers alone, and nothing of the group is moved.
    let state = unsafe { &mut *group.byte_add(size_of::<Mutex<()>>()).cast::<State>().cast_mut() };
    assert_eq!((state.announced, state.finished, state.occupied), (2, 0, 1), "the layout is another");
    assert!(state.owner != 0 && state.finishing == 0 && state.joining == 0, "the layout is another");
    leave(state);
    part.die();
}

/// It was about to count its piece as finished.
fn half_left(shared: &'static Shared, part: &Part) {
    die_inside(shared, part, |state| state.finishing = 1);
}

/// It had counted it, and was about to free its place.
fn all_but_left(shared: &'static Shared, part: &Part) {
    die_inside(shared, part, |state| (state.finishing, state.finished) = (1, 1));
}

/// It had taken its place, and was about to count its piece as announced.
fn half_joined(shared: &'static Shared, part: &Part) {
    die_inside(shared, part, |state| (state.joining, state.announced, state.occupied) = (2, 1, 0));
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let gone: Company = ("gone", Fate::Survives, gone);
    let left: [Company; 3] = [
        ("half left", Fate::Dies, half_left),
        ("all but left", Fate::Dies, all_but_left),
        ("half joined", Fate::Dies, half_joined),
    ];
    let (settled, mended) = (&["wait_group_settle"], &["wait_group_mend"]);
    let menders = left.map(|dead| {
        let name = format!("mender after {}", dead.0);
        scenario(&name, Start::Begin, visitor, &[dead, AUDITOR], mended)
    });
    let mut all = vec![
        scenario("leaver", Start::Begin, leaver, &[WAITING, AUDITOR], &[]),
        scenario("settler", Start::Begin, visitor, &[gone, AUDITOR], settled),
        scenario("joining settler", Start::Begin, joiner, &[gone, AUDITOR], settled),
    ];
    all.extend(menders);
    all
}
