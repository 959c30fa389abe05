//! What the user sees.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::chaos::Damage;
use crate::options::HELP;
use crate::totals::Totals;

/// Most frequent words, and unreadable files, that are shown.
const SHOWN: usize = 20;

pub(crate) struct Report {
    pub(crate) totals: Totals,
    pub(crate) seconds: f64,
    pub(crate) workers: usize,
    pub(crate) threads: bool,
    pub(crate) damage: Option<Damage>,
}

impl Report {
    /// Results to standard output; after them what could not be read, to standard error.
    pub(crate) fn print(&self) -> io::Result<()> {
        let written = self.print_results(&mut io::stdout().lock());
        let _ = self.print_unreadable(&mut io::stderr().lock()); // there is nowhere left to complain
        written
    }

    fn print_results(&self, out: &mut impl Write) -> io::Result<()> {
        let words = self.totals.most_frequent(SHOWN);
        let width = words.first().map_or(0, |(_, count)| count.to_string().len());
        for (word, count) in words {
            writeln!(out, "{count:width$} {word}")?;
        }
        let Self { totals, seconds, workers, .. } = self;
        let speed = totals.bytes as f64 / 1e6 / seconds;
        let threads = if self.threads { " (threads)" } else { "" };
        write!(out, "files {}  bytes {}  ", totals.files, totals.bytes)?;
        writeln!(out, "seconds {seconds:.2}  MB/s {speed:.1}  workers {workers}{threads}")?;
        if let Some(Damage { kills, retries, recoveries, before, after }) = &self.damage {
            writeln!(out, "kills {kills} retries {retries}")?;
            writeln!(out, "recoveries {recoveries}")?;
            writeln!(out, "descriptors before {before} after {after}")?;
        }
        out.flush()
    }

    fn print_unreadable(&self, out: &mut impl Write) -> io::Result<()> {
        let unreadable = &self.totals.unreadable;
        if !unreadable.is_empty() {
            writeln!(out, "unreadable, not counted: {}", unreadable.len())?;
        }
        for (path, reason) in unreadable.iter().take(SHOWN) {
            writeln!(out, "  {}: {reason}", path.display())?;
        }
        if unreadable.len() > SHOWN {
            writeln!(out, "  and {} more", unreadable.len() - SHOWN)?;
        }
        Ok(())
    }
}

pub(crate) fn print_help() -> io::Result<()> {
    io::stdout().write_all(HELP.as_bytes())
}

/// Drawn only on a terminal, as is the bar.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

pub(crate) fn progress_bar(bytes: u64) -> ProgressBar {
    let template = "{bar:40} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}
