//! Which CPython of a version is on this machine.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    /// The variable that names an interpreter of it.
    fn variable(self) -> String {
        format!("MULTIPROC_PYTHON_{}_{}", self.0, self.1)
    }
}

/// A CPython that has been asked what it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) version: Version,
    pub(super) program: PathBuf,
    /// All numbers of its version.
    pub(super) exactly: String,
    found: &'static str,
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPython {} by {}: {}", self.exactly, self.found, self.program.display())
    }
}

/// Where one is looked for, in this order.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// A program that is named; if it is none, there is no looking further.
    pub(super) named: Option<OsString>,
    /// The folder of pyenv's installations.
    pub(super) pyenv: Option<PathBuf>,
    /// The folders of `PATH`.
    pub(super) path: Vec<PathBuf>,
}

impl Places {
    pub(super) fn of_environment(version: Version) -> Self {
        let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
        let home = || std::env::home_dir().map(|home| home.join(".pyenv"));
        Self {
            named: std::env::var_os(version.variable()),
            pyenv: root.or_else(home).map(|root| root.join("versions")),
            path: std::env::var_os("PATH")
                .map_or_else(Vec::new, |path| std::env::split_paths(&path).collect()),
        }
    }
}

/// The first one of this version; if there is none, what to do.
pub(super) fn find(version: Version, places: &Places) -> Result<Interpreter, String> {
    let mut tried = Vec::new();
    let mut probe = |program: &Path, found| match ask(program, version) {
        Ok(exactly) => Some(Interpreter { version, program: program.to_path_buf(), exactly, found }),
        Err(why) => {
            tried.push(format!("  {}: {why}", program.display()));
            None
        }
    };
    if let Some(named) = &places.named {
        return probe(Path::new(named), "its variable").ok_or_else(|| {
            format!("{} names no CPython {version}:\n{}", version.variable(), tried.join("\n"))
        });
    }
    let file = format!("python{version}");
    for folder in places.pyenv.iter().flat_map(|pyenv| installed(pyenv, version)) {
        if let Some(found) = probe(&folder.join("bin").join(&file), "pyenv") {
            return Ok(found);
        }
    }
    for program in places.path.iter().map(|folder| folder.join(&file)).filter(|program| program.is_file()) {
        if let Some(found) = probe(&program, "PATH") {
            return Ok(found);
        }
    }
    let tried = if tried.is_empty() { String::new() } else { format!("\ntried:\n{}", tried.join("\n")) };
    Err(format!(
        "CPython {version} is missing. One of these installs it, or names one that is there:\n  \
         pyenv install {version}\n  uv python install {version} && export {variable}=$(uv python find {version})\n  \
         export {variable}=/path/to/python{version}{tried}",
        variable = version.variable()
    ))
}

/// The folders of pyenv's that are releases of this version, the latest first.
fn installed(pyenv: &Path, version: Version) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(pyenv).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let patch = name.strip_prefix(&format!("{version}."))?.parse().ok()?;
            Some((patch, entry.path()))
        })
        .collect();
    found.sort_by_key(|(patch, _)| std::cmp::Reverse(*patch));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// Its exact version, if it runs and is a CPython of `version`.
fn ask(program: &Path, version: Version) -> Result<String, String> {
    const QUESTION: &str =
        "import sys; print(sys.implementation.name, '.'.join(map(str, sys.version_info[:3])))";
    let output = Command::new(program).args(["-I", "-c", QUESTION]).output();
    let output = output.map_err(|error| format!("it cannot be started: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("it ended with {}: {}", output.status, why.lines().next().unwrap_or_default()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let exactly = said.trim().strip_prefix("cpython ");
    let exactly = exactly.filter(|exactly| exactly.starts_with(&format!("{version}.")));
    exactly.map(str::to_owned).ok_or_else(|| format!("it is `{}`", said.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const WANTED: Version = Version(3, 12);

    /// A folder with programs that say what they are told to; gone with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-python-{test}-{}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn program(&self, at: &str, script: &str) -> PathBuf {
            let path = self.0.join(at);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn pyenvs_latest_release_comes_before_path_and_what_does_not_run_is_passed_over() {
        let folder = Folder::new("order");
        folder.program("versions/3.12.9/bin/python3.12", "echo cpython 3.12.9");
        let latest = folder.program("versions/3.12.10/bin/python3.12", "echo cpython 3.12.10");
        folder.program("versions/3.12.11/bin/python3.12", "exit 3");
        folder.program("versions/3.12-dev/bin/python3.12", "echo cpython 3.12.99");
        let on_path = folder.program("bin/python3.12", "echo cpython 3.12.1");
        let places = |pyenv: Option<PathBuf>| Places { named: None, pyenv, path: vec![folder.0.join("bin")] };
        let found = find(WANTED, &places(Some(folder.0.join("versions")))).unwrap();
        assert_eq!((found.program, &*found.exactly, found.found), (latest, "3.12.10", "pyenv"));
        let found = find(WANTED, &places(None)).unwrap();
        assert_eq!((found.program, found.found), (on_path, "PATH"));
    }

    #[test]
    fn one_that_is_named_must_be_it() {
        let folder = Folder::new("named");
        let other = folder.program("pypy", "echo pypy 3.12.4");
        folder.program("python3.12", "echo cpython 3.12.4");
        let places = Places { named: Some(other.into()), path: vec![folder.0.clone()], ..Places::default() };
        let error = find(WANTED, &places).unwrap_err();
        assert!(error.contains("MULTIPROC_PYTHON_3_12") && error.contains("it is `pypy 3.12.4`"), "{error}");
    }

    #[test]
    fn a_missing_one_says_how_to_install_it() {
        let folder = Folder::new("missing");
        folder.program("python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127");
        let places = Places { path: vec![folder.0.clone()], ..Places::default() };
        let error = find(WANTED, &places).unwrap_err();
        for part in
            ["pyenv install 3.12", "uv python install 3.12", "MULTIPROC_PYTHON_3_12=", "command not found"]
        {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
