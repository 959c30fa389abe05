//! Threads of the standard library.

use std::thread;

use crate::Result;
use crate::groups::agree;
use crate::ours::thread::{THREADS, answer};
use crate::session::{Setting, Start};

pub(crate) fn spawn(_: &Setting) -> Result<Start> {
    Start::here(|| {
        for n in 0..THREADS {
            let got = thread::spawn(move || answer(n)).join().map_err(|_| "a thread panicked")?;
            agree(got, answer(n))?;
        }
        Ok(THREADS)
    })
}
