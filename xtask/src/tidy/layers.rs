//! Which crate may depend on which: arrows point one way only.

use super::Violation;
use crate::manifest::Kind;
use crate::workspace::Member;

/// What one crate may use of the others.
struct Layer {
    name: &'static str,
    normal: &'static [&'static str],
    /// Besides `normal` and [`TESTING`].
    dev: &'static [&'static str],
}

/// The whole table, from the lowest layer up; a crate that is not in it has no place yet.
const LAYERS: &[Layer] = &[
    Layer { name: "multiproc-sync", normal: &[], dev: &[] },
    Layer { name: "multiproc-thread", normal: &["multiproc-sync"], dev: &[] },
    // The macros write calls into these, so their tests and examples expand against them.
    Layer {
        name: "multiproc-macros",
        normal: &[],
        dev: &["multiproc-pool", "multiproc-shm", "multiproc-sync", "multiproc"],
    },
    Layer { name: "multiproc-shm", normal: &["multiproc-sync", "multiproc-macros"], dev: &[] },
    Layer { name: "multiproc-cli", normal: &["multiproc-shm", "multiproc-sync"], dev: &[] },
    Layer { name: "multiproc-ipc", normal: &["multiproc-sync", "multiproc-shm"], dev: &[] },
    Layer { name: "multiproc-pool", normal: &["multiproc-sync", "multiproc-shm", "multiproc-ipc"], dev: &[] },
    Layer {
        name: "multiproc",
        normal: &[
            "multiproc-sync",
            "multiproc-thread",
            "multiproc-shm",
            "multiproc-ipc",
            "multiproc-macros",
            "multiproc-pool",
        ],
        dev: &[],
    },
    Layer { name: "multiproc-testkit", normal: &[], dev: &[] },
    Layer {
        name: "multiproc-benches",
        normal: &[
            "multiproc",
            "multiproc-sync",
            "multiproc-thread",
            "multiproc-shm",
            "multiproc-ipc",
            "multiproc-macros",
            "multiproc-pool",
            "multiproc-testkit",
        ],
        dev: &[],
    },
    Layer { name: "xtask", normal: &[], dev: &[] },
];

/// What the tests of any crate may use.
const TESTING: &[&str] = &["multiproc-macros", "multiproc-testkit"];

pub(super) fn check(member: &Member, members: &[Member]) -> Vec<Violation> {
    let name = member.package.name.as_str();
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        let what = format!(
            "`{name}` has no place among the layers: add it to the table in xtask/src/tidy/layers.rs"
        );
        return vec![Violation::new(&member.manifest.path, 1, what)];
    };
    let mut found = Vec::new();
    for dependency in &member.manifest.dependencies {
        let other = dependency.name.as_str();
        if !members.iter().any(|member| member.package.name == other) {
            continue;
        }
        let testing = layer.dev.contains(&other) || (TESTING.contains(&other) && other != name);
        if layer.normal.contains(&other) || (dependency.kind == Kind::Dev && testing) {
            continue;
        }
        let (table, allowed) = match dependency.kind {
            Kind::Dev => ("tests", [layer.normal, layer.dev, TESTING].concat()),
            Kind::Normal | Kind::Build => ("code", layer.normal.to_vec()),
        };
        let allowed = if allowed.is_empty() { "nothing of ours".to_string() } else { allowed.join(", ") };
        let what = format!(
            "the {table} of `{name}` may not use `{other}` (allowed: {allowed}): turn the arrow round"
        );
        found.push(Violation::new(&member.manifest.path, dependency.line, what));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::testing::{member, members};

    fn check_text(name: &str, dependencies: &str) -> Vec<Violation> {
        let text = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n{dependencies}");
        let planted = member("crates/planted", &text);
        let mut all = members();
        all.push(member("crates/planted", &text));
        check(&planted, &all)
    }

    #[test]
    fn the_right_way_round_passes() {
        let all = members();
        assert!(all.iter().all(|member| check(member, &all).is_empty()));
    }

    #[test]
    fn an_arrow_upwards_is_caught_with_its_line() {
        let found = check_text("multiproc-sync", "[dependencies]\nmultiproc-pool.workspace = true\n");
        assert_eq!(found[0].line, 5);
        assert!(found[0].what.contains("`multiproc-pool` (allowed: nothing of ours)"), "{}", found[0]);
    }

    #[test]
    fn a_dev_arrow_upwards_is_caught_too() {
        let found =
            check_text("multiproc-ipc", "[dev-dependencies]\nmultiproc-pool = { path = \"../pool\" }\n");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn testkit_is_for_tests_only() {
        let dev = check_text(
            "multiproc-ipc",
            "[dev-dependencies]\nmultiproc-testkit = { path = \"../testkit\" }\n",
        );
        assert!(dev.is_empty());
        let normal =
            check_text("multiproc-ipc", "[dependencies]\nmultiproc-testkit = { path = \"../testkit\" }\n");
        assert_eq!(normal.len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_caught() {
        let found = check_text("multiproc-new", "");
        assert!(found[0].what.contains("xtask/src/tidy/layers.rs"));
    }

    #[test]
    fn every_arrow_points_to_a_row_above() {
        for (at, layer) in LAYERS.iter().enumerate() {
            for lower in layer.normal {
                assert!(LAYERS[..at].iter().any(|row| row.name == *lower), "{} and {lower}", layer.name);
            }
        }
    }
}
