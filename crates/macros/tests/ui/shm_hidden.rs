//! What hides behind another name is refused by its missing trait.
use multiproc_shm::ShmSafe;

type Flag = bool;

#[repr(u8)]
enum Colour {
    Red,
}

#[derive(ShmSafe)]
#[repr(C)]
struct Hidden {
    flag: Flag,
    colour: Colour,
    lock: std::sync::Mutex<u8>,
}

fn main() {}
