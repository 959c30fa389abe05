//! The lines that a contender's process exchanges with the one that runs the benches. What else a contender prints is
//! no answer.

use crate::session::Sample;

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
            Self::Sample(sample) => format!("@sample {} {}", sample.operations, sample.spent),
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
        let (operations, spent) = text.split_once(' ')?;
        let (operations, spent) = (operations.parse().ok()?, spent.parse().ok()?);
        (operations > 0 && spent > 0).then_some(Self::Sample(Sample { operations, spent }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_are_written() {
        for answer in [
            Answer::Ready,
            Answer::Sample(Sample { operations: 1000, spent: 123_456_789 }),
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
        for broken in ["@sample", "@sample 1", "@sample 0 5", "@sample 5 0", "@sample x 5"] {
            assert!(matches!(Answer::parse(broken), Some(Answer::Failed(_))), "{broken}");
        }
    }
}
