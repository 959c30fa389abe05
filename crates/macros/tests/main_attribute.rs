//! `#[main]` on real functions, with a hook that only notes that it was called.

// The expansion names this crate, whose hook stands in for the real one.
extern crate self as multiproc_pool;

use std::cell::Cell;
use std::num::ParseIntError;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

pub(crate) fn init() {
    CALLS.set(CALLS.get() + 1);
}

mod plain {
    use super::CALLS;

    #[multiproc_macros::main]
    pub(crate) fn main() {
        #![allow(dead_code)]
        use std::fmt::Write as _;
        assert_eq!(CALLS.get(), 1);
        write!(String::new(), "").unwrap();
    }
}

mod fallible {
    use super::{CALLS, ParseIntError};

    #[multiproc_macros::main]
    pub(crate) fn main() -> Result<(), ParseIntError> {
        assert_eq!(CALLS.get(), 1);
        let _: u8 = "none".parse()?;
        Ok(())
    }
}

#[test]
fn the_hook_runs_before_the_body() {
    plain::main();
    assert_eq!(CALLS.get(), 1);
}

#[test]
fn the_return_type_is_kept() {
    assert!(fallible::main().is_err());
}

#[test]
fn a_main_inside_a_function_is_taken() {
    #[multiproc_macros::main]
    fn main() -> u8 {
        7
    }
    assert_eq!((main(), CALLS.get()), (7, 1));
}
