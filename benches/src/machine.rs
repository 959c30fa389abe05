//! What a figure depends on: processor, kernel, compiler, load, date.

use std::fs;
use std::time::SystemTime;

use nix::unistd::Pid;

use crate::{peers, placement};

/// A line for each group of facts.
pub(crate) fn facts() -> Vec<String> {
    let mut versions = vec![kernel(), env!("BENCHES_RUSTC").to_string()];
    versions.extend(peers::python::version().map(str::to_string));
    vec![
        format!("machine: {}, {}", processor(), cores()),
        format!("software: {}", versions.join(", ")),
        format!("date: {}, {}", date(), load()),
    ]
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_string())
    });
    model.unwrap_or_else(|| format!("an unnamed {} processor", std::env::consts::ARCH))
}

fn cores() -> String {
    match placement::allowed(Pid::this()).map(|cpus| cpus.len()) {
        Ok(1) => "1 core".to_string(),
        Ok(count) => format!("{count} cores"),
        Err(error) => error.to_string(),
    }
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}

fn date() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// On a busy machine hand-offs look faster than they are, since nobody sleeps deeply, and all else slower.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = text.split_whitespace().next().unwrap_or("unknown");
    let busy = last_minute.parse::<f64>().is_ok_and(|load| load > BUSY);
    let warning = if busy { ": busy, do not trust these figures" } else { "" };
    format!("load {last_minute}{warning}")
}

/// The load of the last minute at which others must have been running.
const BUSY: f64 = 0.5;
