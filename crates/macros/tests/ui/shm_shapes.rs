//! What is no struct, or laid out in no fixed way.
use multiproc_shm::ShmSafe;

#[derive(ShmSafe)]
#[repr(u8)]
enum Colour {
    Red,
}

#[derive(ShmSafe)]
#[repr(C)]
union Either {
    whole: u64,
    half: u32,
}

#[derive(ShmSafe)]
struct Unordered {
    value: u8,
}

#[derive(ShmSafe)]
#[repr(C, packed)]
struct Packed {
    value: u64,
}

#[derive(ShmSafe)]
#[repr(align(8))]
struct OnlyAligned {
    value: u64,
}

#[derive(ShmSafe)]
#[repr(C)]
struct Borrows<'a> {
    value: &'a u64,
}

fn main() {}
