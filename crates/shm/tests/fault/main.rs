//! Every process that changes what this crate puts into shared memory is killed before every instruction of the change; those who are
//! left go on. `cargo xtask fault shm` builds and runs it.

mod arena;
mod array;
mod journaled;
mod names;
mod option;
mod part;
mod part_message;
mod shared_value;
mod sockets;
mod splitter;
mod state;
mod wire;

use std::process::ExitCode;

use multiproc_testkit::fault::Program;

fn main() -> ExitCode {
    #[cfg(multiproc_planted)]
    if let Ok(bug) = std::env::var("MULTIPROC_PLANTED") {
        multiproc_shm::plant(&bug);
    }
    let program = Program::new(&multiproc_sync::fault_points());
    let program = arena::scenarios().into_iter().fold(program, Program::scenario);
    let program = journaled::scenarios()
        .into_iter()
        .fold(program, |program, scenario| program.counting(journaled::MET, scenario));
    let program = option::scenarios()
        .into_iter()
        .fold(program, |program, (must, scenario)| program.counting(must, scenario));
    let program = shared_value::scenarios()
        .into_iter()
        .fold(program, |program, scenario| program.counting(shared_value::MET, scenario));
    // Of these each outcome must be met.
    let program = array::scenarios()
        .into_iter()
        .fold(program, |program, scenario| program.counting(scenario.outcomes, scenario));
    let of_parts = [part::scenarios(), part_message::scenarios(), splitter::scenarios()];
    let program = of_parts
        .into_iter()
        .flatten()
        .fold(program, |program, scenario| program.counting(scenario.outcomes, scenario));
    names::scenarios().into_iter().fold(program, Program::scenario).main()
}
