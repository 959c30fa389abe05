//! `cargo xtask tidy`: the rules of the repository that no compiler checks. Lists every violation.

mod changelogs;
mod documents;
mod layers;
mod links;
mod manifests;
mod mask;
mod sources;
mod unsafety;
mod words;

use std::fmt;
use std::process::ExitCode;

use crate::workspace::Workspace;
use crate::{Outcome, no_arguments};

/// One broken rule: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_string(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A text file of the workspace.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("tidy", arguments)?;
    check(&Workspace::load()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints every violation; any is an error.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let files = read(workspace)?;
    let violations = violations(workspace, &files);
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!("tidy: {} files, {} crates, no violation", files.len(), workspace.members.len());
            Ok(())
        }
        1 => Err("tidy: 1 violation".to_string()),
        many => Err(format!("tidy: {many} violations")),
    }
}

fn violations(workspace: &Workspace, files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &workspace.members {
        found.extend(layers::check(member, &workspace.members));
        found.extend(manifests::check(member, &workspace.members));
    }
    found.extend(manifests::check_shared(&workspace.manifest, &workspace.members));
    for member in workspace.published() {
        found.extend(documents::check(member, files));
        found.extend(changelogs::check(member, files));
    }
    found.extend(documents::check_root(files));
    for file in files {
        found.extend(words::check(&file.path, &file.text));
        if file.path.ends_with(".md") {
            found.extend(links::check(file, files));
        }
        if file.path.ends_with(".rs") {
            let code = mask::code(&file.text);
            found.extend(sources::check(&file.path, &file.text));
            // What the compiler is shown to refuse is never part of a program.
            if !file.path.contains("/tests/ui/") {
                found.extend(sources::check_tests(&file.path, &code));
                found.extend(unsafety::check(&file.path, &file.text, &code));
            }
        }
    }
    found.sort();
    found
}

/// The files that are text; others, images for instance, have no lines to judge.
fn read(workspace: &Workspace) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for path in &workspace.files {
        let bytes = std::fs::read(workspace.root.join(path));
        let bytes = bytes.map_err(|error| format!("cannot read {path}: {error}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.clone(), text });
        }
    }
    Ok(files)
}

/// The file at `path`.
fn find<'f>(files: &'f [File], path: &str) -> Option<&'f File> {
    files.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod testing {
    //! What the tests of the rules share: members made from planted manifests.

    use crate::manifest::Manifest;
    use crate::workspace::Member;

    /// A member at `directory` with the given manifest.
    pub(super) fn member(directory: &str, text: &str) -> Member {
        let mut manifest = Manifest::parse(&format!("{directory}/Cargo.toml"), text).unwrap();
        let package = manifest.package.take().unwrap();
        Member { directory: directory.to_string(), package, manifest }
    }

    /// The members ipc, pool and testkit, with nothing wrong in them.
    pub(super) fn members() -> Vec<Member> {
        let ipc = "[package]\nname = \"multiproc-ipc\"\nversion = \"0.1.0\"\n[lints]\nworkspace = true\n";
        let pool = "[package]\nname = \"multiproc-pool\"\nversion = \"0.2.0\"\n\
                    [dependencies]\nmultiproc-ipc.workspace = true\n\
                    [dev-dependencies]\nmultiproc-testkit = { path = \"../testkit\" }\n[lints]\nworkspace = true\n";
        let testkit = "[package]\nname = \"multiproc-testkit\"\nversion = \"0.1.0\"\npublish = false\n\
                       [lints]\nworkspace = true\n";
        vec![member("crates/ipc", ipc), member("crates/pool", pool), member("crates/testkit", testkit)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_reads_as_path_line_and_advice() {
        let shown = Violation::new("crates/ipc/src/lib.rs", 7, "split it").to_string();
        assert_eq!(shown, "crates/ipc/src/lib.rs:7: split it");
    }
}
