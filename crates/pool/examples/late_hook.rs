//! What code sees that starts processes before the entry hook: in the program a missing hook, in a child that it is one.
//! With an argument it closes every descriptor before the hook, as a careless library might. `unsafe`: closing what it does not own is the fault that it shows.
#![allow(unsafe_code)]

use multiproc_pool::{ProcessPool, TaskError};

fn main() {
    let early = ProcessPool::new().expect_err("the hook has not been passed yet").to_string();
    let careless = std::env::args().len() > 1;
    if careless {
        // SAFETY: nothing in this program owns a descriptor yet.
        unsafe { libc::close_range(3, u32::MAX, 0) };
    }
    // The code above runs in every child as well: each says what it has seen.
    eprintln!("{early}");
    multiproc_pool::init();

    let pool = ProcessPool::builder().workers(1).build().expect("the hook has been passed");
    match pool.call(|n: u32| n + 1, 1) {
        Ok(two) => println!("a worker answered {two}"),
        Err(TaskError::WorkersFail { reason }) => println!("no worker: {reason}"),
        Err(other) => panic!("{other}"),
    }
}
