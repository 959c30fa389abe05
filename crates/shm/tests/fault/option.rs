//! The scenarios of an optional value: the next owner goes on without a look, and finds none, the old one or the new one, whole.

use multiproc_shm::ShmOption;
use multiproc_testkit::fault::{Part, Scenario, Scene};

use super::state::{
    self, Guarded, LEN, NEW, OLD, Row, State, changes, changes_before_sleepers, scenario,
    scenario_with_a_sleeper,
};

type Optional = ShmOption<Row>;

impl Guarded for Optional {
    fn row(&self) -> Option<&Row> {
        self.get()
    }

    fn count(&mut self) {
        let number = self.get().map_or(NEW, |row| row[0]) + 1;
        self.set([number; LEN]);
    }
}

fn none() -> Scene<State<Optional>> {
    state::scene(Optional::none())
}

fn some() -> Scene<State<Optional>> {
    state::scene(Optional::some([OLD; LEN]))
}

fn setter(state: &'static State<Optional>, part: &Part) {
    changes(state, part, Some(NEW), |optional| optional.set([NEW; LEN]));
}

fn setter_before_sleepers(state: &'static State<Optional>, part: &Part) {
    changes_before_sleepers(state, part, Some(NEW), |optional| optional.set([NEW; LEN]));
}

fn replacer(state: &'static State<Optional>, part: &Part) {
    changes(state, part, Some(NEW), |optional| {
        std::hint::black_box(optional.replace([NEW; LEN]));
    });
}

fn taker(state: &'static State<Optional>, part: &Part) {
    changes(state, part, None, |optional| {
        std::hint::black_box(optional.take());
    });
}

/// The scenarios, and what each must have met.
pub(crate) fn scenarios() -> Vec<(&'static [&'static str], Scenario<State<Optional>>)> {
    let sleeping = scenario_with_a_sleeper("option/setter+sleeping", none, setter_before_sleepers);
    vec![
        (&["Ok", "OwnerDied", "None", "New"], scenario("option/setter", none, setter)),
        (&["Ok", "OwnerDied", "None", "New"], sleeping),
        (&["Ok", "OwnerDied", "None", "Old", "New"], scenario("option/replacer", some, replacer)),
        (&["Ok", "OwnerDied", "None", "Old"], scenario("option/taker", some, taker)),
    ]
}
