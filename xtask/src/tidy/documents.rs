//! Each published crate has a README whose examples run; those of the front page run in the facade.

use super::{File, Violation, find};
use crate::markdown::{self, Block};
use crate::workspace::Member;

/// What makes rustdoc run the examples of a README, without spaces.
const INCLUDE: &str = "#[cfg(doctest)]#[doc=include_str!(\"../README.md\")]struct";

/// The crate whose README repeats the examples of the front page.
const FACADE: &str = "crates/multiproc/README.md";

pub(super) fn check(member: &Member, files: &[File]) -> Vec<Violation> {
    let readme = format!("{}/README.md", member.directory);
    let library = format!("{}/src/lib.rs", member.directory);
    let Some(page) = find(files, &readme) else {
        return vec![Violation::new(
            &readme,
            1,
            "missing: say what the crate is, with one example that runs",
        )];
    };
    let mut found = Vec::new();
    match markdown::blocks(&page.text).into_iter().find(Block::is_rust) {
        None => found.push(Violation::new(&readme, 1, "there is no example: add one block of ```rust")),
        Some(first)
            if first.has("ignore") || first.info.iter().any(|word| word.starts_with("compile_fail")) =>
        {
            found.push(Violation::new(&readme, first.line, "the first example must be one that runs"));
        }
        Some(_) => {}
    }
    let include = |file: &File| file.text.split_whitespace().collect::<String>().contains(INCLUDE);
    if !find(files, &library).is_some_and(include) {
        let what = "the README's examples don't run: add \
                    `#[cfg(doctest)] #[doc = include_str!(\"../README.md\")] struct ReadmeDoctests;`";
        found.push(Violation::new(&library, 1, what));
    }
    found
}

/// The front page is outside every crate, so each example in it must stand in the facade's README too.
pub(super) fn check_root(files: &[File]) -> Vec<Violation> {
    let Some(front) = find(files, "README.md") else {
        return vec![Violation::new("README.md", 1, "missing: the front page of the repository")];
    };
    let facade = find(files, FACADE).map(|file| markdown::blocks(&file.text)).unwrap_or_default();
    let untested = |block: &Block| block.is_rust() && facade.iter().all(|other| other.text != block.text);
    let what = format!("this example runs nowhere: it must stand, letter by letter, in {FACADE}");
    let blocks = markdown::blocks(&front.text).into_iter().filter(untested);
    blocks.map(|block| Violation::new("README.md", block.line, what.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::testing::members;

    const PAGE: &str = "# multiproc-ipc\n\n```rust\nassert!(true);\n```\n";
    const LIBRARY: &str =
        "//! Head.\n#[cfg(doctest)]\n#[doc = include_str!(\"../README.md\")]\nstruct ReadmeDoctests;\n";

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_string(), text: text.to_string() }
    }

    fn check_ipc(readme: &str, library: &str) -> Vec<Violation> {
        let files = [file("crates/ipc/README.md", readme), file("crates/ipc/src/lib.rs", library)];
        check(&members()[0], &files)
    }

    #[test]
    fn a_page_with_an_example_that_runs_passes() {
        assert!(check_ipc(PAGE, LIBRARY).is_empty());
    }

    #[test]
    fn a_missing_page_is_caught() {
        assert!(check(&members()[0], &[])[0].what.starts_with("missing"));
    }

    #[test]
    fn a_page_without_a_running_example_is_caught() {
        assert_eq!(check_ipc("# ipc\n\n```text\nno code\n```\n", LIBRARY)[0].line, 1);
        assert_eq!(check_ipc(&PAGE.replace("rust", "rust,ignore"), LIBRARY)[0].line, 3);
    }

    #[test]
    fn a_library_that_does_not_run_the_page_is_caught() {
        let found = check_ipc(PAGE, "//! Head.\n");
        assert_eq!(found[0].path, "crates/ipc/src/lib.rs");
    }

    #[test]
    fn an_example_of_the_front_page_must_run_in_the_facade() {
        let both = [file("README.md", PAGE), file(FACADE, PAGE)];
        assert!(check_root(&both).is_empty());
        let differ = [file("README.md", PAGE), file(FACADE, &PAGE.replace("true", "false"))];
        assert_eq!(check_root(&differ)[0].line, 3);
    }
}
