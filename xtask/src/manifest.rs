//! What a chore needs to know of one `Cargo.toml`, each fact with its line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::line_of;

/// One `Cargo.toml`.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Relative to the workspace.
    pub(crate) path: String,
    pub(crate) package: Option<Package>,
    /// `workspace.members`.
    pub(crate) members: Vec<String>,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// `workspace.dependencies`.
    pub(crate) shared: Vec<Dependency>,
    /// `lints.workspace = true`.
    pub(crate) inherits_lints: bool,
}

/// The table `package`.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// None when it is not a string of its own, as in `version.workspace = true`.
    pub(crate) version: Option<String>,
    pub(crate) version_line: usize,
    pub(crate) publish: bool,
}

/// The kinds of dependency tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One entry of a dependency table.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package's name, also when the entry renames it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) line: usize,
    pub(crate) path: Option<String>,
    pub(crate) version: Option<String>,
    /// `workspace = true`.
    pub(crate) inherited: bool,
}

const TABLES: [(&str, Kind); 3] =
    [("dependencies", Kind::Normal), ("dev-dependencies", Kind::Dev), ("build-dependencies", Kind::Build)];

impl Manifest {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let document = DeTable::parse(text).map_err(|error| format!("{path}: {error}"))?;
        let document = document.get_ref();
        let workspace = table(document, "workspace");
        let mut dependencies = Vec::new();
        collect(document, text, &mut dependencies);
        for (_, target) in table(document, "target").into_iter().flatten() {
            if let Some(target) = target.get_ref().as_table() {
                collect(target, text, &mut dependencies);
            }
        }
        let features = table(document, "features").into_iter().flatten();
        let members =
            workspace.and_then(|table| table.get("members")).and_then(|list| list.get_ref().as_array());
        let lints = table(document, "lints").and_then(|table| table.get("workspace"));
        Ok(Self {
            path: path.to_string(),
            package: table(document, "package").map(|package| Package::read(package, text)),
            members: members.into_iter().flatten().filter_map(string).collect(),
            features: features.map(|(name, _)| name.get_ref().to_string()).collect(),
            dependencies,
            shared: workspace
                .and_then(|workspace| table(workspace, "dependencies"))
                .map(|shared| entries(shared, Kind::Normal, text))
                .unwrap_or_default(),
            inherits_lints: lints.is_some_and(|value| value.get_ref().as_bool() == Some(true)),
        })
    }
}

impl Package {
    fn read(table: &DeTable<'_>, text: &str) -> Self {
        let version = table.get_key_value("version");
        Self {
            name: table.get("name").and_then(string).unwrap_or_default(),
            version: version.and_then(|(_, value)| string(value)),
            version_line: version.map_or(1, |(key, _)| line_of(text, key.span().start)),
            publish: table.get("publish").is_none_or(|publish| match publish.get_ref() {
                DeValue::Boolean(allowed) => *allowed,
                DeValue::Array(registries) => !registries.is_empty(),
                _ => true,
            }),
        }
    }
}

fn table<'t, 'i>(parent: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    parent.get(key)?.get_ref().as_table()
}

fn string(value: &Spanned<DeValue<'_>>) -> Option<String> {
    value.get_ref().as_str().map(str::to_string)
}

fn collect(parent: &DeTable<'_>, text: &str, found: &mut Vec<Dependency>) {
    for (key, kind) in TABLES {
        if let Some(dependencies) = table(parent, key) {
            found.extend(entries(dependencies, kind, text));
        }
    }
}

fn entries(dependencies: &DeTable<'_>, kind: Kind, text: &str) -> Vec<Dependency> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key_text: &std::borrow::Cow<'_, str> = key.get_ref();
        let details = value.get_ref().as_table();
        let detail = |name: &str| details.and_then(|table| table.get(name));
        Dependency {
            name: detail("package").and_then(string).unwrap_or_else(|| key_text.to_string()),
            kind,
            line: line_of(text, key.span().start),
            path: detail("path").and_then(string),
            version: string(value).or_else(|| detail("version").and_then(string)),
            inherited: detail("workspace").is_some_and(|value| value.get_ref().as_bool() == Some(true)),
        }
    };
    dependencies.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[package]
name = "multiproc-pool"
version = "0.1.0"

[features]
default = []
fast = []

[dependencies]
libc.workspace = true
ipc = { package = "multiproc-ipc", workspace = true }

[dependencies.serde]
version = "1"

[target.'cfg(unix)'.dev-dependencies]
multiproc-testkit = { path = "../testkit" }

[lints]
workspace = true
"#;

    fn dependency<'m>(manifest: &'m Manifest, name: &str) -> &'m Dependency {
        manifest.dependencies.iter().find(|dependency| dependency.name == name).unwrap()
    }

    #[test]
    fn every_form_of_dependency_is_read_with_its_line() {
        let manifest = Manifest::parse("Cargo.toml", TEXT).unwrap();
        let renamed = dependency(&manifest, "multiproc-ipc");
        assert!(renamed.inherited);
        assert_eq!((renamed.line, renamed.kind), (11, Kind::Normal));
        assert_eq!(dependency(&manifest, "serde").version.as_deref(), Some("1"));
        let dev = dependency(&manifest, "multiproc-testkit");
        assert_eq!((dev.line, dev.kind, dev.path.as_deref()), (17, Kind::Dev, Some("../testkit")));
        assert_eq!(manifest.features, ["default", "fast"]);
        assert!(manifest.inherits_lints);
    }

    #[test]
    fn a_package_tells_its_version_and_whether_it_is_published() {
        let package = Manifest::parse("Cargo.toml", TEXT).unwrap().package.unwrap();
        assert_eq!(package.version.as_deref(), Some("0.1.0"));
        assert_eq!(package.version_line, 3);
        assert!(package.publish);
        let hidden = "[package]\nname = \"x\"\nversion.workspace = true\npublish = false\n";
        let package = Manifest::parse("Cargo.toml", hidden).unwrap().package.unwrap();
        assert_eq!((package.version, package.publish), (None, false));
    }

    #[test]
    fn a_workspace_lists_members_and_shared_dependencies() {
        let text = "[workspace]\nmembers = [\"crates/*\"]\n[workspace.dependencies]\na = { path = \"a\", version = \"1.2.3\" }\n";
        let manifest = Manifest::parse("Cargo.toml", text).unwrap();
        assert_eq!(manifest.members, ["crates/*"]);
        let shared = &manifest.shared[0];
        assert_eq!(
            (shared.path.as_deref(), shared.version.as_deref(), shared.line),
            (Some("a"), Some("1.2.3"), 4)
        );
    }

    #[test]
    fn text_that_is_not_toml_is_an_error_with_the_path() {
        let error = Manifest::parse("crates/x/Cargo.toml", "[package").unwrap_err();
        assert!(error.starts_with("crates/x/Cargo.toml: "), "{error}");
    }
}
