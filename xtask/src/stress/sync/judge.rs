//! What must not be in a report.

use super::report::Report;

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
    }
    if report.primitives.iter().all(|primitive| primitive.recoveries == 0) {
        wrong.push("nothing had to be mended after a death: this run shows nothing".to_string());
    }
    if report.kills.is_none() && report.failure.is_none() {
        wrong.push("the report has no sum".to_string());
    }
    wrong
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
