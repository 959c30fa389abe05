//! Enums whose variants are more than a number of a certain width, and what is no enum.
use multiproc_shm::ShmVariants;

#[derive(ShmVariants)]
enum Wide {
    Red,
}

#[derive(ShmVariants)]
#[repr(C)]
enum OfC {
    Red,
}

#[derive(ShmVariants)]
#[repr(usize)]
enum Elsewhere {
    Red,
}

#[derive(ShmVariants)]
#[repr(u8)]
enum Fields {
    Red,
    Grey(u8),
    Mixed { first: u8 },
}

#[derive(ShmVariants)]
#[repr(u8)]
enum Generic<const N: usize> {
    Red,
}

#[derive(ShmVariants)]
enum Nothing {}

#[derive(ShmVariants)]
#[repr(C)]
struct Pair {
    left: u8,
    right: u8,
}

fn main() {}
