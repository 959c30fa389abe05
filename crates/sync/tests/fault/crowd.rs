//! A family with as many processes as it can have, all of them dead: who comes next gets the entry of one of them.
//! `unsafe`: a registry's bytes are copied.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use multiproc_sync::registry::MAX_PROCESSES;
use multiproc_testkit::fault::Scene;

use super::family::{self, Room};
use super::shared::{self, Shared};
use crate::common::{fork, reap};

/// The registry that such a family has left.
static LEFT: OnceLock<Box<Room>> = OnceLock::new();

/// Lets such a family live and die.
pub(super) fn prepare() {
    let image = family::room();
    let founder = fork(|| {
        let scene = shared::scene_in(family::found_in(image));
        for _ in 0..MAX_PROCESSES {
            assert_eq!(reap(fork(|| scene.shared.attach())), 0, "each gets an entry");
        }
    });
    assert_eq!(reap(founder), 0, "the family has lived");
    // SAFETY: mapped for good, and nobody who wrote to it lives.
    let image = unsafe { image.as_ref() };
    // Copied out of the shared memory, which no scene may write to.
    let mut bytes = vec![0; image.len()].into_boxed_slice();
    bytes.copy_from_slice(image);
    let bytes = bytes.try_into().expect("as long as a registry");
    LEFT.set(bytes).expect("prepared once");
}

pub(super) fn scene() -> Scene<Shared> {
    shared::scene_in(family::join(LEFT.get().expect("prepared before")))
}
