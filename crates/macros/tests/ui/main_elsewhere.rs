//! The hook belongs on the function that the program begins with.

#[multiproc_macros::main]
fn start() {}

#[multiproc_macros::main]
struct Main;

fn main() {
    start();
}
