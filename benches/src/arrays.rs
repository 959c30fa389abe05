//! Numbers copied out of a shared array and into it, under its lock, by one thread.

use std::hint::black_box;

use multiproc::shm::SharedArray;

use crate::Result;
use crate::copies::FAR;
use crate::groups::agree;
use crate::neighbour::Alone;
use crate::session::Start;

/// Copied between two looks at the clock, as beside it.
const BATCH: usize = FAR;

const KIB: u64 = (BATCH * size_of::<u64>() / 1024) as u64;

/// A shared array, and memory of this process's own, all touched.
fn numbers(len: usize) -> Result<(SharedArray<u64>, Vec<u64>)> {
    let own: Vec<u64> = (0..len as u64).collect();
    Ok((SharedArray::from_slice(&own)?, own))
}

/// Out of the array, in KiB.
pub(crate) fn out<const LEN: usize>() -> Result<Start> {
    let (array, mut own) = numbers(LEN)?;
    Start::here(Alone::new(move || {
        for _ in 0..BATCH / LEN {
            own[LEN - 1] = 0;
            black_box(&array).copy_to_slice(black_box(&mut own)).map_err(|error| error.to_string())?;
        }
        agree(own[LEN - 1], LEN as u64 - 1)?;
        Ok(KIB)
    }))
}

/// Into the array, in KiB.
pub(crate) fn into<const LEN: usize>() -> Result<Start> {
    let (array, own) = numbers(LEN)?;
    Start::here(Alone::new(move || {
        array.set(LEN - 1, 0).map_err(|error| error.to_string())?;
        for _ in 0..BATCH / LEN {
            black_box(&array).copy_from_slice(black_box(&own)).map_err(|error| error.to_string())?;
        }
        agree(array.get(LEN - 1).ok().flatten().unwrap_or(0), LEN as u64 - 1)?;
        Ok(KIB)
    }))
}
