//! Placed locks are reached by `&` only.
use multiproc_shm::{Shared, ShmSafe};
use multiproc_sync::Mutex;

#[derive(ShmSafe)]
#[repr(C)]
struct Two {
    first: Mutex<u64>,
    second: Mutex<u64>,
}

fn main() {
    let mut shared = Shared::new(Two { first: Mutex::new(1), second: Mutex::new(2) }).unwrap();
    let shared = &mut shared;
    std::mem::swap(&mut shared.first, &mut Mutex::new(3));
    let moved = shared.second;
}
