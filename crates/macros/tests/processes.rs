//! Tests of every kind that start processes, in the ordinary harness and as other runners drive it.

use multiproc_pool::{Process, ProcessError};
use multiproc_testkit::Watchdog;

/// Runs in another process, or the test fails.
fn elsewhere(n: u32) -> (u32, u32) {
    (n * n, std::process::id())
}

#[track_caller]
fn squares_in_a_process() {
    let (square, pid) = Process::spawn(elsewhere, 7).unwrap().join().unwrap();
    assert_eq!(square, 49);
    assert_ne!(pid, std::process::id());
}

#[multiproc_macros::test]
fn plain() {
    let _watchdog = Watchdog::with_limit(60);
    squares_in_a_process();
}

#[multiproc_macros::test]
fn fallible() -> Result<(), ProcessError> {
    let _watchdog = Watchdog::with_limit(60);
    let (square, _) = Process::spawn(elsewhere, 3).unwrap().join()?;
    assert_eq!(square, 9);
    Ok(())
}

#[multiproc_macros::test]
#[should_panic(expected = "49 is not 50")]
fn panics() {
    let _watchdog = Watchdog::with_limit(60);
    let (square, _) = Process::spawn(elsewhere, 7).unwrap().join().unwrap();
    assert!(square == 50, "{square} is not 50");
}

#[multiproc_macros::test]
#[ignore = "run by the runners below"]
fn ignored() {
    let _watchdog = Watchdog::with_limit(60);
    squares_in_a_process();
}

mod nested {
    mod deeper {
        #[multiproc_macros::test]
        fn r#type() {
            let _watchdog = multiproc_testkit::Watchdog::with_limit(60);
            super::super::squares_in_a_process();
        }
    }
}

/// This very binary, driven in ways that `cargo test` does not.
mod runners {
    use std::env;
    use std::process::Command;

    use multiproc_pool::{PoolError, Process};
    use multiproc_testkit::{ChildTest, Watchdog, is_child};

    /// What the binary prints when it is called with `args` and succeeds.
    fn output(args: &[&str]) -> String {
        let output = Command::new(env::current_exe().unwrap()).args(args).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{args:?}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
        stdout
    }

    #[test]
    fn one_after_the_other() {
        let _watchdog = Watchdog::with_limit(60);
        let stdout = output(&["--test-threads=1", "--include-ignored", "--skip", "runners::"]);
        assert!(stdout.contains("test result: ok. 5 passed; 0 failed; 0 ignored;"), "{stdout}");
    }

    /// As nextest does it: a list, then a process for each test.
    #[test]
    fn each_in_a_process_of_its_own() {
        let _watchdog = Watchdog::with_limit(60);
        let list = |more: &[&str]| {
            let list = output(&[&["--list", "--format", "terse"], more].concat());
            let names = list.lines().map(|line| line.strip_suffix(": test").unwrap().to_owned());
            names.filter(|name| !name.starts_with("runners::")).collect::<Vec<_>>()
        };
        let (all, ignored) = (list(&[]), list(&["--ignored"]));
        assert_eq!(all, ["fallible", "ignored", "nested::deeper::r#type", "panics", "plain"]);
        assert_eq!(ignored, ["ignored"]);
        for name in all {
            let how: &[&str] = if ignored.contains(&name) { &["--ignored"] } else { &[] };
            let stdout = output(&[&["--exact", &name, "--nocapture"], how].concat());
            assert!(stdout.contains("test result: ok. 1 passed;"), "{stdout}");
        }
    }

    /// The other tests show something only if this one holds.
    #[test]
    fn without_the_attribute_no_process_starts() {
        let name = "runners::without_the_attribute_no_process_starts";
        if is_child(name) {
            let error = Process::spawn(super::elsewhere, 7).unwrap_err();
            assert!(matches!(error, PoolError::MissingEntry), "{error}");
            return;
        }
        ChildTest::new(name).run().expect_pass();
    }
}
