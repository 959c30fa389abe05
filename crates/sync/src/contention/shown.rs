//! A report as a table for people.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::{Counts, Histogram, LockReport, Report};
use crate::watch::Access;

/// Of the cells of a line: these are numbers, and stand at the right.
const FIRST_NUMBER: usize = 3;

const HEAD: [&str; 11] = [
    "lock",
    "call site",
    "access",
    "taken",
    "waited",
    "wait p50",
    "p99",
    "total",
    "hold p50",
    "p99",
    "total",
];

type Line = [String; HEAD.len()];

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.locks.is_empty() {
            f.write_str("no lock that has a name was taken")?;
        } else {
            write_lines(f, self.locks.iter().flat_map(lines))?;
        }
        if self.lost > 0 {
            write!(
                f,
                "\nnot in it: {} acquisitions, as there were too many pairs of lock and call site",
                grouped(self.lost)
            )?;
        }
        Ok(())
    }
}

/// A line for each place; with several, one for all of them before.
fn lines(lock: &LockReport) -> Vec<Line> {
    let sites = lock.sites.iter().map(|row| {
        let site = row.site.as_ref().map_or_else(|| "?".to_string(), ToString::to_string);
        (site, access(row.access), row.counts.clone())
    });
    let all = (format!("all {}", lock.sites.len()), "", lock.total());
    let rows = Some(all).filter(|_| lock.sites.len() > 1).into_iter().chain(sites);
    let names = [lock.name.as_str()].into_iter().chain(std::iter::repeat(""));
    names.zip(rows).map(|(name, (site, access, counts))| line(name, site, access, &counts)).collect()
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Exclusive => "alone",
        Access::Read => "shared",
    }
}

fn line(name: &str, site: String, access: &str, counts: &Counts) -> Line {
    let [wait, hold] = [&counts.waits, &counts.holds].map(times);
    let ([wait_50, wait_99, wait_total], [hold_50, hold_99, hold_total]) = (wait, hold);
    let waited = share(counts.contended(), counts.acquisitions);
    let (name, access, taken) = (name.to_string(), access.to_string(), grouped(counts.acquisitions));
    [name, site, access, taken, waited, wait_50, wait_99, wait_total, hold_50, hold_99, hold_total]
}

fn times(histogram: &Histogram) -> [String; 3] {
    let total = histogram.mean().map(|_| histogram.total());
    let times = [histogram.quantile(0.5), histogram.quantile(0.99), total];
    times.map(|time| time.map_or_else(|| "-".to_string(), time_shown))
}

fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_string(),
        whole if part > 0 && part.saturating_mul(1000) < whole => "<0.1 %".to_string(),
        whole => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    }
}

/// Three digits and the unit for them: `4.56 µs`.
fn time_shown(time: Duration) -> String {
    let mut value = time.as_nanos() as f64;
    for unit in ["ns", "µs", "ms"] {
        // What would be shown as 1000 is one of the next unit.
        if value < 999.5 {
            return three_digits(value, unit);
        }
        value /= 1000.0;
    }
    three_digits(value, "s")
}

fn three_digits(value: f64, unit: &str) -> String {
    match value {
        _ if unit == "ns" || value >= 99.95 => format!("{value:.0} {unit}"),
        value if value >= 9.995 => format!("{value:.1} {unit}"),
        value => format!("{value:.2} {unit}"),
    }
}

/// With a space between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

fn write_lines(f: &mut Formatter<'_>, lines: impl Iterator<Item = Line>) -> fmt::Result {
    let lines: Vec<Line> = [HEAD.map(str::to_string)].into_iter().chain(lines).collect();
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < FIRST_NUMBER { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let shown = cells.collect::<Vec<_>>().join("  ");
        let separator = if number == 0 { "" } else { "\n" };
        write!(f, "{separator}{}", shown.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::row;
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let shown = |nanos| time_shown(Duration::from_nanos(nanos));
        for (nanos, wanted) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (45_678, "45.7 µs"),
            (456_780, "457 µs"),
            (999_499, "999 µs"),
            (999_600, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (99_960_000, "100 ms"),
            (1_500_000_000, "1.50 s"),
            (4_000_000_000_000, "4000 s"),
        ] {
            assert_eq!(shown(nanos), wanted);
        }
    }

    #[test]
    fn numbers_and_shares_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(
            [share(1, 3), share(0, 5), share(5, 5), share(1, 2000), share(0, 0)],
            ["33.3 %", "0.0 %", "100.0 %", "<0.1 %", "-"]
        );
    }

    #[test]
    fn a_report_is_an_aligned_table() {
        let rows = [
            row("orders", 41, Access::Exclusive, (12_000, &[3_000, 3_000], &[100; 4])),
            row("orders", 7, Access::Read, (3, &[], &[])),
            row("users", 9, Access::Exclusive, (1, &[], &[2_000_000])),
        ];
        let shown = Report::of(rows.into_iter(), 1_000).to_string();
        let wanted = "\
lock    call site      access   taken  waited  wait p50      p99    total  hold p50      p99    total
orders  all 2                  12 003  <0.1 %   3.07 µs  4.10 µs  6.00 µs     96 ns   128 ns   400 ns
        src/a.rs:41:5  alone   12 000  <0.1 %   3.07 µs  4.10 µs  6.00 µs     96 ns   128 ns   400 ns
        src/a.rs:7:5   shared       3   0.0 %         -        -        -         -        -        -
users   src/a.rs:9:5   alone        1   0.0 %         -        -        -   2.00 ms  2.00 ms  2.00 ms
not in it: 1 000 acquisitions, as there were too many pairs of lock and call site";
        assert_eq!(shown, wanted);
    }

    #[test]
    fn an_empty_report_says_so() {
        assert_eq!(Report::default().to_string(), "no lock that has a name was taken");
    }
}
