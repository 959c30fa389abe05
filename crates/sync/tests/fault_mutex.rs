//! Every process that uses a lock or whatever else is here is killed before every instruction of what it does; those who are left
//! go on.
//! `cargo xtask fault` builds and runs it.

mod common;
mod fault;

use std::process::ExitCode;

use multiproc_testkit::fault::Program;

fn main() -> ExitCode {
    let program = Program::new(&multiproc_sync::fault_points());
    let program = fault::doorbell::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::semaphore::scenarios_of_the_semaphore().into_iter().fold(program, Program::scenario);
    let program =
        fault::semaphore::scenarios_of_the_bounded_one().into_iter().fold(program, Program::scenario);
    let program = fault::semaphore::scenarios_of_the_lock().into_iter().fold(program, Program::scenario);
    let program = fault::several_permits::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::robust_semaphore::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::event::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::latch::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::barrier::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::wait_group::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::condvar::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::once::scenarios().into_iter().fold(program, Program::scenario);
    let program = fault::mutex::scenarios().into_iter().fold(program, Program::scenario);
    // Last: it makes the program's process one of a family.
    program.check("pread", fault::pread::check).main()
}
