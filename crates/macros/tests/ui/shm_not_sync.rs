//! What threads may not share, processes may not either.
use multiproc_shm::Shared;

fn main() {
    let _ = Shared::new(std::cell::Cell::new(1_u64));
}
