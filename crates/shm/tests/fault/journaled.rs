//! The scenarios of a journaled value: the next owner goes on without a look, and finds the old value or the new one, whole.

use multiproc_shm::Journaled;
use multiproc_testkit::fault::{Part, Scenario, Scene};

use super::state::{
    self, Guarded, LEN, NEW, OLD, Row, State, changes, changes_before_sleepers, count_up, scenario,
    scenario_with_a_sleeper,
};

type Journal = Journaled<Row>;

impl Guarded for Journal {
    fn row(&self) -> Option<&Row> {
        Some(self.get())
    }

    fn count(&mut self) {
        self.update(count_up);
    }
}

fn scene() -> Scene<State<Journal>> {
    state::scene(Journal::new([OLD; LEN]))
}

fn updater(state: &'static State<Journal>, part: &Part) {
    changes(state, part, Some(NEW), |journal| journal.update(count_up));
}

fn updater_before_sleepers(state: &'static State<Journal>, part: &Part) {
    changes_before_sleepers(state, part, Some(NEW), |journal| journal.update(count_up));
}

fn setter(state: &'static State<Journal>, part: &Part) {
    changes(state, part, Some(NEW), |journal| journal.set([NEW; LEN]));
}

/// The second of two changes may not begin before the first one counts.
fn updater_twice(state: &'static State<Journal>, part: &Part) {
    changes(state, part, Some(OLD), |journal| {
        journal.update(count_up);
        journal.update(|row| row.iter_mut().for_each(|number| *number = OLD));
    });
}

/// What each of the scenarios must have met.
pub(crate) const MET: &[&str] = &["Ok", "OwnerDied", "Old", "New"];

pub(crate) fn scenarios() -> Vec<Scenario<State<Journal>>> {
    vec![
        scenario("journaled/updater", scene, updater),
        scenario_with_a_sleeper("journaled/updater+sleeping", scene, updater_before_sleepers),
        scenario("journaled/setter", scene, setter),
        scenario("journaled/twice", scene, updater_twice),
    ]
}
