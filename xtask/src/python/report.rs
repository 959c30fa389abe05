//! What the programs have said of their checks, as a table by versions; and what of it is a failure.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::table;

/// How a program was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Checks,
    /// With a CPython that lies.
    Control,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Control => "control",
        }
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Checks => &[],
            Self::Control => &["--control"],
        }
    }
}

/// What was found with one version.
#[derive(Debug)]
pub(super) struct Column {
    version: String,
    /// Of each check: whether it is right, and why not.
    checks: BTreeMap<String, Result<(), String>>,
    /// How many lies of each check were found out.
    caught: BTreeMap<String, usize>,
    /// What is wrong besides.
    failures: Vec<String>,
}

impl Column {
    pub(super) fn new(version: impl Display) -> Self {
        let version = version.to_string();
        Self { version, checks: BTreeMap::new(), caught: BTreeMap::new(), failures: Vec::new() }
    }

    pub(super) fn is_of(&self, version: impl Display) -> bool {
        self.version == version.to_string()
    }

    /// Takes in what a program has said, and how it has ended.
    pub(super) fn add(&mut self, kind: Kind, text: &str, ended: Result<(), String>) {
        let mut told = 0;
        for line in text.lines() {
            let words: Vec<&str> = line.split('\t').collect();
            match (kind, &words[..]) {
                (Kind::Checks, ["ok", name]) => {
                    self.checks.entry((*name).to_owned()).or_insert(Ok(()));
                }
                (Kind::Checks, ["failed", name, why]) => {
                    told += 1;
                    self.checks.insert((*name).to_owned(), Err((*why).to_owned()));
                }
                (Kind::Control, ["caught", name, _]) => {
                    *self.caught.entry((*name).to_owned()).or_default() += 1;
                }
                (Kind::Control, ["believed", name, what]) => {
                    told += 1;
                    self.failures.push(format!("{name}: a lie was not found out: {what}"));
                }
                _ => {} // what tests and interpreters say besides
            }
        }
        match ended {
            Err(error) if told == 0 => {
                let last = text.lines().last().unwrap_or("nothing");
                self.failures.push(format!("{error}; the last it said: {last}"));
            }
            _ => {}
        }
    }

    fn failures(&self, checks: &[&str]) -> Vec<String> {
        let mut failures = self.failures.clone();
        for check in checks {
            match self.checks.get(*check) {
                None => failures.push(format!("{check}: it was not done")),
                Some(Err(why)) => failures.push(format!("{check}: {why}")),
                Some(Ok(())) => {}
            }
            if !self.caught.contains_key(*check) {
                failures.push(format!("{check}: no lie was found out"));
            }
        }
        failures
    }
}

/// A line for each check, a column for each version, and how many lies were found out.
pub(super) fn table(suite: &str, checks: &[&str], columns: &[Column]) -> String {
    let row = |first: &str, cells: &dyn Fn(&Column) -> String| -> Vec<String> {
        std::iter::once(first.to_owned()).chain(columns.iter().map(cells)).collect()
    };
    let mut rows = vec![row(suite, &|column| column.version.clone())];
    for check in checks {
        let cell = |column: &Column| match column.checks.get(*check) {
            None => "-".to_owned(),
            Some(Ok(())) => "ok".to_owned(),
            Some(Err(_)) => "FAILED".to_owned(),
        };
        rows.push(row(check, &cell));
    }
    rows.push(row("lies found out", &|column| column.caught.values().sum::<usize>().to_string()));
    table::render(&rows, &[])
}

/// An error unless all checks are right with each version, and a lie was found out in each of them.
pub(super) fn verdict(suite: &str, checks: &[&str], columns: &[Column]) -> Result<(), String> {
    if checks.is_empty() || columns.is_empty() {
        return Err(format!("python: nothing of {suite} was checked"));
    }
    let failures: Vec<String> = columns
        .iter()
        .flat_map(|column| {
            let of_it = column.failures(checks).into_iter();
            of_it.map(|failure| format!("  {}: {failure}", column.version))
        })
        .collect();
    if failures.is_empty() { Ok(()) } else { Err(format!("python: {suite}:\n{}", failures.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: &[&str] = &["arrays/one", "lists/two"];

    fn column(checks: &str, control: &str, ended: Result<(), String>) -> Column {
        let mut column = Column::new("3.12");
        column.add(Kind::Checks, checks, ended);
        column.add(Kind::Control, control, Ok(()));
        column
    }

    const GOOD: &str = "ok\tarrays/one\nok\tlists/two\n";
    const CAUGHT: &str = "caught\tarrays/one\twords\ncaught\tarrays/one\tbytes\ncaught\tlists/two\twords\n";

    #[test]
    fn all_right_is_success_and_a_table() {
        let columns = [column(GOOD, CAUGHT, Ok(()))];
        assert_eq!(verdict("shm", CHECKS, &columns), Ok(()));
        let shown = table("shm", CHECKS, &columns);
        assert_eq!(
            shown,
            "shm             3.12\narrays/one      ok\nlists/two       ok\nlies found out  3\n"
        );
    }

    #[test]
    fn whatever_is_wrong_is_a_failure_that_says_so() {
        let failed = "ok\tarrays/one\nfailed\tlists/two\titem 3: \"a\", expected \"b\"\n";
        let believed = format!("{CAUGHT}believed\tlists/two\tbytes: it passed\n");
        let died = Err("`python` failed: signal: 6".to_owned());
        let cases = [
            (column(failed, CAUGHT, Err("exit 1".into())), "3.12: lists/two: item 3"),
            (column("ok\tarrays/one\n", CAUGHT, Ok(())), "lists/two: it was not done"),
            (column("ok\tarrays/one\nbitten\n", CAUGHT, died.clone()), "the last it said: bitten"),
            (column(GOOD, CAUGHT, died), "signal: 6"),
            (column(GOOD, &believed, Ok(())), "a lie was not found out: bytes: it passed"),
            (column(GOOD, "caught\tlists/two\twords\n", Ok(())), "arrays/one: no lie was found out"),
        ];
        for (column, says) in cases {
            let error = verdict("shm", CHECKS, &[column]).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
        assert!(verdict("shm", &[], &[column(GOOD, CAUGHT, Ok(()))]).is_err());
        assert!(verdict("shm", CHECKS, &[]).is_err());
    }

    #[test]
    fn a_check_that_has_failed_once_is_not_right_by_another_line() {
        let columns = [column("failed\tarrays/one\twhy\nok\tarrays/one\nok\tlists/two\n", CAUGHT, Ok(()))];
        assert!(verdict("shm", CHECKS, &columns).is_err());
    }
}
