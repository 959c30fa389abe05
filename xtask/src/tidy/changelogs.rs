//! Each published crate has a CHANGELOG with something in it, and its versions are the crate's.

use super::manifests::is_version;
use super::{File, Violation, find};
use crate::workspace::Member;

pub(super) fn check(member: &Member, files: &[File]) -> Vec<Violation> {
    let path = format!("{}/CHANGELOG.md", member.directory);
    let Some(file) = find(files, &path) else {
        return vec![Violation::new(&path, 1, "missing: write what changed under `## Unreleased`")];
    };
    let version = member.package.version.as_deref().unwrap_or_default();
    check_text(&path, &file.text, version)
}

/// A heading of the second level and whether anything is listed below it.
struct Section<'t> {
    line: usize,
    title: &'t str,
    entries: usize,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut found: Vec<Section<'_>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            found.push(Section { line: at + 1, title: title.trim(), entries: 0 });
        } else if (line.starts_with("- ") || line.starts_with("* "))
            && let Some(section) = found.last_mut()
        {
            section.entries += 1;
        }
    }
    found
}

/// The version that a heading as `1.2.3`, `[1.2.3] - 2026-01-31` names.
fn version_of(title: &str) -> Option<&str> {
    let word = title.split_whitespace().next()?.trim_matches(['[', ']']);
    is_version(word).then_some(word)
}

fn check_text(path: &str, text: &str, version: &str) -> Vec<Violation> {
    let sections = sections(text);
    let mut found = Vec::new();
    let Some(top) = sections.first() else {
        return vec![Violation::new(path, 1, "there is no heading: add `## Unreleased`")];
    };
    for section in &sections {
        if section.title != "Unreleased" && version_of(section.title).is_none() {
            let what = format!("`{}` is neither `Unreleased` nor a version x.y.z", section.title);
            found.push(Violation::new(path, section.line, what));
        }
    }
    if top.entries == 0 {
        let what = format!("nothing is listed under `{}`: add a `- ` line for what users notice", top.title);
        found.push(Violation::new(path, top.line, what));
    }
    let newest = sections.iter().find_map(|section| Some((section.line, version_of(section.title)?)));
    if let Some((line, newest)) = newest.filter(|(_, newest)| *newest != version) {
        let what = format!(
            "the newest version here is {newest}, in Cargo.toml it is {version}: one of them is wrong"
        );
        found.push(Violation::new(path, line, what));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::testing::members;

    fn lines(text: &str) -> Vec<usize> {
        check_text("CHANGELOG.md", text, "0.1.0").iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn unreleased_or_released_entries_pass() {
        assert!(lines("# Changelog\n\n## Unreleased\n\n- `pipe`.\n").is_empty());
        assert!(lines("# Changelog\n\n## [0.1.0] - 2026-01-31\n\n- First.\n").is_empty());
        assert!(lines("## Unreleased\n- b\n## 0.1.0\n- a\n## 0.0.9\n- z\n").is_empty());
    }

    #[test]
    fn a_missing_file_or_heading_is_caught() {
        assert!(check(&members()[0], &[])[0].what.starts_with("missing"));
        assert_eq!(lines("# Changelog\n"), [1]);
    }

    #[test]
    fn an_empty_section_is_caught() {
        assert_eq!(lines("# Changelog\n\n## Unreleased\n"), [3]);
    }

    #[test]
    fn another_version_than_the_manifests_is_caught() {
        assert_eq!(lines("## Unreleased\n- b\n## 0.2.0\n- a\n"), [3]);
    }

    #[test]
    fn a_heading_that_is_no_version_is_caught() {
        assert_eq!(lines("## Soon\n- b\n"), [1]);
    }
}
