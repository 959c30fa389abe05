//! Contenders of this program as it is when it is built with features of the crate sync, which this one does without: a program of its
//! own, as features are the same for all that is built together. `cargo xtask bench` builds what is needed, and says where it is.

use std::env;
use std::process::Command;

use crate::Result;
use crate::session::{Setting, Start};

/// A build of this program.
#[derive(Debug)]
pub(crate) struct Build {
    /// The environment's variable with its path.
    variable: &'static str,
    /// Why its contenders are left out where that is not set.
    missing: &'static str,
}

macro_rules! build {
    ($features:literal, $variable:literal) => {
        Build {
            variable: $variable,
            missing: concat!("no program with the features ", $features, ": `cargo xtask bench` builds it"),
        }
    };
}

pub(crate) const CONTENTION: Build = build!("contention", "MULTIPROC_BENCHES_CONTENTION");
pub(crate) const CONTENTION_DEADLOCK: Build =
    build!("contention,deadlock", "MULTIPROC_BENCHES_CONTENTION_DEADLOCK");
pub(crate) const DEADLOCK: Build = build!("deadlock", "MULTIPROC_BENCHES_DEADLOCK");

impl Build {
    /// Why it is not there, if so.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        env::var_os(self.variable).is_none().then_some(self.missing)
    }

    /// Has it take this process's place, as its own contender `BENCH/CONTENDER`, which must be one of a bench that runs `free` only.
    pub(crate) fn start(&self, setting: &Setting, contender: &str) -> Result<Start> {
        let program = env::var_os(self.variable).ok_or(self.missing)?;
        let mut program = Command::new(program);
        program.arg(format!("--contender={contender}"));
        if setting.quick {
            program.arg("--quick");
        }
        Ok(Start::Program(program))
    }
}

/// A contender by this name that another [`Build`] runs as its own: `built_with!("with.contention", CONTENTION, "mutex.x/ours")`.
macro_rules! built_with {
    ($name:expr, $build:ident, $contender:expr) => {
        $crate::registry::Contender {
            name: $name,
            start: |setting| $crate::built_with::$build.start(setting, $contender),
            missing: || $crate::built_with::$build.missing(),
        }
    };
}
pub(crate) use built_with;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::Placement;

    #[test]
    fn a_build_that_is_not_there_is_missing_and_says_how_to_come_by_it() {
        const NOWHERE: Build = build!("other", "MULTIPROC_BENCHES_NOWHERE");
        let missing = NOWHERE.missing().unwrap();
        assert!(missing.contains("other") && missing.contains("cargo xtask bench"), "{missing}");
        let setting = Setting::new(Placement::Free, true).unwrap();
        assert!(NOWHERE.start(&setting, "mutex.x/ours").is_err());
    }
}
