//! What must be equal between a run in which workers die and one in which nobody does.

use super::report::{Chaos, Report};

/// Everything that is wrong with `chaos`; nothing, if it went as it should.
pub(super) fn compare(calm: &Report, chaos: &Chaos) -> Vec<String> {
    let mut wrong = Vec::new();
    let text = |report: &Report| (report.files, report.bytes);
    if text(calm) != text(&chaos.report) {
        wrong.push(format!(
            "files and bytes differ: {:?} calm, {:?} with deaths",
            text(calm),
            text(&chaos.report)
        ));
    }
    for (expected, got) in calm.words.iter().zip(&chaos.report.words) {
        if expected != got {
            wrong.push(format!("counts differ: {expected:?} calm, {got:?} with deaths"));
        }
    }
    if chaos.kills == 0 {
        wrong.push("nobody was killed: this run shows nothing".to_string());
    }
    if chaos.recoveries == 0 {
        wrong.push("nobody was killed in an update of the live totals: this run shows nothing".to_string());
    }
    let (before, after) = chaos.descriptors;
    if before != after {
        wrong.push(format!("{before} descriptors were open before, {after} after"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stress::pool::report::tests::sample;

    fn complaints(change: impl FnOnce(&mut Chaos)) -> Vec<String> {
        let mut chaos = Chaos::parse(&sample()).unwrap();
        let calm = chaos.report.clone();
        change(&mut chaos);
        compare(&calm, &chaos)
    }

    #[test]
    fn equal_counts_and_a_kill_pass() {
        assert!(complaints(|chaos| chaos.report.time *= 9).is_empty());
    }

    #[test]
    fn a_lost_or_doubled_word_is_caught() {
        assert_eq!(complaints(|chaos| chaos.report.words[7].0 -= 1).len(), 1);
        assert_eq!(complaints(|chaos| chaos.report.words.swap(0, 1)).len(), 2);
    }

    #[test]
    fn a_lost_file_is_caught() {
        assert_eq!(complaints(|chaos| chaos.report.files -= 1).len(), 1);
        assert_eq!(complaints(|chaos| chaos.report.bytes += 1).len(), 1);
    }

    #[test]
    fn a_run_without_kills_is_no_proof() {
        assert!(complaints(|chaos| chaos.kills = 0)[0].contains("shows nothing"));
        assert!(complaints(|chaos| chaos.recoveries = 0)[0].contains("shows nothing"));
    }

    #[test]
    fn a_leaked_descriptor_is_caught() {
        assert!(complaints(|chaos| chaos.descriptors.1 += 1)[0].contains("9 descriptors"));
    }
}
