//! What the stress program prints, read back: a line a primitive, then a sum. And the table of it.

use crate::table;

/// What has come of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) primitives: Vec<Primitive>,
    /// What did not hold, if something did not.
    pub(super) failure: Option<String>,
    /// Workers killed; `None`: it did not come to its sum.
    pub(super) kills: Option<u64>,
    /// How often the kills stopped until everybody had got on.
    pub(super) calms: u64,
    /// Calms in which somebody waited so long that a stall and a pause of the machine look alike.
    pub(super) unjudged_calms: u64,
}

/// What has come of one primitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Primitive {
    pub(super) name: String,
    pub(super) operations: u64,
    /// Threads killed inside.
    pub(super) kills: u64,
    pub(super) recoveries: u64,
    /// The longest wait after a death, without what the machine's load has taken.
    pub(super) worst_us: u64,
    pub(super) excused_us: u64,
    /// The longest wait with what the machine's load has taken, whichever that was.
    pub(super) longest_us: u64,
    pub(super) stalls: u64,
    /// Waits so long that a stall and a pause of the machine look alike.
    pub(super) unjudged: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Progress {
    pub(super) seconds: f64,
    pub(super) kills: u64,
}

impl Progress {
    /// The progress that a line tells, if it does.
    pub(super) fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("progress ")?;
        Some(Self { seconds: field(rest, "seconds").ok()?, kills: field(rest, "kills").ok()? })
    }
}

impl Report {
    /// Reads the lines of a whole run.
    pub(super) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut report = Self::default();
        for line in lines {
            match line.split_once(' ') {
                Some(("progress", _)) => {}
                Some(("primitive", rest)) => report.primitives.push(Primitive::parse(rest)?),
                Some(("failure", what)) => report.failure = Some(what.to_string()),
                Some(("sum", rest)) => {
                    report.kills = Some(field(rest, "kills")?);
                    report.calms = field(rest, "calms")?;
                    report.unjudged_calms = field(rest, "unjudged")?;
                }
                _ => return Err(format!("the stress program has printed a line of no known kind: `{line}`")),
            }
        }
        Ok(report)
    }

    /// How many stalled at the primitive with this name.
    pub(super) fn stalls(&self, name: &str) -> u64 {
        self.primitives.iter().filter(|primitive| primitive.name == name).map(|one| one.stalls).sum()
    }

    pub(super) fn sum(&self) -> String {
        let operations: u64 = self.primitives.iter().map(|primitive| primitive.operations).sum();
        let recoveries: u64 = self.primitives.iter().map(|primitive| primitive.recoveries).sum();
        let (kills, calms) = (self.kills.unwrap_or(0), self.calms);
        format!("{operations} operations, {kills} kills before {calms} calms, {recoveries} recoveries")
    }

    /// A row a primitive, aligned.
    pub(super) fn table(&self) -> String {
        let head = [
            "primitive",
            "operations",
            "killed inside",
            "recoveries",
            "longest wait",
            "machine's load",
            "longest with load",
            "stalls",
            "not judged",
        ];
        let mut rows = vec![head.map(str::to_string).to_vec()];
        rows.extend(self.primitives.iter().map(Primitive::row));
        table::render(&rows, &[1, 2, 3, 4, 5, 6, 7, 8])
    }
}

impl Primitive {
    fn parse(line: &str) -> Result<Self, String> {
        let (_, name) = line.split_once("name=").ok_or_else(|| format!("no name in `{line}`"))?;
        let number = |name| field(line, name);
        Ok(Self {
            name: name.to_string(),
            operations: number("operations")?,
            kills: number("kills")?,
            recoveries: number("recoveries")?,
            worst_us: number("worst_us")?,
            excused_us: number("excused_us")?,
            longest_us: number("longest_us")?,
            stalls: number("stalls")?,
            unjudged: number("unjudged")?,
        })
    }

    fn row(&self) -> Vec<String> {
        let milliseconds = |us: u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
        let counts = [self.operations, self.kills, self.recoveries].map(|count| count.to_string());
        let times = [self.worst_us, self.excused_us, self.longest_us].map(milliseconds);
        let name = [self.name.clone()].into_iter();
        name.chain(counts)
            .chain(times)
            .chain([self.stalls, self.unjudged].map(|count| count.to_string()))
            .collect()
    }
}

/// The number in `name=number`.
fn field<T: std::str::FromStr>(line: &str, name: &str) -> Result<T, String> {
    let mut values = line.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().and_then(|value| value.parse().ok());
    value.ok_or_else(|| format!("the stress program has printed no number `{name}` in `{line}`"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The output of a run in which nothing is wrong.
    pub(in crate::stress::sync) fn sample() -> String {
        let line = |name| {
            format!(
                "primitive operations=1200 kills=3 recoveries=2 worst_us=10450 excused_us=99 longest_us=20860 stalls=0 unjudged=0 name={name}"
            )
        };
        let (mutex, semaphore) = (line("mutex"), line("bounded semaphore"));
        format!(
            "progress seconds=0.5 kills=7\n{mutex}\n{semaphore}\nsum seconds=1.0 kills=36 calms=12 stalls=0 unjudged=0\n"
        )
    }

    #[test]
    fn a_whole_report_is_read() {
        let report = Report::parse(sample().lines()).unwrap();
        assert_eq!((report.primitives.len(), report.kills, report.calms), (2, Some(36), 12));
        assert_eq!(
            (report.primitives[1].name.as_str(), report.primitives[1].worst_us),
            ("bounded semaphore", 10450)
        );
        assert_eq!(report.sum(), "2400 operations, 36 kills before 12 calms, 4 recoveries");
        assert_eq!(Progress::read("progress seconds=0.5 kills=7"), Some(Progress { seconds: 0.5, kills: 7 }));
        assert_eq!(Progress::read("sum seconds=0.5 kills=7"), None);
    }

    #[test]
    fn the_table_has_units_and_lines_up() {
        let table = Report::parse(sample().lines()).unwrap().table();
        let ends: Vec<usize> = table.lines().map(str::len).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
        assert!(
            table.contains("10.4 ms") && table.contains("20.8 ms") && table.contains("0.0 ms"),
            "{table}"
        );
    }

    #[test]
    fn a_failure_is_kept_with_what_came_before() {
        let text = sample().replace("sum ", "failure mutex: torn ");
        let report = Report::parse(text.lines()).unwrap();
        assert!(report.failure.is_some_and(|failure| failure.starts_with("mutex: torn")));
        assert_eq!((report.primitives.len(), report.kills), (2, None));
    }

    #[test]
    fn what_is_missing_or_unknown_is_told() {
        for (from, to) in [("kills=3", "kills="), ("name=mutex", ""), ("sum seconds", "total seconds")] {
            assert!(Report::parse(sample().replacen(from, to, 1).lines()).is_err(), "{from}");
        }
    }
}
