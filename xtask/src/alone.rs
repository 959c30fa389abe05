//! `cargo xtask alone`: each published crate in a foreign workspace that depends on it only, running
//! the first example of its README; then all of them packaged.

mod foreign;
mod modelled;

use std::process::ExitCode;

use self::foreign::Foreign;
use crate::markdown::{self, Block};
use crate::workspace::{Member, Workspace};
use crate::{Outcome, no_arguments, shell};

/// Crates that are of no use without another one.
const COMPANIONS: &[(&str, &str)] =
    &[("multiproc-macros", "multiproc-pool"), ("multiproc-shm", "multiproc-sync")];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("alone", arguments)?;
    check(&Workspace::load()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds and runs every example, then packages the crates.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let foreign = Foreign::new(workspace)?;
    for member in workspace.published() {
        let name = &member.package.name;
        let page = format!("{}/README.md", member.directory);
        let text = std::fs::read_to_string(workspace.root.join(&page));
        let text = text.map_err(|error| format!("cannot read {page}: {error}"))?;
        let example = markdown::blocks(&text).into_iter().find(Block::is_rust);
        let example = example.ok_or_else(|| format!("{page} has no example: add one block of ```rust"))?;
        println!("-- {name}: {page}:{}", example.line);
        let outcome = foreign.run(name, &dependencies(workspace, member)?, &example);
        outcome.map_err(|error| format!("the example at {page}:{}: {error}", example.line))?;
    }
    println!("-- a model of somebody else's");
    modelled::check(&foreign, workspace)?;
    println!("-- packages");
    package(workspace)
}

/// The crate and its companion, if it has one.
fn dependencies<'w>(workspace: &'w Workspace, member: &'w Member) -> Result<Vec<&'w Member>, String> {
    let mut found = vec![member];
    for (_, companion) in COMPANIONS.iter().filter(|(name, _)| *name == member.package.name) {
        let other = workspace.members.iter().find(|other| other.package.name == *companion);
        found.push(
            other.ok_or_else(|| {
                format!("{companion}, the companion of {}, is no member", member.package.name)
            })?,
        );
    }
    Ok(found)
}

/// Packs the published crates together: those that need each other find each other, though no registry
/// has them yet. Building them again from the archives would show nothing new but missing files, and
/// cargo lists what it packs.
fn package(workspace: &Workspace) -> Result<(), String> {
    let mut command = shell::cargo(["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for member in workspace.published() {
        command.args(["--package", &member.package.name]);
    }
    shell::run(&mut command)
}
