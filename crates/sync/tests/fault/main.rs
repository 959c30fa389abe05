//! Every process that uses a lock or whatever else is here is killed before every instruction of what it does; those who are left
//! go on. `cargo xtask fault` builds and runs it.

mod barrier;
#[path = "../common/mod.rs"]
mod common;
mod condvar;
#[cfg(feature = "contention")]
mod counted;
mod crowd;
mod doorbell;
mod event;
mod family;
mod gate;
mod latch;
mod mutex;
mod once;
mod peers;
mod pread;
mod readers_and_writers;
mod reentrant_mutex;
mod robust_semaphore;
mod rwlock;
mod semaphore;
mod several_permits;
mod several_robust_permits;
mod shared;
mod victims;
mod wait_group;
mod wait_group_left;

use std::process::ExitCode;

use multiproc_testkit::fault::Program;

fn main() -> ExitCode {
    #[cfg(multiproc_planted)]
    if let Ok(bug) = std::env::var("MULTIPROC_PLANTED") {
        multiproc_sync::plant(&bug);
    }
    let program = Program::new(&multiproc_sync::fault_points());
    let program = doorbell::scenarios().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_semaphore().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_bounded_one().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_lock().into_iter().fold(program, Program::scenario);
    let program = several_permits::scenarios().into_iter().fold(program, Program::scenario);
    let program = robust_semaphore::scenarios().into_iter().fold(program, Program::scenario);
    let program = several_robust_permits::scenarios().into_iter().fold(program, Program::scenario);
    let program = rwlock::scenarios().into_iter().fold(program, Program::scenario);
    let program = event::scenarios().into_iter().fold(program, Program::scenario);
    let program = latch::scenarios().into_iter().fold(program, Program::scenario);
    let program = barrier::scenarios().into_iter().fold(program, Program::scenario);
    let program = wait_group::scenarios().into_iter().fold(program, Program::scenario);
    let program = wait_group_left::scenarios().into_iter().fold(program, Program::scenario);
    let program = condvar::scenarios().into_iter().fold(program, Program::scenario);
    let program = once::scenarios().into_iter().fold(program, Program::scenario);
    let program = reentrant_mutex::scenarios().into_iter().fold(program, Program::scenario);
    let program = mutex::scenarios().into_iter().fold(program, Program::scenario);
    #[cfg(feature = "contention")]
    let program = counted::scenarios().into_iter().fold(program, Program::scenario);
    // Last: it makes the program's process one of a family.
    program.check("pread", pread::check).main()
}
