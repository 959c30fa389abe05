//! The other side: an interpreter that runs one act of `peer.py`, and talks by lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

use multiproc_shm::SharedMemory;
use multiproc_testkit::{LIMIT, Signal, holds_within, is_running, kill};

use crate::check::{Failure, Judged, Lie, holds};
use crate::leavings;

/// An interpreter, and whether it lies.
pub(crate) struct Python {
    program: String,
    lie: Option<Lie>,
}

impl Python {
    pub(crate) fn new(program: &str, lie: Option<Lie>) -> Self {
        Self { program: program.to_owned(), lie }
    }

    /// Begins an act.
    pub(crate) fn act(&self, act: &str, arguments: &[&str]) -> Result<Peer, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/peer.py");
        let mut command = self.command();
        command.arg(script).arg(act).args(arguments);
        command.env_remove("PEER_LIES");
        if let Some(lie) = self.lie {
            command.env("PEER_LIES", lie.word());
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let to = child.stdin.take();
        Ok(Peer { act: act.to_owned(), child, to, from })
    }

    /// Without anything of the user's own set-up, and without files beside the sources.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PYTHON") {
                command.env_remove(name);
            }
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
        command
    }

    /// Whether it is of this version of Python 3 or a later one.
    pub(crate) fn is_since(&self, minor: u32) -> Result<bool, Failure> {
        let asked = self.command().args(["-c", "import sys; print(sys.version_info[1])"]).output()?;
        let found = String::from_utf8(asked.stdout)?;
        Ok(found.trim().parse::<u32>()? >= minor)
    }
}

/// A process of the other side's.
pub(crate) struct Peer {
    act: String,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// The next line that it says.
    pub(crate) fn hear(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(line) => {
                leavings::note(line);
                Ok(line.to_owned())
            }
            None => {
                let complaints = self.complaints();
                Err(Failure::Broken(format!("{} has ended early: {complaints}", self.act)))
            }
        }
    }

    /// The words of the next line.
    pub(crate) fn hear_words(&mut self) -> Result<Vec<String>, Failure> {
        Ok(self.hear()?.split(' ').map(str::to_owned).collect())
    }

    /// The next line as a number.
    pub(crate) fn hear_number<T: FromStr<Err: std::error::Error>>(&mut self) -> Result<T, Failure> {
        Ok(self.hear()?.parse()?)
    }

    /// The segment of which the next line is the name.
    pub(crate) fn hear_segment(&mut self) -> Result<SharedMemory, Failure> {
        Ok(SharedMemory::open(&self.hear()?)?)
    }

    pub(crate) fn say(&mut self, line: &str) -> Judged {
        let to = self.to.as_mut().expect("it is closed at the end only");
        to.write_all(line.as_bytes())?;
        Ok(to.write_all(b"\n")?)
    }

    /// Kills it in the middle of what it does, and waits until its tracker has ended too; gives what was complained of.
    pub(crate) fn kill(mut self) -> Result<String, Failure> {
        kill(self.child.id(), Signal::SIGKILL)?;
        self.child.wait()?;
        Ok(self.complaints())
    }

    /// Waits for its end, and for that of its tracker, which holds the same standard error; gives what was complained of.
    pub(crate) fn end(mut self) -> Result<String, Failure> {
        drop(self.to.take());
        let status = self.child.wait()?;
        let complaints = self.complaints();
        if status.success() {
            Ok(complaints)
        } else {
            Err(Failure::Broken(format!("{} ended with {status}: {complaints}", self.act)))
        }
    }

    /// Its standard error up to the end, which comes once all that have it have ended.
    fn complaints(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_end(&mut bytes); // as much as there is
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Peer {
    /// Where a check has failed: it reads that the other side has gone, tidies up and ends.
    fn drop(&mut self) {
        drop(self.to.take());
        // It may be in the middle of a line that is longer than the pipe.
        let _ = std::io::copy(&mut self.from, &mut std::io::sink());
        let _ = self.child.wait(); // its alarm ends one that hangs
        self.complaints();
    }
}

/// Waits until the process has ended: a tracker that may have to unlink names yet.
pub(crate) fn gone(pid: u32) -> Judged {
    holds("the tracker ends with its tree", holds_within(LIMIT, || !is_running(pid)))
}
