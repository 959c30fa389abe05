//! Our segments.

use multiproc::shm::SharedMemory;

use crate::Result;
use crate::segments::{Reserve, Segment};

/// Without a name: the kernel sets nothing aside.
#[derive(Debug)]
pub(crate) struct Anonymous;

impl Segment for Anonymous {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        if reserve == Reserve::All {
            return Err("anonymous memory is not set aside".into());
        }
        drop(SharedMemory::anonymous(length)?);
        Ok(())
    }
}
