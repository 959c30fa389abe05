//! Every process that uses what is here is killed before every instruction of what it does; those who are left go on. `cargo xtask
//! fault` builds and runs it.

mod names;

use std::process::ExitCode;

use multiproc_testkit::fault::Program;

fn main() -> ExitCode {
    names::scenarios().into_iter().fold(Program::new(&[]), Program::scenario).main()
}
