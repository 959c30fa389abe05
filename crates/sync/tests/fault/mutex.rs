//! The scenarios of the mutex: victim by company.

use std::time::Duration;

use multiproc_testkit::fault::{Act, Peer, Scenario, Start};

use super::crowd;
use super::peers::{
    BARGER, DEAD_OWNER, DOOMED_SLEEPER, DYING_OWNER, HOLDER, KEEPER, LATE_SLEEPER, LEAVER, PASSER,
    SECOND_SLEEPER, SLEEPER,
};
use super::shared::{Shared, newcomer, scene};
use super::victims::{
    abandoner, attacher, holding_owner, impatient, owner, owner_of_another, patient, recoverer, woken_by_time,
};

/// Shorter than the heartbeat: what one death costs, nobody waits for that.
const ONE_DEATH: Duration = Duration::from_millis(400);

/// Longer than the heartbeat: several deaths at once may cost one.
const MANY_DEATHS: Duration = Duration::from_millis(1200);

fn scenario(
    name: &str,
    victim: Act<Shared>,
    peers: Vec<Peer<Shared>>,
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes: &["Ok", "OwnerDied"],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers,
        newcomer,
        must_hit: must_hit.to_vec(),
        patience: ONE_DEATH,
    }
}

fn woken(scenario: Scenario<Shared>) -> Scenario<Shared> {
    Scenario { start: Start::Sleep, ..scenario }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let (slow, wake, recover) = ("slow", "wake", "recover");
    vec![
        scenario("owner/alone", owner, vec![], &[]),
        scenario("owner/barging", owner, vec![BARGER], &[]),
        scenario("owner/late sleeping", owner, vec![LATE_SLEEPER], &[]),
        scenario("owner/sleeping", holding_owner, vec![SLEEPER], &[wake]),
        scenario("owner/sleeping+barging", holding_owner, vec![SLEEPER, BARGER], &[wake]),
        scenario("owner of another/sleeping", owner_of_another, vec![SLEEPER], &[wake]),
        scenario("waiter/alone", patient, vec![HOLDER], &[slow, wake]),
        scenario("waiter/sleeping", patient, vec![HOLDER, SECOND_SLEEPER], &[slow, wake]),
        scenario("waiter/barging", patient, vec![HOLDER, BARGER], &[slow, wake]),
        scenario("waiter/out of time", impatient, vec![KEEPER], &[slow]),
        scenario("waiter/out of time+sleeping", impatient, vec![KEEPER, SECOND_SLEEPER], &[slow]),
        woken(scenario("woken/alone", patient, vec![HOLDER], &[wake])),
        woken(scenario("woken/sleeping", patient, vec![HOLDER, SECOND_SLEEPER], &[wake])),
        woken(scenario("woken/barging", patient, vec![HOLDER, BARGER], &[wake])),
        woken(scenario("woken/sleeping+barging", patient, vec![HOLDER, SECOND_SLEEPER, BARGER], &[wake])),
        woken(scenario("woken by time/sleeping", woken_by_time, vec![KEEPER, SECOND_SLEEPER], &[])),
        scenario("recoverer/alone", recoverer, vec![DEAD_OWNER], &[recover]),
        scenario("recoverer/sleeping", recoverer, vec![DEAD_OWNER, LATE_SLEEPER], &[recover]),
        scenario("recoverer/barging", recoverer, vec![DEAD_OWNER, BARGER], &[recover]),
        woken(scenario("heir/alone", recoverer, vec![DYING_OWNER], &[recover])),
        woken(scenario("heir/sleeping", recoverer, vec![DYING_OWNER, SECOND_SLEEPER], &[recover])),
        woken(scenario("heir/barging", recoverer, vec![DYING_OWNER, SECOND_SLEEPER, BARGER], &[recover])),
        scenario("attach/alone", attacher, vec![], &["attach"]),
        scenario("attach/used entry", attacher, vec![PASSER], &["attach"]),
        Scenario {
            prepare: crowd::prepare,
            scene: crowd::scene,
            ..scenario("attach/crowded", attacher, vec![], &["attach"])
        },
        Scenario {
            // The leaver ends before the others have done their laps: then its data pass on.
            outcomes: &["Ok", "OwnerDied", "OwnerLeft"],
            ..woken(scenario("left/sleeping", patient, vec![LEAVER, SECOND_SLEEPER], &[]))
        },
        Scenario {
            outcomes: &["Ok", "OwnerDied", "Abandoned"],
            ..scenario("abandon/sleeping", abandoner, vec![SLEEPER], &[wake])
        },
        Scenario {
            patience: MANY_DEATHS,
            ..scenario(
                "group/sleeping",
                holding_owner,
                vec![DOOMED_SLEEPER, DOOMED_SLEEPER, SLEEPER],
                &[wake],
            )
        },
        Scenario {
            patience: MANY_DEATHS,
            ..woken(scenario(
                "group/woken",
                patient,
                vec![HOLDER, DOOMED_SLEEPER, SECOND_SLEEPER, BARGER],
                &[wake],
            ))
        },
    ]
}
