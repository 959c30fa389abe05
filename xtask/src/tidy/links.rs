//! What the documents point at is there: linked pages, files of the repository, tests that show a promise.

use super::{File, Violation, find};
use crate::text::occurrences;

/// Where a path in backticks begins, if it is one of the repository's.
const FOLDERS: [&str; 6] = [".ci/", ".github/", "benches/", "crates/", "docs/", "xtask/"];

pub(super) fn check(page: &File, files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let missing = linked(line)
                .filter(|target| !exists(files, &resolved(&page.path, target)))
                .chain(quoted(line).filter(|text| is_path(text) && !exists(files, text)))
                .map(|target| format!("there is no `{target}`"));
            let untested = promised(line)
                .into_iter()
                .filter(|(file, test)| !has_test(files, file, test))
                .map(|(file, test)| format!("there is no test `{test}` in `{file}`"));
            found.extend(missing.chain(untested).map(|what| Violation::new(&page.path, at + 1, what)));
        }
    }
    found
}

/// The targets of links inside the repository, without what follows `#`.
fn linked(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    inside.map(|target| target.split('#').next().unwrap_or(target))
}

/// What stands in backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Pairs as `` `deaths.rs`: `a_panic_keeps_its_worker` ``.
fn promised(line: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = line.split('`').collect();
    let pair = |window: &[&str]| window[0].ends_with(".rs") && window[1] == ": ";
    parts.windows(3).filter(|window| pair(window)).map(|window| (window[0], window[2])).collect()
}

fn is_path(text: &str) -> bool {
    FOLDERS.iter().any(|folder| text.starts_with(folder))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

/// `target` as seen from the folder of `page`.
fn resolved(page: &str, target: &str) -> String {
    let mut folders: Vec<&str> = page.split('/').collect();
    folders.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(folders.pop()),
            name => folders.push(name),
        }
    }
    folders.join("/")
}

/// A file or a folder.
fn exists(files: &[File], path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    find(files, path).is_some() || files.iter().any(|file| file.path.starts_with(&folder))
}

fn has_test(files: &[File], name: &str, test: &str) -> bool {
    let named = |file: &&File| file.path == name || file.path.ends_with(&format!("/{name}"));
    let declares =
        |file: &File| occurrences(&file.text, test).into_iter().any(|at| file.text[..at].ends_with("fn "));
    files.iter().filter(named).any(declares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: &str) -> Vec<String> {
        let files = [
            ("crates/pool/tests/deaths.rs", "//! Head.\n#[test]\nfn a_panic_keeps_its_worker() {}\n"),
            ("docs/testing.md", ""),
            ("LICENSE", ""),
        ];
        let files = files.map(|(path, text)| File { path: path.to_string(), text: text.to_string() });
        let page = File { path: path.to_string(), text: text.to_string() };
        check(&page, &files).into_iter().map(|violation| violation.to_string()).collect()
    }

    #[test]
    fn what_is_there_may_be_pointed_at() {
        let text = "[a](docs/testing.md#layers) [b](LICENSE) [c](crates/pool) [d](https://x.y/z) [e](#here)\n\
                    `crates/pool/tests/deaths.rs` `crates/…` `crates/*/README.md` `deaths.rs`: `a_panic_keeps_its_worker`\n\
                    ```sh\n[x](nowhere)\n```\n";
        assert_eq!(check_text("README.md", text), [""; 0]);
        assert_eq!(check_text("docs/architecture.md", "[a](testing.md) [b](../LICENSE)"), [""; 0]);
    }

    #[test]
    fn a_dead_link_is_caught_with_its_line() {
        assert_eq!(check_text("docs/a.md", "\n[a](gone.md)"), ["docs/a.md:2: there is no `gone.md`"]);
        assert_eq!(check_text("docs/a.md", "[a](LICENSE)").len(), 1);
    }

    #[test]
    fn a_file_that_is_not_there_is_caught() {
        assert_eq!(check_text("README.md", "see `crates/pool/src/gone.rs`").len(), 1);
    }

    #[test]
    fn a_promise_without_its_test_is_caught() {
        let found = check_text("docs/guarantees.md", "| x | `deaths.rs`: `nobody_tests_this` |");
        assert!(found[0].contains("no test `nobody_tests_this`"), "{found:?}");
        let found = check_text("docs/guarantees.md", "| x | `crates/pool/tests/deaths.rs`: `nor_this` |");
        assert_eq!(found.len(), 1);
    }
}
