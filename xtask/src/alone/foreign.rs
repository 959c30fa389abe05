//! A workspace of somebody else: made in the temporary folder, removed when dropped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::markdown::Block;
use crate::shell;
use crate::workspace::{Member, Workspace};

/// The longest that an example may run.
const LIMIT: Duration = Duration::from_secs(60);

/// A folder outside the workspace for foreign crates, one below the other.
#[derive(Debug)]
pub(super) struct Foreign {
    folder: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Foreign {
    pub(super) fn new(workspace: &Workspace) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("multiproc-alone-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Self { folder, root: workspace.root.clone(), target: shell::target()?.join("alone") })
    }

    /// Builds a program of this source for the model checker, on top of `dependencies` only; gives its path.
    pub(super) fn model(
        &self,
        name: &str,
        dependencies: &[&Member],
        source: &str,
    ) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        write(&folder.join("Cargo.toml"), &manifest(name, dependencies, &self.root))?;
        write(&folder.join("src/main.rs"), source)?;
        let lock = self.root.join("Cargo.lock");
        if lock.is_file() {
            let copied = std::fs::copy(&lock, folder.join("Cargo.lock"));
            copied.map_err(|error| format!("cannot copy {}: {error}", lock.display()))?;
        }
        let target = self.target.join("loom");
        let mut build = shell::cargo(["build", "--quiet", "--target-dir"]);
        build.arg(&target).current_dir(&folder).env("RUSTFLAGS", "--cfg multiproc_loom");
        shell::run(&mut build)?;
        Ok(target.join("debug").join(package_name(name)))
    }

    /// Builds a program of `example` that depends on `dependencies` only, and runs it with its own
    /// source as argument.
    pub(super) fn run(&self, name: &str, dependencies: &[&Member], example: &Block) -> Result<(), String> {
        let folder = self.folder.join(name);
        let source = folder.join("src/main.rs");
        write(&folder.join("Cargo.toml"), &manifest(name, dependencies, &self.root))?;
        write(&source, &example.program())?;
        // The same versions as in the workspace, which are on this machine already.
        let lock = self.root.join("Cargo.lock");
        if lock.is_file() {
            let copied = std::fs::copy(&lock, folder.join("Cargo.lock"));
            copied.map_err(|error| format!("cannot copy {}: {error}", lock.display()))?;
        }
        let mut build = shell::cargo(["build", "--quiet", "--target-dir"]);
        shell::run(build.arg(&self.target).current_dir(&folder))?;
        if example.has("no_run") {
            return Ok(());
        }
        let program = self.target.join("debug").join(package_name(name));
        shell::run_within(std::process::Command::new(program).arg(&source).current_dir(&folder), LIMIT)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

fn package_name(name: &str) -> String {
    format!("alone-{name}")
}

fn manifest(name: &str, dependencies: &[&Member], root: &Path) -> String {
    let package = package_name(name);
    let mut text = format!(
        "[package]\nname = {package:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n"
    );
    for member in dependencies {
        let path = root.join(&member.directory);
        text.push_str(&format!("{} = {{ path = {:?} }}\n", member.package.name, path));
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let parent = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    parent
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn the_manifest_names_the_crate_only() {
        let workspace = Workspace::load().unwrap();
        let member = workspace.members.iter().find(|member| member.package.name == "multiproc-ipc").unwrap();
        let text = manifest("multiproc-ipc", &[member], &workspace.root);
        let manifest = Manifest::parse("Cargo.toml", &text).unwrap();
        assert_eq!(manifest.package.unwrap().name, "alone-multiproc-ipc");
        let [dependency] = &manifest.dependencies[..] else { panic!("{text}") };
        assert!(Path::new(dependency.path.as_deref().unwrap()).join("Cargo.toml").is_file());
    }

    #[test]
    fn the_folder_is_removed_also_after_a_failure() {
        let workspace = Workspace::load().unwrap();
        let foreign = Foreign::new(&workspace).unwrap();
        let folder = foreign.folder.clone();
        assert!(folder.is_dir());
        let block =
            Block { line: 1, info: vec!["rust".to_string()], text: "std::process::exit(7);\n".to_string() };
        let error = foreign.run("fails", &[], &block).unwrap_err();
        assert!(error.contains("alone-fails") && error.contains('7'), "{error}");
        drop(foreign);
        assert!(!folder.exists());
    }
}
