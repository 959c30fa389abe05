//! An enum without numbers is told how to get them.
use multiproc_shm::{ShmEnum, ShmSafe};

#[repr(u8)]
enum Colour {
    Red,
}

#[derive(ShmSafe)]
#[repr(C)]
struct Wall {
    colour: ShmEnum<Colour>,
}

fn main() {}
