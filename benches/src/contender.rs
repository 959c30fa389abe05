//! One contender in a process of its own: it confines itself to its processor before it starts anything, then does a
//! round for every line it gets.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{self, Pid};

use crate::Result;
use crate::placement::{self, Placement};
use crate::protocol::{Answer, ROUND};
use crate::registry::{self, Contender};
use crate::session::{Setting, Start};

/// Which contender this process is.
#[derive(Debug)]
pub(crate) struct Part {
    contender: &'static Contender,
    setting: Setting,
}

impl Part {
    /// `name` is `BENCH/CONTENDER`.
    pub(crate) fn named(name: &str, placement: Placement, quick: bool) -> Result<Self> {
        let (_, contender) = registry::find(name)
            .ok_or_else(|| format!("no contender is called {name}; write BENCH/CONTENDER"))?;
        Ok(Self { contender, setting: Setting::new(placement, quick)? })
    }
}

pub(crate) fn run(part: &Part) -> ExitCode {
    let served = Answers::take_stdout().and_then(|mut answers| {
        serve(part, &mut answers).or_else(|error| answers.give(&Answer::Failed(error.to_string())))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: a contender cannot answer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(part: &Part, answers: &mut Answers) -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if let Some(cpu) = part.setting.near() {
        placement::pin(Pid::this(), cpu)?;
    }
    let mut session = match (part.contender.start)(&part.setting)? {
        Start::Here(session) => session,
        Start::Program(program) => return answers.exec(program),
    };
    session.batch()?;
    answers.give(&Answer::Ready)?;
    for line in io::stdin().lock().lines() {
        if line? == ROUND {
            answers.give(&Answer::Sample(session.round(part.setting.round)?))?;
        }
    }
    Ok(())
}

/// Where answers go: what was standard output, which no worker inherits. Standard output leads to the error output
/// meanwhile, so that nothing a worker prints is taken for an answer.
struct Answers {
    output: File,
}

impl Answers {
    fn take_stdout() -> Result<Self> {
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        unistd::dup2_stdout(io::stderr())?;
        Ok(Self { output })
    }

    fn give(&mut self, answer: &Answer) -> Result<()> {
        Ok(writeln!(self.output, "{}", answer.line())?)
    }

    /// Has a program go on in this process; comes back only if that fails.
    fn exec(&self, mut program: Command) -> Result<()> {
        unistd::dup2_stdout(&self.output)?;
        let error = program.exec();
        Err(format!("cannot run {}: {error}", program.get_program().display()).into())
    }
}
