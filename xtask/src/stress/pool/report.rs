//! What the example `word_count` prints, read back. A missing line is an error, spacing is not.

use std::time::Duration;

/// How many words the example lists.
const WORDS: usize = 20;

/// The report of any run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// The most frequent words with their counts, in the order printed.
    pub(super) words: Vec<(u64, String)>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
    pub(super) workers: u64,
}

/// The report of a run with `--chaos`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chaos {
    pub(super) report: Report,
    pub(super) kills: u64,
    pub(super) retries: u64,
    /// Updates of the live totals that were found half done.
    pub(super) recoveries: u64,
    /// Open descriptors before and after.
    pub(super) descriptors: (u64, u64),
}

impl Report {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<(u64, String)> = text.lines().filter_map(word).collect();
        if words.len() != WORDS {
            return Err(complain(text, &format!("{} lines `count word` instead of {WORDS}", words.len())));
        }
        let line = |name| field(text, "files", name);
        let seconds: f64 = field(text, "files", "seconds")?;
        let time = Duration::try_from_secs_f64(seconds)
            .map_err(|error| complain(text, &format!("`seconds {seconds}` is no time: {error}")))?;
        Ok(Self { words, files: line("files")?, bytes: line("bytes")?, time, workers: line("workers")? })
    }
}

impl Chaos {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            report: Report::parse(text)?,
            kills: field(text, "kills", "kills")?,
            retries: field(text, "kills", "retries")?,
            recoveries: field(text, "recoveries", "recoveries")?,
            descriptors: (field(text, "descriptors", "before")?, field(text, "descriptors", "after")?),
        })
    }
}

/// A line of exactly a number and a word.
fn word(line: &str) -> Option<(u64, String)> {
    let mut parts = line.split_whitespace();
    let (count, word, None) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()) else {
        return None;
    };
    Some((count, word.to_string()))
}

/// The number after `name` in the line that begins with `first`.
fn field<T: std::str::FromStr>(text: &str, first: &str, name: &str) -> Result<T, String> {
    let starts = |line: &&str| line.split_whitespace().next() == Some(first);
    let line = text.lines().find(starts).ok_or_else(|| complain(text, &format!("no line `{first} …`")))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != name).skip(1);
    let value = words.next().and_then(|word| word.parse().ok());
    value.ok_or_else(|| complain(text, &format!("no number after `{name}` in `{line}`")))
}

fn complain(text: &str, what: &str) -> String {
    let printed = if text.trim().is_empty() { "nothing" } else { text.trim_end() };
    format!("the report of word_count is not as expected: {what}. It printed:\n{printed}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The output of a run with `--chaos`.
    pub(in crate::stress::pool) fn sample() -> String {
        let words: String = (0..WORDS).map(|at| format!("{:>8} word{at}\n", 1000 - at)).collect();
        let words = words.replace("word3", "descriptors").replace("word4", "files");
        format!(
            "{words}files 12  bytes 34567  seconds 1.25  MB/s 27.7  workers 2\nkills 3   retries 2\nrecoveries 1\ndescriptors before 9 after 9\n"
        )
    }

    #[test]
    fn a_whole_report_is_read_whatever_the_spacing() {
        for text in [sample(), sample().replace("  ", " "), sample().replace(' ', "   ")] {
            let chaos = Chaos::parse(&text).unwrap();
            assert_eq!(chaos.report.words[0], (1000, "word0".to_string()));
            assert_eq!((chaos.report.files, chaos.report.bytes, chaos.report.workers), (12, 34567, 2));
            assert_eq!((chaos.kills, chaos.retries, chaos.recoveries, chaos.descriptors), (3, 2, 1, (9, 9)));
        }
    }

    #[test]
    fn a_calm_run_needs_no_lines_of_chaos() {
        let text: String = sample().lines().take(WORDS + 1).map(|line| format!("{line}\n")).collect();
        assert!(Report::parse(&text).is_ok());
        assert!(Chaos::parse(&text).unwrap_err().contains("no line `kills"));
    }

    #[test]
    fn each_missing_line_is_named() {
        for (line, complaint) in [
            ("files 12", "no line `files"),
            ("kills", "no line `kills"),
            ("recoveries", "no line `recoveries"),
            ("descriptors before", "no line `descriptors"),
            ("word0", "19 lines"),
        ] {
            let text: String =
                sample().lines().filter(|text| !text.contains(line)).map(|l| format!("{l}\n")).collect();
            let error = Chaos::parse(&text).unwrap_err();
            assert!(error.contains(complaint), "{line}: {error}");
        }
    }

    #[test]
    fn a_missing_number_is_named() {
        let error = Chaos::parse(&sample().replace("retries 2", "retries")).unwrap_err();
        assert!(error.contains("no number after `retries`"), "{error}");
        assert!(Report::parse(&sample().replace("1.25", "-1")).unwrap_err().contains("is no time"));
        assert!(Report::parse("").unwrap_err().contains("printed:\nnothing"));
    }
}
