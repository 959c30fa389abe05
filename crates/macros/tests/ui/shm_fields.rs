//! Fields that have bytes which are no value, or that mean nothing in another process.
use multiproc_shm::ShmSafe;

#[derive(ShmSafe)]
#[repr(C)]
struct Fields {
    flag: bool,
    flags: [bool; 4],
    atomic: std::sync::atomic::AtomicBool,
    letter: char,
    number: std::num::NonZeroU32,
    maybe: Option<u8>,
    text: String,
    reference: &'static u8,
    pointer: *const u8,
    function: fn(u8) -> u8,
    tuple: (u8, u64),
    lock: std::sync::RwLock<u8>,
    once: std::sync::OnceLock<u8>,
}

fn main() {}
