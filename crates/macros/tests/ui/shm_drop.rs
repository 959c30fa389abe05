//! Nobody would know who runs it.
use multiproc_shm::ShmSafe;

#[derive(ShmSafe)]
#[repr(C)]
struct Drops(u64);

impl Drop for Drops {
    fn drop(&mut self) {}
}

fn main() {}
