//! The scenarios of a shared value: whoever comes next is told nothing, and finds the old value or the new one, whole; the new one after a
//! call that has ended.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use multiproc_shm::{Shared, SharedValue, ShmSafe};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::state::{LEN, NEW, OLD, PATIENCE, Row, count_up};

/// What each of the scenarios must have met.
pub(crate) const MET: &[&str] = &["Old", "New"];

/// What the processes of one kill point share.
pub(crate) struct Value {
    row: SharedValue<Row>,
    /// To have locked once, before what is tested begins.
    spare: SharedValue<u64>,
    notes: Shared<Notes>,
}

#[derive(ShmSafe)]
#[repr(C)]
struct Notes {
    /// The number that the last survivor has left; 0: none has been there yet.
    left: AtomicU64,
    /// 1: the victim's call has ended.
    ended: AtomicU64,
}

fn scene() -> Scene<Value> {
    let row = SharedValue::new([OLD; LEN]).expect("there is memory for a segment");
    let spare = SharedValue::new(0).expect("there is memory for a segment");
    let notes = Notes { left: AtomicU64::new(0), ended: AtomicU64::new(0) };
    let notes = Shared::new(notes).expect("there is memory for a segment");
    let start = std::ptr::from_ref::<Notes>(&notes).addr();
    let all = start..start + size_of::<Notes>();
    Scene { shared: Box::leak(Box::new(Value { row, spare, notes })), watched: vec![all] }
}

impl Value {
    /// Makes this process's thread known to the family, which its first lock would do.
    fn attach(&self) {
        self.spare.set(1).expect("nobody dies at this one");
    }

    /// Judges what is there, and counts it up.
    fn once(&self, part: &Part) {
        let judge = |row: &mut Row| {
            assert!(row.iter().all(|number| *number == row[0]), "torn: {row:?}");
            match self.notes.left.load(SeqCst) {
                0 => {
                    let ended = self.notes.ended.load(SeqCst) == 1;
                    assert!(!ended || row[0] == NEW, "lost: the call had ended, and {} is there", row[0]);
                    part.count(match row[0] {
                        OLD => "Old",
                        NEW => "New",
                        other => panic!("nobody has put {other} there"),
                    });
                }
                left => assert_eq!(row[0], left, "another than the last one has left"),
            }
            count_up(row);
            self.notes.left.store(row[0], SeqCst);
        };
        self.row.update(judge).expect("whoever died before is nobody's affair");
    }

    fn laps(&self, part: &Part) {
        part.wait(Cue::Laps);
        (0..3).for_each(|_| self.once(part));
    }

    /// After the victim's call.
    fn ended(&self, part: &Part) {
        self.notes.ended.store(1, SeqCst);
        part.over();
    }
}

fn updater(value: &'static Value, part: &Part) {
    value.attach();
    part.begin();
    value.row.update(count_up).expect("the first one");
    value.ended(part);
}

/// It has the lock at its beginning, so that others are asleep there.
fn updater_before_sleepers(value: &'static Value, part: &Part) {
    value.attach();
    let change = |row: &mut Row| {
        part.begin();
        count_up(row);
    };
    value.row.update(change).expect("the first one");
    value.ended(part);
}

fn setter(value: &'static Value, part: &Part) {
    value.attach();
    part.begin();
    value.row.set([NEW; LEN]).expect("the first one");
    value.ended(part);
}

/// Killed in its second call, it leaves what the first one has stored.
fn replacer(value: &'static Value, part: &Part) {
    value.attach();
    part.begin();
    value.row.update(count_up).expect("the first one");
    value.notes.ended.store(1, SeqCst);
    value.row.replace([NEW; LEN]).expect("the second one");
    part.over();
}

fn from(cue: Cue, value: &'static Value, part: &Part) {
    value.attach();
    part.wait(cue);
    value.once(part);
    value.laps(part);
}

/// Comes when the victim is about to be killed, and sleeps if that has the lock.
fn late(value: &'static Value, part: &Part) {
    from(Cue::Stopped, value, part);
}

/// Sleeps at the value that the victim is at.
fn sleeper(value: &'static Value, part: &Part) {
    from(Cue::Begun, value, part);
}

fn scenario(name: &str, victim: Act<Value>) -> Scenario<Value> {
    Scenario {
        name: name.to_string(),
        outcomes: MET,
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: vec![Peer { name: "late", fate: Fate::Survives, act: late }],
        newcomer: Value::laps,
        must_hit: Vec::new(),
        patience: PATIENCE,
    }
}

pub(crate) fn scenarios() -> Vec<Scenario<Value>> {
    let mut sleeping = scenario("shared value/updater+sleeping", updater_before_sleepers);
    sleeping.peers.push(Peer { name: "sleeper", fate: Fate::Survives, act: sleeper });
    sleeping.must_hit = vec!["wake"];
    vec![
        scenario("shared value/updater", updater),
        sleeping,
        scenario("shared value/setter", setter),
        scenario("shared value/replacer", replacer),
    ]
}
