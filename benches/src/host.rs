//! A contender's process, seen from the one that runs the benches: started, placed, asked for rounds, ended.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;
use crate::args::Options;
use crate::placement::Placement;
use crate::processes::Tree;
use crate::protocol::{Answer, ROUND};
use crate::registry::{Bench, Contender, Unit};
use crate::rounds::Player;
use crate::session::Sample;
use crate::stats::Played;

/// How often a silent contender is looked at: rare, since each look takes a processor from somebody.
const LOOK: Duration = Duration::from_millis(500);

/// How long a contender may take to clean up.
const GRACE: Duration = Duration::from_secs(5);

/// More than this share of a processor, used while others are measured, is reported.
const IDLE_SHARE: f64 = 0.01;

/// A contender's process and, by its process group, all that it starts.
#[derive(Debug)]
pub(crate) struct Host {
    child: Child,
    group: Pid,
    /// Whether every process of the group has been reaped.
    gone: bool,
    requests: Option<ChildStdin>,
    answers: Receiver<Answer>,
    unit: Unit,
    limit: Duration,
    idle: Idle,
}

impl Host {
    /// Starts a contender, and returns when it is ready for its first round.
    pub(crate) fn start(
        bench: &Bench,
        contender: &Contender,
        placement: Placement,
        options: &Options,
    ) -> Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(format!("--contender={}/{}", bench.name, contender.name))
            .arg(format!("--placement={placement}"))
            .args(options.quick.then_some("--quick"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|e| format!("cannot start its process: {e}"))?;
        let answers = child.stdout.take().map(answers).ok_or("it has no output")?;
        let mut host = Self {
            group: Pid::from_raw(child.id() as i32),
            gone: false,
            requests: child.stdin.take(),
            child,
            answers,
            unit: bench.unit,
            limit: options.limit,
            idle: Idle::default(),
        };
        host.ready(placement)?;
        Ok(host)
    }

    fn ready(&mut self, placement: Placement) -> Result<()> {
        match self.answer()? {
            Answer::Ready => {}
            other => return Err(format!("it answered {other:?} at its start").into()),
        }
        if let Some(sides) = placement.sides()? {
            let tree = Tree::of(self.group)?;
            tree.pin_workers(sides.far)?;
            if !tree.has_thread_on(sides.far)? {
                return Err(format!("no worker was found to put on processor {}", sides.far).into());
            }
        }
        Ok(())
    }

    /// The next answer, within the limit of a round.
    fn answer(&mut self) -> Result<Answer> {
        let deadline = Instant::now() + self.limit;
        // Its workers may hold its output open after its death; what it said before is still on the way then.
        let mut dead = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(LOOK)) {
                Ok(Answer::Failed(reason)) => return Err(reason.into()),
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    self.kill();
                    let limit = humantime::format_duration(self.limit);
                    return Err(format!("killed: no answer within {limit} (--limit)").into());
                }
                Err(RecvTimeoutError::Timeout) if !dead => dead = self.child.try_wait()?.is_some(),
                Err(_) => return Err(self.post_mortem().into()),
            }
        }
    }

    fn post_mortem(&mut self) -> String {
        let ended = self.ends_by(Instant::now() + GRACE);
        match self.child.try_wait() {
            Ok(Some(status)) if ended => format!("its process ended: {status}"),
            _ => "it closed its output without an answer".to_string(),
        }
    }

    /// Ends it in order, and tells what should be known of it.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(share) = self.idle.share().filter(|share| *share > IDLE_SHARE) {
            let share = share * 100.0;
            notes.push(format!("used {share:.0} % of a processor while others were measured"));
        }
        drop(self.requests.take());
        let deadline = Instant::now() + GRACE;
        if !self.ends_by(deadline) {
            notes.push("did not end by itself, and was killed".to_string());
        } else if !self.group_ends_by(deadline) {
            notes.push("left processes behind; they were killed".to_string());
        }
        notes
    }

    fn ends_by(&mut self, deadline: Instant) -> bool {
        eventually(deadline, || !matches!(self.child.try_wait(), Ok(None)))
    }

    /// Reaps the orphans of its group, which come to this process; false if some still live at the deadline.
    fn group_ends_by(&mut self, deadline: Instant) -> bool {
        let members = Pid::from_raw(-self.group.as_raw());
        self.gone = eventually(deadline, || {
            loop {
                match waitpid(members, Some(WaitPidFlag::WNOHANG)) {
                    Ok(WaitStatus::StillAlive) => return false,
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(_) => return true,
                }
            }
        });
        self.gone
    }

    fn kill(&mut self) {
        // As long as one of the group is not reaped, its number means no other.
        if !self.gone {
            let _ = signal::killpg(self.group, Signal::SIGKILL);
            let _ = self.child.wait();
            self.group_ends_by(Instant::now() + GRACE);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Player for Host {
    fn play(&mut self) -> Result<Played> {
        self.idle.ends(self.group)?;
        let requests = self.requests.as_mut().ok_or("it was told to end")?;
        // A contender that is gone is found by its missing answer, which says more.
        let _ = writeln!(requests, "{ROUND}");
        let answer = self.answer()?;
        self.idle.begins(self.group)?;
        match answer {
            Answer::Sample(sample) => {
                let value = |sample: &Sample| {
                    self.unit.value(sample).ok_or("it answered to a round without its windows")
                };
                let own_core = sample.own_core.map(|own| Ok::<_, &str>((value(&own.sample())?, own.probe)));
                Ok(Played {
                    value: value(&sample)?,
                    own_core: own_core.transpose()?,
                    windows: sample.windows,
                })
            }
            other => Err(format!("it answered {other:?} to a round").into()),
        }
    }
}

/// Passes on what is an answer among the lines of a contender, and shows the others.
fn answers(output: ChildStdout) -> Receiver<Answer> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
            match Answer::parse(&line) {
                // The receiver goes when the contender is done with.
                Some(answer) => drop(sender.send(answer)),
                None => eprintln!("{line}"),
            }
        }
    });
    receiver
}

fn eventually(deadline: Instant, mut holds: impl FnMut() -> bool) -> bool {
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a contender uses of the processors between its rounds.
#[derive(Debug, Default)]
struct Idle {
    since: Option<(Instant, Duration)>,
    passed: Duration,
    used: Duration,
}

impl Idle {
    fn begins(&mut self, root: Pid) -> Result<()> {
        self.since = Some((Instant::now(), Tree::of(root)?.cpu_time()));
        Ok(())
    }

    fn ends(&mut self, root: Pid) -> Result<()> {
        if let Some((begin, used)) = self.since.take() {
            self.passed += begin.elapsed();
            self.used += Tree::of(root)?.cpu_time().saturating_sub(used);
        }
        Ok(())
    }

    fn share(&self) -> Option<f64> {
        (!self.passed.is_zero()).then(|| self.used.as_secs_f64() / self.passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_counted_between_rounds_only() {
        let mut idle = Idle::default();
        assert_eq!(idle.share(), None);
        idle.ends(Pid::this()).unwrap();
        assert_eq!(idle.share(), None);
        idle.begins(Pid::this()).unwrap();
        idle.ends(Pid::this()).unwrap();
        assert!(idle.share().is_some());
    }
}
