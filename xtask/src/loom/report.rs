//! What a test of the model checker has said: its orders counted, the planted bugs it caught, its failure.

use std::fmt;
use std::path::Path;

/// One test that has run.
#[derive(Debug, Default)]
pub(super) struct Finding {
    name: String,
    seconds: f64,
    /// How many orders were tried, for a model.
    executions: Option<u64>,
    bound: usize,
    caught: Vec<Caught>,
    failure: Option<String>,
}

/// A planted bug that was caught.
#[derive(Debug)]
struct Caught {
    bug: String,
    model: String,
    kind: String,
    seconds: String,
}

/// Reads what the test `name` has printed. `ended` is why it did not succeed.
pub(super) fn read(name: &str, text: &str, ended: Result<(), String>, bound: usize, seconds: f64) -> Finding {
    let mut finding = Finding { name: name.to_string(), seconds, bound, ..Finding::default() };
    finding.failure = ended.err().map(|error| panics(text).unwrap_or(error));
    for line in text.lines().filter_map(|line| line.strip_prefix("loom: ")) {
        let understood = finding.take_in(line);
        if !understood && finding.failure.is_none() {
            finding.failure = Some(format!("it said what is not understood: {line}"));
        }
    }
    finding
}

/// The first panic's message: those after it come of unwinding.
fn panics(text: &str) -> Option<String> {
    let (_, after) = text.split_once(" panicked at ")?;
    let message = after.lines().skip(1).take_while(|line| !line.is_empty() && !line.starts_with("note: "));
    let message = message.collect::<Vec<_>>().join("\n  ");
    if message.is_empty() { None } else { Some(message) }
}

impl Finding {
    /// `executions=N bound=N`, or `bug=NAME model=NAME seconds=N caught=KIND`.
    fn take_in(&mut self, line: &str) -> bool {
        let (facts, kind) = match line.split_once(" caught=") {
            Some((facts, kind)) => (facts, Some(kind)),
            None => (line, None),
        };
        let fact = |key: &str| {
            facts.split(' ').find_map(|fact| fact.strip_prefix(key)?.strip_prefix('=')).map(str::to_string)
        };
        match (kind, fact("bug"), fact("executions")) {
            (Some(kind), Some(bug), None) => {
                let (Some(model), Some(seconds)) = (fact("model"), fact("seconds")) else { return false };
                self.caught.push(Caught { bug, model, kind: kind.to_string(), seconds });
                true
            }
            (None, None, Some(executions)) => {
                self.executions = executions.parse().ok().filter(|count| *count > 0);
                self.executions.is_some() && fact("bound") == Some(self.bound.to_string())
            }
            _ => false,
        }
    }

    /// Adds to a failure where all of the output is.
    pub(super) fn with_log(mut self, log: &Path) -> Self {
        self.failure = self.failure.map(|failure| format!("{failure}\n  all of it: {}", log.display()));
        self
    }
}

/// Lines for people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.rsplitn(3, "::").collect::<Vec<_>>();
        let name = name.iter().take(2).rev().copied().collect::<Vec<_>>().join("::");
        for Caught { bug, model, kind, seconds } in &self.caught {
            writeln!(f, "planted {bug:<18} caught as {kind} by {model}, {seconds} s")?;
        }
        let orders = match self.executions {
            Some(count) => format!("{count:>9} executions, bound {}", self.bound),
            None => String::new(),
        };
        let result = if self.failure.is_none() { "ok" } else { "FAILED" };
        writeln!(f, "{name:<56} {orders:<30} {:>7.1} s  {result}", self.seconds)?;
        self.failure.iter().try_for_each(|failure| writeln!(f, "  {failure}"))
    }
}

/// All findings together.
#[derive(Debug, Default)]
pub(super) struct Sum {
    models: u64,
    executions: u64,
    caught: usize,
    failed: Vec<String>,
}

impl Sum {
    pub(super) fn add(&mut self, finding: &Finding) {
        self.models += u64::from(finding.executions.is_some());
        self.executions += finding.executions.unwrap_or(0);
        self.caught += finding.caught.len();
        if finding.failure.is_some() {
            self.failed.push(finding.name.clone());
        }
    }

    /// An error unless models ran, nothing failed, and, if all were run, planted bugs were caught.
    pub(super) fn verdict(&self, all: bool) -> Result<(), String> {
        if !self.failed.is_empty() {
            return Err(format!("loom: failed: {}", self.failed.join(", ")));
        }
        match (self.models, self.caught) {
            (0, _) => Err("loom: no model ran".to_string()),
            (_, 0) if all => {
                Err("loom: no planted bug was caught, so nothing shows that a model can fail".to_string())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { models, executions, caught, failed } = self;
        write!(f, "loom: {models} models, {executions} executions, {caught} planted bugs caught, ")?;
        write!(f, "{} failed", failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "\nrunning 1 test\ntest a ... \nloom: executions=12 bound=2\nok\n";
    const BUG: &str = "loom: bug=KeptRole model=loom_a::b seconds=0.10 caught=claim \"two threads drive\"\n";

    fn sum(findings: &[Finding]) -> Sum {
        let mut sum = Sum::default();
        findings.iter().for_each(|finding| sum.add(finding));
        sum
    }

    #[test]
    fn models_and_planted_bugs_are_counted() {
        let model = read("pool::tests::loom_a::b", MODEL, Ok(()), 2, 0.5);
        let planted = read("pool::tests::loom_planted::all", BUG, Ok(()), 2, 0.5);
        assert!(model.to_string().starts_with("loom_a::b "), "{model}");
        assert!(planted.to_string().contains("KeptRole           caught as claim \"two"), "{planted}");
        let sum = sum(&[model, planted]);
        assert_eq!((sum.models, sum.executions, sum.caught), (1, 12, 1));
        assert_eq!(sum.verdict(true), Ok(()));
    }

    #[test]
    fn a_failure_is_told_by_its_first_panic() {
        let text = "thread 'a' (1) panicked at a.rs:1:2:\ndeadlock; threads = []\nnote: run with\n\nthread 'a' (1) panicked at b.rs:3:4:\nabort\n";
        let failed = read("loom_a::b", text, Err("signal 6".to_string()), 2, 0.5);
        assert_eq!(failed.failure.as_deref(), Some("deadlock; threads = []"));
        assert!(failed.to_string().contains("FAILED\n  deadlock"), "{failed}");
        assert!(sum(&[failed]).verdict(true).is_err());
    }

    #[test]
    fn a_failure_without_a_panic_keeps_its_status() {
        let killed = read("loom_a::b", "", Err("`a` did not end within 3 s".to_string()), 2, 0.5);
        assert!(killed.failure.is_some_and(|failure| failure.contains("did not end")));
    }

    #[test]
    fn nothing_run_is_an_error() {
        assert!(sum(&[]).verdict(true).unwrap_err().contains("no model ran"));
        let model = read("loom_a::b", MODEL, Ok(()), 2, 0.5);
        assert!(sum(&[model]).verdict(true).unwrap_err().contains("no planted bug"));
    }

    #[test]
    fn another_bound_or_no_execution_is_a_failure() {
        assert!(read("loom_a::b", MODEL, Ok(()), 3, 0.5).failure.is_some());
        let none = "loom: executions=0 bound=2\n";
        assert!(read("loom_a::b", none, Ok(()), 2, 0.5).failure.is_some());
        assert!(read("loom_a::b", "loom: bug=Kept caught=deadlock\n", Ok(()), 2, 0.5).failure.is_some());
    }
}
