//! What must not be in a report.

use super::report::Report;

/// After how many kills some recovery at the primitive is certain: several times as many as it takes on a slow machine.
const RECOVERED_AFTER: &[(&str, u64)] = &[
    ("mutex", 400),
    ("rwlock", 10_000),
    ("condvar", 10_000),
    ("reentrant mutex", 10_000),
    ("semaphore", 10_000),
    ("bounded semaphore", 400),
    ("robust semaphore", 2_000),
    ("lock", 400),
    ("event", 10_000),
    ("latch", 150),
    ("barrier", 400),
    ("wait group", 2_000),
    ("once lock", 400),
];

/// Primitives of which each death inside loses at most one permit or event, which is put back before the next calm.
const LOSE_ONE: &[&str] = &["semaphore", "event"];

/// A run may have as many calms with a wait that cannot be judged, and a long one more, up to one of a hundred.
const UNJUDGED: u64 = 3;

/// And must have as many in which all were.
const JUDGED: u64 = 10;

/// Everything that is wrong; nothing, if it went as it should.
pub(super) fn complaints(report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    wrong.extend(report.failure.iter().map(|failure| format!("this does not hold: {failure}")));
    for primitive in &report.primitives {
        let name = &primitive.name;
        if primitive.stalls > 0 {
            wrong.push(format!(
                "{name}: {} did not get on within 1.2 s after a death: {} ms",
                primitive.stalls,
                primitive.worst_us / 1000
            ));
        }
        if primitive.operations == 0 {
            wrong.push(format!("{name}: nobody has used it"));
        }
        if primitive.kills == 0 {
            wrong.push(format!("{name}: nobody was killed inside: this run shows nothing of it"));
        }
        if primitive.recoveries == 0 && is_recovery_certain(name, report.kills.unwrap_or(0)) {
            wrong.push(format!("{name}: nothing was found of the dead, who must have left something"));
        }
        if primitive.recoveries > primitive.kills && LOSE_ONE.contains(&name.as_str()) {
            wrong.push(format!(
                "{name}: {} were lost with {} who were killed inside: some got lost without a death",
                primitive.recoveries, primitive.kills
            ));
        }
    }
    if report.primitives.iter().all(|primitive| primitive.recoveries == 0) {
        wrong.push("nothing had to be mended after a death: this run shows nothing".to_string());
    }
    if report.unjudged_calms > UNJUDGED.max(report.calms / 100) {
        wrong.push(format!(
            "the machine paused in {} of {} calms, so that a stall could hide there: run it on a quiet machine",
            report.unjudged_calms, report.calms
        ));
    }
    let judged = report.calms.saturating_sub(report.unjudged_calms);
    if judged < JUDGED && report.kills.is_some() {
        wrong
            .push(format!("only {judged} calms were judged, and {JUDGED} are the least that show something"));
    }
    if report.kills.is_none() && report.failure.is_none() {
        wrong.push("the report has no sum".to_string());
    }
    wrong
}

fn is_recovery_certain(name: &str, kills: u64) -> bool {
    RECOVERED_AFTER.iter().any(|(primitive, after)| *primitive == name && kills >= *after)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::sample;
    use super::*;

    fn after(change: impl FnOnce(&mut Report)) -> Vec<String> {
        let mut report = Report::parse(sample().lines()).unwrap();
        change(&mut report);
        complaints(&report)
    }

    #[test]
    fn a_run_as_it_should_be_passes() {
        assert_eq!(after(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn a_stall_is_named() {
        let wrong = after(|report| report.primitives[1].stalls = 2);
        assert!(wrong.len() == 1 && wrong[0].contains("bounded semaphore: 2 did not"), "{wrong:?}");
    }

    #[test]
    fn a_machine_that_pauses_too_often_is_no_place_for_it() {
        let unjudged = |calms, unjudged_calms| {
            after(|report| (report.calms, report.unjudged_calms) = (calms, unjudged_calms))
        };
        assert_eq!(unjudged(80, 3), Vec::<String>::new());
        assert!(unjudged(80, 4)[0].contains("quiet machine"));
        assert_eq!(unjudged(2000, 20), Vec::<String>::new());
        assert!(unjudged(2000, 21)[0].contains("21 of 2000 calms"));
    }

    #[test]
    fn a_run_in_which_little_was_judged_is_no_proof() {
        let judged = |calms, unjudged_calms| {
            after(|report| (report.calms, report.unjudged_calms) = (calms, unjudged_calms))
        };
        assert_eq!(judged(13, 3), Vec::<String>::new());
        assert_eq!(judged(12, 3), ["only 9 calms were judged, and 10 are the least that show something"]);
        assert_eq!(judged(0, 0).len(), 1);
    }

    #[test]
    fn nothing_gets_lost_without_a_death() {
        let recovered = |name: &str, recoveries| {
            after(|report| {
                report.primitives[1].name = name.to_string();
                report.primitives[1].recoveries = recoveries;
            })
        };
        for name in LOSE_ONE {
            assert_eq!(recovered(name, 3), Vec::<String>::new());
            assert!(recovered(name, 4)[0].contains("4 were lost with 3 who were killed inside"));
        }
        assert_eq!(recovered("once lock", 4), Vec::<String>::new());
    }

    #[test]
    fn a_long_run_needs_a_recovery_at_each() {
        let never_mended = |kills| {
            after(|report| {
                report.kills = Some(kills);
                report.primitives[0].recoveries = 0;
            })
        };
        assert_eq!(never_mended(399), Vec::<String>::new());
        assert!(never_mended(400)[0].contains("mutex: nothing was found of the dead"));
    }

    #[test]
    fn what_does_not_hold_is_told() {
        let wrong = after(|report| report.failure = Some("torn".to_string()));
        assert!(wrong.len() == 1 && wrong[0].contains("does not hold: torn"), "{wrong:?}");
    }

    #[test]
    fn a_run_that_shows_nothing_is_no_proof() {
        assert_eq!(after(|report| report.primitives[0].kills = 0).len(), 1);
        assert_eq!(after(|report| report.primitives[0].operations = 0).len(), 1);
        assert_eq!(after(|report| report.primitives.iter_mut().for_each(|one| one.recoveries = 0)).len(), 1);
        assert_eq!(after(|report| report.primitives.clear()).len(), 1);
        assert_eq!(after(|report| report.kills = None).len(), 1);
    }
}
