//! What a guard gives `&mut` to holds no lock.
use multiproc_shm::{Shared, ShmSafe};
use multiproc_sync::Mutex;

#[derive(ShmSafe)]
#[repr(C)]
struct Inner {
    lock: Mutex<u64>,
}

fn main() {
    let shared = Shared::new(Mutex::new(Inner { lock: Mutex::new(1) })).unwrap();
    let mut local = Inner { lock: Mutex::new(2) };
    std::mem::swap(&mut *shared.lock().unwrap(), &mut local);
}
