//! `#[test]` on real tests, with a hook that checks the path it is given against what the harness lists.

// The expansion names this crate, whose hook stands in for the real one.
extern crate self as multiproc_pool;

use multiproc_macros::test;

pub(crate) mod entry {
    use std::cell::Cell;
    use std::process::Command;
    use std::sync::OnceLock;

    thread_local! {
        static PATH: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    pub(crate) fn test(path: &'static str) {
        let (krate, name) = path.split_once("::").expect("a crate's name in front");
        assert_eq!(krate, env!("CARGO_CRATE_NAME"));
        assert!(listed().iter().any(|listed| listed == name), "{name} is not in {:?}", listed());
        PATH.set(Some(path));
    }

    /// The path that the hook of the running test was given.
    pub(crate) fn path() -> Option<&'static str> {
        PATH.get()
    }

    /// The tests of this binary, by the names that `--exact` takes.
    fn listed() -> &'static [String] {
        static LISTED: OnceLock<Vec<String>> = OnceLock::new();
        LISTED.get_or_init(|| {
            let exe = std::env::current_exe().unwrap();
            let list = Command::new(exe).args(["--list", "--format", "terse"]).output().unwrap();
            let list = String::from_utf8(list.stdout).unwrap();
            list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
        })
    }
}

#[test]
fn a_plain_import_of_the_attribute_does_not_recurse() {
    let own = "test_attribute::a_plain_import_of_the_attribute_does_not_recurse";
    assert_eq!(entry::path(), Some(own));
}

#[test]
fn results_are_kept() -> Result<(), std::num::ParseIntError> {
    assert!(entry::path().is_some());
    let _: u8 = "7".parse()?;
    Ok(())
}

#[test]
#[should_panic(expected = "on purpose")]
fn should_panic_is_kept() {
    assert!(entry::path().is_some());
    panic!("on purpose");
}

#[test]
#[ignore = "it fails unless it is ignored"]
fn ignore_is_kept() {
    assert!(std::env::args().any(|arg| arg.ends_with("ignored")), "nobody asked for ignored tests");
}

#[test]
#[should_panic(expected = "is not in")]
fn an_unlisted_path_would_be_noticed() {
    entry::test("test_attribute::nobody");
}

/// Names that the harness writes in its own way.
mod r#try {
    use super::{entry, test};

    mod deep {
        #[multiproc_macros::test]
        fn in_a_nested_module() {
            assert_eq!(super::entry::path(), Some("test_attribute::r#try::deep::in_a_nested_module"));
        }
    }

    #[test]
    fn r#type() {
        assert_eq!(entry::path(), Some("test_attribute::r#try::r#type"));
    }

    #[test]
    fn r#gen() {
        assert_eq!(entry::path(), Some("test_attribute::r#try::r#gen"));
    }

    #[test]
    fn r#no_keyword() {
        assert_eq!(entry::path(), Some("test_attribute::r#try::no_keyword"));
    }
}

/// Code that macros by example put together.
mod from_macros {
    macro_rules! from_parts {
        ($name:ident $body:block) => {
            #[multiproc_macros::test]
            fn $name() $body
        };
    }
    from_parts!(put_together {
        assert_eq!(super::entry::path(), Some("test_attribute::from_macros::put_together"));
    });

    macro_rules! from_item {
        ($test:item) => {
            #[multiproc_macros::test]
            $test
        };
    }
    from_item! {
        fn passed_whole() {
            assert_eq!(super::entry::path(), Some("test_attribute::from_macros::passed_whole"));
        }
    }
}
