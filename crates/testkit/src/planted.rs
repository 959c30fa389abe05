//! Bugs that are planted in the model checker's models, which must find them, each in the way that was foretold.

use std::fmt;
use std::process::Command;
use std::time::Instant;

/// How a model fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every thread waits for another.
    Deadlock,
    /// A thread goes on for ever without waiting.
    Spin,
    /// Two threads reach the same data with no order between them.
    Race,
    /// A claim of the model does not hold.
    Claim(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock => f.write_str("deadlock"),
            Self::Spin => f.write_str("spin"),
            Self::Race => f.write_str("race"),
            Self::Claim(claim) => write!(f, "claim \"{claim}\""),
        }
    }
}

impl Kind {
    /// Whether the first panic's message is that of such a failure.
    fn is_told_by(&self, message: &str) -> bool {
        match self {
            Self::Deadlock => message.starts_with("deadlock; threads = "),
            Self::Spin => message.starts_with("Model exceeded maximum number of branches"),
            Self::Race => message.starts_with("Causality violation: "),
            Self::Claim(claim) => message.contains(claim),
        }
    }
}

/// A bug, the model that finds it, by module and test, and how that fails.
pub type Row<B> = (B, &'static str, Kind);

/// Which model finds which bug, and how it fails.
#[derive(Debug)]
pub struct Foretold<B: 'static> {
    /// `module_path!()` of the caller, a module `loom_planted` beside those of the models.
    pub module: &'static str,
    /// The environment's variable that names the bug to a model's process.
    pub variable: &'static str,
    /// The table.
    pub rows: &'static [Row<B>],
    /// Bugs that take more preemptions in one order than 2, how many, and the step of the death that shows them.
    pub deeper: &'static [(B, usize, usize)],
}

/// The longest search for one bug, in seconds; then it has escaped.
const LONGEST: &str = "120";

/// Preemptions that are enough to find the other bugs, also in a deeper search.
const BOUND: usize = 2;

impl<B: fmt::Debug + PartialEq> Foretold<B> {
    /// Runs each row's model with its bug, in a process of its own, since a model that deadlocks aborts.
    ///
    /// # Panics
    ///
    /// If a model fails otherwise than foretold, or not at all.
    pub fn assert_caught(&self) {
        println!();
        let escaped: Vec<String> = self.rows.iter().filter_map(|row| self.catch(row).err()).collect();
        assert!(escaped.is_empty(), "{}", escaped.join("\n"));
    }

    /// # Panics
    ///
    /// If one of `all` bugs is in no row.
    pub fn assert_all_planted(&self, all: &[B]) {
        for bug in all {
            assert!(self.rows.iter().any(|(planted, ..)| planted == bug), "{bug:?} is planted nowhere");
        }
    }

    /// # Panics
    ///
    /// If a model is in no row, or there is none.
    pub fn assert_every_model_planted(&self) {
        let list = harness(&["--list"]).output().expect("this test program can be run");
        let list = String::from_utf8_lossy(&list.stdout);
        let tests = list.lines().filter_map(|line| line.strip_suffix(": test")?.strip_prefix(self.models()));
        let of_models: Vec<_> = tests.filter(|test| !test.starts_with("loom_planted::")).collect();
        assert!(!of_models.is_empty(), "{list}");
        for model in of_models {
            let planted = self.rows.iter().any(|(_, planted, _)| *planted == model);
            assert!(planted, "no bug is planted in {model}");
        }
    }

    /// Where the models are, as the test harness writes it.
    fn models(&self) -> &'static str {
        let (_, here) = self.module.split_once("::").expect("a module in a crate");
        here.trim_end_matches("loom_planted")
    }

    fn catch(&self, (bug, model, kind): &Row<B>) -> Result<(), String> {
        let test = format!("{}{model}", self.models());
        let mut child = harness(&["--exact", &test, "--nocapture", "--test-threads=1"]);
        child.env(self.variable, format!("{bug:?}"));
        let deeper = self.deeper.iter().find(|(deep, ..)| deep == bug);
        let bound = deeper.map_or(BOUND, |(_, bound, _)| *bound);
        if let Some((.., death)) = deeper {
            child.env("MULTIPROC_FIRST_DEATH", death.to_string());
        }
        child.env("LOOM_MAX_DURATION", LONGEST).env("LOOM_MAX_PREEMPTIONS", bound.to_string());
        let start = Instant::now();
        let output = child.output().expect("this test program can be run");
        let seconds = start.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&output.stderr);
        // The first panic is the finding; those after it come of unwinding.
        let message = text.split_once(" panicked at ").and_then(|(_, after)| after.lines().nth(1));
        let found = if output.status.success() { "nothing" } else { message.unwrap_or(&text) };
        if !kind.is_told_by(found) {
            return Err(format!("{bug:?} in {model}: expected {kind}, found {found}"));
        }
        let within = if bound == BOUND { String::new() } else { format!(", bound {bound}") };
        println!("loom: bug={bug:?} model={model} seconds={seconds:.2} caught={kind}{within}");
        Ok(())
    }
}

fn harness(arguments: &[&str]) -> Command {
    let program = std::env::current_exe().expect("the path of this test program");
    let mut command = Command::new(program);
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}
