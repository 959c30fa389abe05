//! Our segments.

use multiproc::shm::SharedMemory;

use crate::Result;
use crate::segments::{Reserve, Segment};

/// Without a name: the kernel sets nothing aside.
#[derive(Debug)]
pub(crate) struct Anonymous;

/// With one: all of it is set aside.
#[derive(Debug)]
pub(crate) struct Named;

impl Segment for Anonymous {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        if reserve == Reserve::All {
            return Err("anonymous memory is not set aside".into());
        }
        drop(SharedMemory::anonymous(length)?);
        Ok(())
    }
}

impl Segment for Named {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        if reserve == Reserve::Nothing {
            return Err("named memory is set aside".into());
        }
        drop(SharedMemory::create(&format!("multiproc-bench-{}", std::process::id()), length)?);
        Ok(())
    }
}
