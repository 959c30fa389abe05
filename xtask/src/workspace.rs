//! The workspace as it lies on disk: its files and its members.

use std::path::PathBuf;
use std::process::Command;

use crate::manifest::{Manifest, Package};
use crate::shell;

/// The workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Every file that is tracked or about to be, relative to the root.
    pub(crate) files: Vec<String>,
    pub(crate) manifest: Manifest,
    pub(crate) members: Vec<Member>,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    /// Relative to the root, with `/` at no end.
    pub(crate) directory: String,
    pub(crate) package: Package,
    pub(crate) manifest: Manifest,
}

impl Member {
    /// The last part of its directory.
    pub(crate) fn folder(&self) -> &str {
        self.directory.rsplit('/').next().unwrap_or(&self.directory)
    }
}

impl Workspace {
    /// Reads the workspace that this program belongs to.
    pub(crate) fn load() -> Result<Self, String> {
        let root = shell::root();
        let files = files(&root)?;
        let read = |path: &str| {
            let text = std::fs::read_to_string(root.join(path));
            Manifest::parse(path, &text.map_err(|error| format!("cannot read {path}: {error}"))?)
        };
        let manifest = read("Cargo.toml")?;
        let mut members = Vec::new();
        for path in files.iter().filter(|path| path.ends_with("/Cargo.toml")) {
            let directory = path.trim_end_matches("/Cargo.toml");
            if manifest.members.iter().any(|pattern| matches(pattern, directory)) {
                let mut manifest = read(path)?;
                let package =
                    manifest.package.take().ok_or_else(|| format!("{path}: there is no [package]"))?;
                members.push(Member { directory: directory.to_string(), package, manifest });
            }
        }
        Ok(Self { root, files, manifest, members })
    }

    /// The crates that are published, in the order of their folders.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.package.publish)
    }
}

/// Git's list, so that target folders and lock files do not count. The folder may belong to another
/// user, as in a container.
fn files(root: &std::path::Path) -> Result<Vec<String>, String> {
    let mut git = Command::new("git");
    git.arg("-c").arg(format!("safe.directory={}", root.display()));
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = shell::capture(&mut git)
        .map_err(|error| format!("{error}\nthe list of files comes from git: run this in a clone"))?;
    let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_string).collect();
    files.retain(|path| root.join(path).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn matches(pattern: &str, directory: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(parent) => directory.rsplit_once('/').is_some_and(|(folder, _)| folder == parent),
        None => pattern == directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_patterns_match_one_level() {
        assert!(matches("crates/*", "crates/ipc"));
        assert!(!matches("crates/*", "crates/ipc/tests/fixture"));
        assert!(matches("xtask", "xtask"));
        assert!(!matches("xtask", "benches"));
    }

    #[test]
    fn this_workspace_is_found_with_its_members() {
        let workspace = Workspace::load().unwrap();
        let xtask = workspace.members.iter().find(|member| member.directory == "xtask").unwrap();
        assert!(!xtask.package.publish);
        assert!(workspace.published().any(|member| member.package.name == "multiproc"));
        assert!(workspace.files.iter().any(|path| path == "xtask/src/main.rs"));
        assert!(!workspace.files.iter().any(|path| path.starts_with("target/")));
    }
}
