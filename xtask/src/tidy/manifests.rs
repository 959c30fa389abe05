//! Versions and dependencies of the members: each crate is released, and packages, by itself.

use super::Violation;
use crate::manifest::{Kind, Manifest};
use crate::workspace::Member;

pub(super) fn check(member: &Member, members: &[Member]) -> Vec<Violation> {
    let Member { package, manifest, .. } = member;
    let mut found = Vec::new();
    let mut report = |line, what: String| found.push(Violation::new(&manifest.path, line, what));
    if !package.version.as_deref().is_some_and(is_version) {
        report(
            package.version_line,
            "a crate has a version of its own: write `version = \"x.y.z\"`".to_string(),
        );
    }
    if !manifest.inherits_lints {
        report(
            1,
            "the lints of the workspace are missing: add `[lints]` with `workspace = true`".to_string(),
        );
    }
    for dependency in &manifest.dependencies {
        let Some(other) = members.iter().find(|member| member.package.name == dependency.name) else {
            continue;
        };
        let name = &dependency.name;
        match dependency.kind {
            Kind::Dev
                if dependency.inherited || dependency.version.is_some() || dependency.path.is_none() =>
            {
                let what = "a dev-dependency on a crate of the workspace is path only, or neither could be packaged first";
                report(dependency.line, format!("{what}: write `{name} = {{ path = \"…\" }}`"));
            }
            Kind::Dev => {}
            Kind::Normal | Kind::Build if !package.publish => {}
            Kind::Normal | Kind::Build if !other.package.publish => {
                report(
                    dependency.line,
                    format!("`{name}` is not published: a published crate can't depend on it"),
                );
            }
            Kind::Normal | Kind::Build if !dependency.inherited => {
                let what = "path and version stand in [workspace.dependencies]";
                report(dependency.line, format!("{what}: write `{name}.workspace = true`"));
            }
            Kind::Normal | Kind::Build => {}
        }
    }
    found
}

/// The entries of `workspace.dependencies` that are members.
pub(super) fn check_shared(root: &Manifest, members: &[Member]) -> Vec<Violation> {
    let mut found = Vec::new();
    for dependency in root.shared.iter().filter(|dependency| dependency.path.is_some()) {
        let name = &dependency.name;
        let Some(member) = members.iter().find(|member| member.package.name == *name) else {
            let what = format!("`{name}` has a path and is no member: remove it");
            found.push(Violation::new(&root.path, dependency.line, what));
            continue;
        };
        let version = member.package.version.as_deref().unwrap_or("x.y.z");
        if dependency.version.as_deref() != Some(version) {
            let what = format!(
                "`{name}` is listed with another version than its own: write `version = \"{version}\"`"
            );
            found.push(Violation::new(&root.path, dependency.line, what));
        }
    }
    found
}

/// Three numbers, and perhaps a pre-release.
pub(super) fn is_version(text: &str) -> bool {
    let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::testing::{member, members};

    fn check_pool(text: &str) -> Vec<Violation> {
        let lints = "[lints]\nworkspace = true\n";
        let text = format!("[package]\nname = \"multiproc-pool\"\nversion = \"0.1.0\"\n{text}{lints}");
        check(&member("crates/pool", &text), &members())
    }

    #[test]
    fn the_model_members_pass() {
        let all = members();
        assert!(all.iter().all(|member| check(member, &all).is_empty()));
    }

    #[test]
    fn an_inherited_version_is_caught() {
        let text =
            "[package]\nname = \"multiproc-ipc\"\nversion.workspace = true\n[lints]\nworkspace = true\n";
        let found = check(&member("crates/ipc", text), &members());
        assert_eq!((found.len(), found[0].line), (1, 3));
    }

    #[test]
    fn missing_lints_are_caught() {
        let text = "[package]\nname = \"multiproc-ipc\"\nversion = \"0.1.0\"\n";
        let found = check(&member("crates/ipc", text), &members());
        assert!(found[0].what.contains("[lints]"));
    }

    #[test]
    fn a_bare_path_dependency_is_caught() {
        let found =
            check_pool("[dependencies]\nmultiproc-ipc = { path = \"../ipc\", version = \"0.1.0\" }\n");
        assert!(found[0].what.contains("multiproc-ipc.workspace = true"), "{}", found[0]);
    }

    #[test]
    fn a_dependency_on_an_unpublished_crate_is_caught() {
        let found = check_pool("[dependencies]\nmultiproc-testkit = { path = \"../testkit\" }\n");
        assert!(found[0].what.contains("not published"), "{}", found[0]);
    }

    #[test]
    fn a_dev_dependency_with_a_version_or_inherited_is_caught() {
        let version =
            "[dev-dependencies]\nmultiproc-testkit = { path = \"../testkit\", version = \"0.1.0\" }\n";
        assert_eq!(check_pool(version).len(), 1);
        assert_eq!(check_pool("[dev-dependencies]\nmultiproc-testkit.workspace = true\n").len(), 1);
    }

    #[test]
    fn a_shared_version_must_be_the_members_own() {
        let text = "[workspace.dependencies]\nmultiproc-ipc = { path = \"crates/ipc\", version = \"0.1.0\" }\n\
                    multiproc-pool = { path = \"crates/pool\", version = \"0.1.0\" }\n\
                    multiproc-testkit = { path = \"crates/testkit\" }\nmultiproc-gone = { path = \"gone\", version = \"1.0.0\" }\n";
        let found = check_shared(&Manifest::parse("Cargo.toml", text).unwrap(), &members());
        let mut lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [3, 4, 5]);
    }

    #[test]
    fn versions_are_three_numbers() {
        assert!(is_version("0.1.0") && is_version("1.0.0-rc.1"));
        assert!(!is_version("0.1") && !is_version("1.0.x") && !is_version(""));
    }
}
