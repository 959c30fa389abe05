//! What a fault program has said: kill points, addresses, outcomes, failures; and all of it summed up.

use std::fmt;
use std::path::Path;

use super::planted::Planted;

/// How many of a scenario's failures are shown; the log has them all.
const SHOWN: usize = 5;

/// One scenario that has run.
#[derive(Debug, Default)]
pub(super) struct Finding {
    name: String,
    points: u64,
    addresses: u64,
    seconds: f64,
    /// `NAME:COUNT,…`, as the program said it.
    outcomes: String,
    hits: String,
    /// Other facts, as the program said them.
    facts: Vec<String>,
    failures: Vec<String>,
    /// The planted bug that it was to find.
    planted: Option<&'static str>,
}

/// Reads what the scenario has printed, which is called `name` for people. `ended` is why its process did not succeed.
pub(super) fn read(name: &str, scenario: &str, text: &str, ended: Result<(), String>) -> Finding {
    let mut finding = Finding { name: name.to_string(), ..Finding::default() };
    let mut told = false;
    for line in text.lines().filter_map(|line| line.strip_prefix("fault: ")) {
        if let Some(failure) = line.strip_prefix("FAILED ") {
            finding.failures.push(failure.to_string());
        } else if let Some(facts) =
            line.strip_prefix("scenario=").and_then(|line| line.strip_prefix(scenario))
        {
            facts.split_whitespace().for_each(|fact| finding.take_in(fact));
            told = true;
        }
    }
    // A failure that it has told is the reason for how it ended.
    if finding.failures.is_empty() {
        let silent = (!told).then(|| "it ended without a word".to_string());
        let idle = (finding.points == 0).then(|| "no kill point".to_string());
        finding.failures.extend(ended.err().or(silent).or(idle));
    }
    finding
}

/// Reads what the scenario that is to find a planted bug has printed: without the right failure, it has failed.
pub(super) fn read_planted(planted: &Planted, text: &str) -> Finding {
    let mut finding = read(planted.scenario, planted.scenario, text, Ok(()));
    finding.planted = Some(planted.bug);
    let caught = finding.failures.iter().any(|failure| failure.contains(planted.says));
    finding.failures = if caught {
        finding.facts.push(format!("caught: `{}`", planted.says));
        Vec::new()
    } else {
        let Planted { bug, says, .. } = planted;
        vec![format!(
            "`{bug}` was planted, and the first point that failed, if one did, does not say `{says}`"
        )]
    };
    finding
}

impl Finding {
    fn take_in(&mut self, fact: &str) {
        let number = |text: &str| text.parse().unwrap_or(0);
        match fact.split_once('=') {
            Some(("points", count)) => self.points = number(count),
            Some(("addresses", count)) => self.addresses = number(count),
            Some(("seconds", seconds)) => self.seconds = seconds.parse().unwrap_or(0.0),
            Some(("outcomes", outcomes)) => self.outcomes = outcomes.to_string(),
            Some(("hits", hits)) => self.hits = hits.to_string(),
            // Stepped are points that the victim came to another way: counted among the points.
            Some(("steps" | "failed" | "sleeps" | "stepped", _)) | Some((_, "0")) | None => {}
            Some(_) => self.facts.push(fact.to_string()),
        }
    }

    /// Adds to failures where all of the output is.
    pub(super) fn with_log(mut self, log: &Path) -> Self {
        if !self.failures.is_empty() {
            let more = self.failures.len().saturating_sub(SHOWN);
            self.failures.truncate(SHOWN);
            let more = if more > 0 { format!("{more} more; ") } else { String::new() };
            self.failures.push(format!("{more}all of it: {}", log.display()));
        }
        self
    }
}

/// Lines for people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, points, addresses, seconds, .. } = self;
        let name = self.planted.map_or_else(|| name.clone(), |bug| format!("planted {bug}: {name}"));
        let result = if self.failures.is_empty() { "ok" } else { "FAILED" };
        write!(f, "{name:<44} {points:>5} kill points, {addresses:>4} addresses {seconds:>6.1} s  {result}")?;
        let said = |title: &str, list: &str| match list {
            "" | "-" => String::new(),
            list => format!("  {title} {}", list.replace(',', " ")),
        };
        write!(f, "{}{}", said("outcomes", &self.outcomes), said("hits", &self.hits))?;
        self.facts.iter().try_for_each(|fact| write!(f, "  {fact}"))?;
        writeln!(f)?;
        self.failures.iter().try_for_each(|failure| writeln!(f, "  {failure}"))
    }
}

/// All findings together.
#[derive(Debug, Default)]
pub(super) struct Sum {
    scenarios: usize,
    points: u64,
    caught: usize,
    failed: Vec<String>,
}

impl Sum {
    pub(super) fn add(&mut self, finding: &Finding) {
        let passed = finding.failures.is_empty();
        match finding.planted {
            None => {
                self.scenarios += 1;
                self.points += finding.points;
            }
            Some(_) => self.caught += usize::from(passed),
        }
        if !passed {
            self.failed.push(finding.name.clone());
        }
    }

    /// An error unless scenarios ran, nothing failed, and at least `planted` bugs were caught.
    pub(super) fn verdict(&self, planted: usize) -> Result<(), String> {
        if !self.failed.is_empty() {
            return Err(format!("fault: failed: {}", self.failed.join(", ")));
        }
        match (self.scenarios, self.caught) {
            (0, _) => Err("fault: no scenario ran".to_string()),
            (_, caught) if caught < planted => Err(format!(
                "fault: {caught} planted bugs of {planted} were caught, and nothing else shows that a scenario can fail"
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenarios, points, caught, failed } = self;
        write!(f, "fault: {scenarios} scenarios, {points} kill points, {caught} planted bugs caught, ")?;
        write!(f, "{} failed", failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::planted::PLANTED;

    const LINE: &str = "fault: scenario=owner/alone points=12 addresses=11 steps=12 sleeps=1 missed=0 \
                        outcomes=Ok:3,OwnerDied:4 hits=wake:1 failed=0 seconds=0.5\n";
    const FAILURE: &str =
        "fault: FAILED owner/sleeping+barging: killed after 7 steps, at x+0x1: peer asleep for good\n";

    #[test]
    fn counts_are_read_and_shown() {
        let finding = read("owner/alone", "owner/alone", LINE, Ok(()));
        assert_eq!((finding.points, finding.addresses), (12, 11));
        let shown = finding.to_string();
        assert!(
            shown.contains("outcomes Ok:3 OwnerDied:4  hits wake:1") && shown.contains(" ok "),
            "{shown}"
        );
        let mut sum = Sum::default();
        sum.add(&finding);
        assert!(sum.verdict(1).is_err(), "nothing shows that it can fail");
        assert_eq!(sum.verdict(0), Ok(()));
    }

    #[test]
    fn failures_silence_and_no_points_fail() {
        let killed = Err("`x` failed: signal 9".to_string());
        for (text, ended) in
            [("", Ok(())), ("", killed), (&LINE.replace("=12", "=0"), Ok(())), (FAILURE, Ok(()))]
        {
            let finding = read("owner/alone", "owner/alone", text, ended);
            assert_eq!(finding.failures.len(), 1, "{text:?}");
            let mut sum = Sum::default();
            sum.add(&finding);
            assert!(sum.verdict(0).is_err());
        }
    }

    #[test]
    fn a_planted_bug_must_fail_in_its_own_way() {
        let caught = read_planted(&PLANTED[0], FAILURE);
        assert!(
            caught.failures.is_empty() && caught.to_string().contains("caught: `asleep for good`"),
            "{caught}"
        );
        for text in ["", LINE, &FAILURE.replace("asleep for good", "torn")] {
            assert_eq!(read_planted(&PLANTED[0], text).failures.len(), 1, "{text:?}");
        }
    }
}
