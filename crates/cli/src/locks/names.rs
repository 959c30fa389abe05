//! What the kernel calls threads.

use std::collections::HashMap;
use std::fs;

/// The names of threads that were asked for: each once, however often a family names it.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<(u32, u32), Option<String>>);

impl Names {
    /// The name of a thread; `None`: the process has no such thread any more.
    pub(super) fn of(&mut self, pid: u32, tid: u32) -> Option<String> {
        self.0.entry((pid, tid)).or_insert_with(|| read(pid, tid)).clone()
    }
}

fn read(pid: u32, tid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_the_name_that_it_had_when_it_was_asked_for_first() {
        let (pid, mut names) = (std::process::id(), Names::default());
        assert_eq!(names.of(pid, pid), read(pid, pid));
        assert!(names.of(pid, pid).is_some());
        assert_eq!(names.of(pid, 0), None);
        names.0.insert((pid, 0), Some("kept".to_owned()));
        assert_eq!(names.of(pid, 0).as_deref(), Some("kept"));
    }
}
