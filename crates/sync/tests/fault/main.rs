//! Every process that uses a lock or whatever else is here is killed before every instruction of what it does; those who are left
//! go on. `cargo xtask fault` builds and runs it.

mod barrier;
#[path = "../common/mod.rs"]
mod common;
mod condvar;
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
mod robust_semaphore;
mod rwlock;
mod semaphore;
mod several_permits;
mod shared;
mod victims;
mod wait_group;

use std::process::ExitCode;

use multiproc_testkit::fault::Program;

fn main() -> ExitCode {
    let program = Program::new(&multiproc_sync::fault_points());
    let program = doorbell::scenarios().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_semaphore().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_bounded_one().into_iter().fold(program, Program::scenario);
    let program = semaphore::scenarios_of_the_lock().into_iter().fold(program, Program::scenario);
    let program = several_permits::scenarios().into_iter().fold(program, Program::scenario);
    let program = robust_semaphore::scenarios().into_iter().fold(program, Program::scenario);
    let program = rwlock::scenarios().into_iter().fold(program, Program::scenario);
    let program = event::scenarios().into_iter().fold(program, Program::scenario);
    let program = latch::scenarios().into_iter().fold(program, Program::scenario);
    let program = barrier::scenarios().into_iter().fold(program, Program::scenario);
    let program = wait_group::scenarios().into_iter().fold(program, Program::scenario);
    let program = condvar::scenarios().into_iter().fold(program, Program::scenario);
    let program = once::scenarios().into_iter().fold(program, Program::scenario);
    let program = mutex::scenarios().into_iter().fold(program, Program::scenario);
    // Last: it makes the program's process one of a family.
    program.check("pread", pread::check).main()
}
