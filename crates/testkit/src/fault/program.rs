//! The `main` of a fault program: lists and runs its scenarios, a line for each.

use std::process::ExitCode;
use std::time::Instant;

use super::point::Share;
use super::{Label, Scenario};

/// Runs a share of one entry of the program, up to so many failures; gives its line and how many it had.
type Run = Box<dyn Fn(&[Label], Share, usize) -> (String, usize)>;

/// Has a scenario end with its first failure.
const FIRST_FAILURE: &str = "--first-failure";

/// Before `NUMBER/OF`: which share of the kill points is to be played.
const SHARE: &str = "--share=";

/// Has a long scenario be killed at what matters only.
const QUICK: &str = "--quick";

/// A fault program: its scenarios by name.
///
/// Run with `--list` it prints their names, with names it runs those, with none it runs all; with `--first-failure` each ends with the
/// first one, with `--quick` a scenario of more than 1500 steps is killed where it stores to shared memory or enters the kernel only, with `--share=1/3` it plays a third of its kill points, and other processes the others. Each prints
/// `fault: scenario=NAME …` at its end, and `fault: FAILED …` for each point that failed.
#[derive(Default)]
pub struct Program {
    labels: Vec<Label>,
    entries: Vec<(String, Run)>,
}

impl Program {
    /// A program whose kill points at `labels` are counted.
    #[must_use]
    pub fn new(labels: &[Label]) -> Self {
        Self { labels: labels.to_vec(), entries: Vec::new() }
    }

    /// Adds a scenario.
    #[must_use]
    pub fn scenario<T: 'static>(self, scenario: Scenario<T>) -> Self {
        self.counting(&[], scenario)
    }

    /// Adds a scenario of which each of these outcomes must have been counted at some kill point: else it has not shown what it was
    /// made for. Of a share of the kill points that is not asked.
    #[must_use]
    pub fn counting<T: 'static>(mut self, must: &'static [&'static str], scenario: Scenario<T>) -> Self {
        let name = scenario.name.clone();
        let run = move |labels: &[Label], share, failures| {
            let mut summary = scenario.run_share(share, failures, labels, tell);
            if share.of == Share::ALL.of && summary.failures.len() < failures {
                for outcome in never(must, &summary.outcomes) {
                    let failure = format!("{}: at no kill point `{outcome}` was met", scenario.name);
                    tell(&failure);
                    summary.failures.push(failure);
                }
            }
            (summary.to_string(), summary.failures.len())
        };
        self.entries.push((name, Box::new(run)));
        self
    }

    /// Adds a check that is no scenario. It gives facts as `key=value …`, or why it failed.
    #[must_use]
    pub fn check(mut self, name: &str, check: fn() -> Result<String, String>) -> Self {
        let own = name.to_string();
        let run = move |_: &[Label], _, _| {
            let begin = Instant::now();
            let (facts, failed) = match check() {
                Ok(facts) => (facts, 0),
                Err(failure) => {
                    tell(&format!("{own}: {failure}"));
                    ("points=0".to_string(), 1)
                }
            };
            (format!("{facts} failed={failed} seconds={:.1}", begin.elapsed().as_secs_f64()), failed)
        };
        self.entries.push((name.to_string(), Box::new(run)));
        self
    }

    /// Does what the arguments ask for; 2 stands for a name that is not there.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let mut arguments: Vec<String> = std::env::args().skip(1).collect();
        if arguments.iter().any(|argument| argument == "--list") {
            self.entries.iter().for_each(|(name, _)| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        let most = if arguments.iter().any(|argument| argument == FIRST_FAILURE) { 1 } else { usize::MAX };
        arguments.retain(|argument| argument != FIRST_FAILURE);
        let shares: Option<Vec<Share>> =
            arguments.iter().filter_map(|argument| argument.strip_prefix(SHARE)).map(Share::parse).collect();
        let quick = arguments.iter().any(|argument| argument == QUICK);
        arguments.retain(|argument| argument != QUICK);
        let share = match shares.as_deref() {
            Some([]) => Share { quick, ..Share::ALL },
            Some([share]) => Share { quick, ..*share },
            _ => {
                eprintln!("a share is `{SHARE}NUMBER/OF`, once, as `{SHARE}1/3`");
                return ExitCode::from(2);
            }
        };
        arguments.retain(|argument| !argument.starts_with(SHARE));
        let mut failures = 0;
        for wanted in &arguments {
            if !self.entries.iter().any(|(name, _)| name == wanted) {
                eprintln!("there is no scenario `{wanted}`; --list names them");
                return ExitCode::from(2);
            }
        }
        for (name, run) in &self.entries {
            if arguments.is_empty() || arguments.contains(name) {
                let (line, failed) = run(&self.labels, share, most);
                println!("fault: scenario={name} {line}");
                failures += failed;
            }
        }
        ExitCode::from(u8::from(failures > 0))
    }
}

/// Which of `must` were counted nowhere.
fn never<'m>(must: &'m [&'m str], counted: &[(&str, u32)]) -> impl Iterator<Item = &'m str> {
    must.iter().copied().filter(|name| !counted.iter().any(|(other, count)| other == name && *count > 0))
}

/// Prints a failure on one line.
fn tell(failure: &str) {
    println!("fault: FAILED {}", failure.replace('\n', " "));
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.entries.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_was_never_counted_or_is_none_is_missed() {
        let counted = [("Old", 3), ("New", 0)];
        assert_eq!(never(&["Old"], &counted).count(), 0);
        assert_eq!(never(&["Old", "New", "Torn"], &counted).collect::<Vec<_>>(), ["New", "Torn"]);
    }
}
