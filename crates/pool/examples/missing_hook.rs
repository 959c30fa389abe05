//! What a program sees that forgot the entry hook: an error that shows the line to add, and no second process.

use multiproc_pool::{PoolError, Process, ProcessPool};

fn main() {
    let error = ProcessPool::new().expect_err("there is no hook");
    assert!(matches!(error, PoolError::MissingEntry));
    let same = Process::spawn(|n: u8| n, 1).expect_err("there is no hook");
    assert_eq!(same.to_string(), error.to_string());
    println!("{error}");
}
