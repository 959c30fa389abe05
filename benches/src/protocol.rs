//! The lines that a contender's process exchanges with the one that runs the benches. What else a contender prints is
//! no answer.

use std::time::Duration;

use crate::session::{OwnCore, Sample};
use crate::windows::Window;

/// Asks for one round. The end of input asks to end.
pub(crate) const ROUND: &str = "round";

/// What a contender answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has started and done a first batch, so that all its workers exist.
    Ready,
    Sample(Sample),
    /// It cannot go on.
    Failed(String),
}

impl Answer {
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Ready => "@ready".to_string(),
            Self::Sample(Sample { operations, spent, own_core, windows }) => {
                let mut line = format!("@sample {operations} {spent}");
                if let Some(own) = own_core {
                    line += &format!(" own {} {} {}", own.operations, own.spent, own.probe.as_nanos());
                }
                if !windows.is_empty() {
                    line += " windows";
                    windows.iter().for_each(|Window([one, other])| line += &format!(" {one}:{other}"));
                }
                line
            }
            Self::Failed(reason) => format!("@failed {}", reason.replace('\n', " ")),
        }
    }

    /// `None` if the line is no answer.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "@ready" => Some(Self::Ready),
            "@failed" => Some(Self::Failed(rest.to_string())),
            "@sample" => Self::sample(rest).or_else(|| Some(Self::Failed(format!("it answered `{line}`")))),
            _ => None,
        }
    }

    /// A sample of no operations, or of some that took nothing, would divide by zero.
    fn sample(text: &str) -> Option<Self> {
        let (text, windows) = match text.split_once(" windows ") {
            Some((text, windows)) => (text, windows.split(' ').map(window).collect::<Option<_>>()?),
            None => (text, Vec::new()),
        };
        let (text, own_core) = match text.split_once(" own ") {
            Some((text, own)) => {
                let [operations, spent, probe] = numbers(own)?;
                (text, Some(OwnCore { operations, spent, probe: Duration::from_nanos(probe) }))
            }
            None => (text, None),
        };
        let [operations, spent] = numbers(text)?;
        Some(Self::Sample(Sample { own_core, windows, ..Sample::new(operations, spent) }))
    }
}

/// So many numbers, none of them 0.
fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    let numbers: Option<Vec<u64>> =
        text.split(' ').map(|word| word.parse().ok().filter(|number| *number > 0)).collect();
    numbers?.try_into().ok()
}

/// What each side did in a window, which may be nothing.
fn window(text: &str) -> Option<Window> {
    let (one, other) = text.split_once(':')?;
    Some(Window([one.parse().ok()?, other.parse().ok()?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_are_written() {
        for answer in [
            Answer::Ready,
            Answer::Sample(Sample::new(1000, 123_456_789)),
            Answer::Sample(Sample {
                own_core: Some(OwnCore::timed(10, Duration::from_micros(9), Duration::from_nanos(1930))),
                ..Sample::new(1000, 123_456_789)
            }),
            Answer::Sample(Sample {
                windows: vec![Window([0, 400]), Window([299, 301])],
                ..Sample::new(1000, 123_456_789)
            }),
            Answer::Failed("the worker died".to_string()),
        ] {
            assert_eq!(Answer::parse(&answer.line()), Some(answer));
        }
    }

    #[test]
    fn a_reason_stays_on_its_line() {
        assert_eq!(Answer::Failed("a\nb".to_string()).line(), "@failed a b");
    }

    #[test]
    fn stray_lines_are_no_answers_and_broken_samples_are_failures() {
        for stray in ["", "hello", "sample 1 2", "@other"] {
            assert_eq!(Answer::parse(stray), None, "{stray}");
        }
        for broken in [
            "@sample",
            "@sample 1",
            "@sample 0 5",
            "@sample 5 0",
            "@sample x 5",
            "@sample 1 5 own 3",
            "@sample 1 5 own 3 0 9",
            "@sample 1 5 windows 3",
            "@sample 1 5 windows 3:-1",
            "@sample 1 5 windows 3:1  4:1",
        ] {
            assert!(matches!(Answer::parse(broken), Some(Answer::Failed(_))), "{broken}");
        }
    }
}
