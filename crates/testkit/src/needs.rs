//! What a test needs of the machine, and not every machine gives.

use std::env;
use std::thread;

use crate::sys;

/// Whether the test can show what it is there for; `what` tells people what it needs for that.
///
/// Where it is not there the caller is to return: the test passes, and says past the harness that it has shown nothing. In the continuous
/// integration it fails: there the machine is to have all that tests need.
///
/// # Panics
///
/// In the continuous integration, which is where `CI` is in the environment, neither empty nor `false`.
///
/// # Examples
///
/// ```
/// use multiproc_testkit::needs;
///
/// # fn test() {
/// if !needs("a file of processes", std::path::Path::new("/proc/self/stat").exists()) {
///     return;
/// }
/// # }
/// # test();
/// ```
#[track_caller]
#[must_use = "without it the test has nothing to show"]
pub fn needs(what: &str, is_there: bool) -> bool {
    if is_there {
        return true;
    }
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(
        !in_ci(),
        "`{test}` shows nothing here, as it needs {what}; in the continuous integration it must"
    );
    sys::write_to_stderr(format!("\nNOT SHOWN: `{test}` needs {what}\n").as_bytes());
    false
}

/// Whether this is the continuous integration.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !["", "0", "false"].iter().any(|no| value == *no))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChildTest, is_child};

    /// The environment is a process's, so that the test runs itself again with another one.
    #[test]
    fn what_is_not_there_fails_in_the_continuous_integration_alone() {
        const NAME: &str = "needs::tests::what_is_not_there_fails_in_the_continuous_integration_alone";
        if is_child(NAME) {
            assert!(needs("nothing", true));
            assert!(!needs("what is nowhere", false));
            return;
        }
        for (ci, passes) in [("", true), ("false", true), ("1", false), ("true", false)] {
            let child = ChildTest::new(NAME).env("CI", ci).run();
            assert_eq!(child.status.success(), passes, "{ci:?}: {}", child.stderr);
            assert!(child.stderr.contains("needs what is nowhere"), "{ci:?}: {}", child.stderr);
        }
    }
}
