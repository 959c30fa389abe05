//! One run of the locks' stress program, and what it reports.

use std::time::Duration;

use super::super::program;
use super::report::{Progress, Report};
use std::path::Path;

const PACKAGE: &str = "multiproc-sync";
const TEST: &str = "stress";

/// How much longer a run may take than it was asked to: it ends with a calm, in which nobody may have to wait for long.
const GRACE: Duration = Duration::from_secs(90);

/// The built program.
#[derive(Debug)]
pub(super) struct Program(program::Program);

impl Program {
    /// Builds it in release.
    pub(super) fn build() -> Result<Self, String> {
        program::Program::build(PACKAGE, TEST).map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs it for `time`, with a bug planted if one is named. What it finds is no error here.
    pub(super) fn run(&self, time: Duration, seed: u64, bug: Option<&str>) -> Result<Report, String> {
        let mut arguments = vec![time.as_secs_f64().to_string(), seed.to_string()];
        arguments.extend(bug.into_iter().flat_map(|bug| ["--planted".to_string(), bug.to_string()]));
        let progress = |line: &str| {
            let Progress { seconds, kills } = Progress::read(line)?;
            Some(format!("{seconds:.0} of {} s, {kills} kills", time.as_secs()))
        };
        let run = self.0.lines(&arguments, time + GRACE, bug.is_some(), progress);
        let run = run.map_err(|error| format!("the stress of {PACKAGE}, seed {seed}: {error}"))?;
        let report = Report::parse(run.lines.iter().map(String::as_str))?;
        let stalls: u64 = report.primitives.iter().map(|primitive| primitive.stalls).sum();
        let right = report.failure.is_none() && stalls == 0;
        match run.code {
            Some(0) if right => Ok(report),
            Some(1) if !right => Ok(report),
            code => Err(format!(
                "the stress of {PACKAGE}, seed {seed}, ended with {code:?}:\n{}",
                run.lines.join("\n")
            )),
        }
    }
}
