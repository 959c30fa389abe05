//! `cargo xtask bench`: the benchmarks, in release, with the arguments and the exit code passed on. Some compare the program with
//! itself, built with features of sync that it does without: these programs are built before, if they are asked for.

use std::path::PathBuf;

use crate::{Outcome, artifact, shell};

const PACKAGE: &str = "multiproc-benches";

/// Names that ask for every build.
const ALL: &[&str] = &["sync"];

/// The program with features.
struct Build {
    features: &'static str,
    /// Of the environment, for the benchmarks: where it is.
    variable: &'static str,
    /// Groups of benches that run it.
    groups: &'static [&'static str],
}

const BUILDS: &[Build] = &[
    Build { features: "contention", variable: "MULTIPROC_BENCHES_CONTENTION", groups: &["contention"] },
    Build { features: "deadlock", variable: "MULTIPROC_BENCHES_DEADLOCK", groups: &["deadlock"] },
    Build {
        features: "contention,deadlock",
        variable: "MULTIPROC_BENCHES_CONTENTION_DEADLOCK",
        groups: &["contention", "deadlock"],
    },
];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut command = shell::cargo(["run", "--release", "--package", PACKAGE, "--"]);
    for build in BUILDS.iter().filter(|build| build.is_needed(arguments)) {
        command.env(build.variable, build.program()?);
    }
    let status = shell::status(command.args(arguments))?;
    Ok(shell::exit_code(status))
}

impl Build {
    /// Whether a bench of its groups may be asked for.
    fn is_needed(&self, arguments: &[String]) -> bool {
        let tells_only = |argument: &String| ["--list", "--help", "-h"].contains(&argument.as_str());
        if arguments.iter().any(tells_only) {
            return false;
        }
        // A number behind an option looks like a name, and is none that is known.
        let mut names = arguments.iter().map(String::as_str).filter(|argument| is_name(argument)).peekable();
        let takes = |name: &str| {
            let group = name.split('.').next().unwrap_or_default();
            self.groups.contains(&group) || ALL.contains(&name)
        };
        names.peek().is_none() || names.any(takes)
    }

    /// Builds it, beside the ordinary one.
    fn program(&self) -> Result<PathBuf, String> {
        eprintln!("bench: building the program with the features {}", self.features);
        let target = shell::target()?.join("features");
        let mut command = shell::cargo(["build", "--release", "--package", PACKAGE]);
        command.args(["--features", self.features]).arg("--target-dir").arg(&target);
        let built = artifact::program(&mut command)?;
        let built = built.ok_or_else(|| format!("cargo built no program {PACKAGE}"))?;
        // The next one takes its place.
        let kept = target.join(self.features.replace(',', "-"));
        let copied = std::fs::copy(&built, &kept);
        copied.map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
        Ok(kept)
    }
}

fn is_name(argument: &str) -> bool {
    argument.starts_with(|first: char| first.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(arguments: &[&str]) -> Vec<&'static str> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let builds = BUILDS.iter().filter(|build| build.is_needed(&arguments));
        builds.map(|build| build.features).collect()
    }

    #[test]
    fn only_programs_that_are_asked_for_are_built() {
        assert_eq!(needed(&["mutex", "--rounds", "3"]), [""; 0]);
        assert_eq!(needed(&["contention.private", "--quick"]), ["contention", "contention,deadlock"]);
        assert_eq!(needed(&["mutex", "deadlock"]), ["deadlock", "contention,deadlock"]);
        assert_eq!(needed(&["sync"]).len(), BUILDS.len());
        assert_eq!(needed(&["--quick", "--rounds", "3"]).len(), BUILDS.len());
        assert_eq!(needed(&["--list"]), [""; 0]);
    }
}
