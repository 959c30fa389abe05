//! Numbers copied out of a shared array and into it, under its lock, by one thread; and arrays that workers get.

use std::array;
use std::hint::black_box;

use multiproc::ProcessPool;
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

/// As many numbers as 100 MB have.
const LARGE: usize = 100_000_000 / size_of::<u64>();

/// Who gets them.
const READERS: usize = 4;

fn readers() -> Result<ProcessPool> {
    Ok(ProcessPool::builder().workers(READERS).build()?)
}

/// The last number, as the worker that got the array sees it.
fn last(array: SharedArray<u64>) -> u64 {
    array.get(LARGE - 1).ok().flatten().unwrap_or(0)
}

/// Each worker gets the array once, and has answered.
fn hand(pool: &ProcessPool, array: &SharedArray<u64>, wanted: u64) -> Result<()> {
    let arguments: [_; READERS] = array::from_fn(|_| array.clone());
    pool.map(last, &arguments)?.into_iter().try_for_each(|got| agree(got, wanted))
}

/// 100 MB that lie in shared memory, to four workers.
pub(crate) fn to_workers() -> Result<Start> {
    let (pool, (array, _)) = (readers()?, numbers(LARGE)?);
    Start::here(move || {
        hand(&pool, &array, LARGE as u64 - 1)?;
        Ok(1)
    })
}

/// 100 MB of this process's own, copied into a shared array that there is, to four workers.
pub(crate) fn copied_to_workers() -> Result<Start> {
    let (pool, (array, mut own)) = (readers()?, numbers(LARGE)?);
    let mut sent = 0;
    Start::here(move || {
        sent += 1;
        own[LARGE - 1] = sent;
        array.copy_from_slice(&own).map_err(|error| error.to_string())?;
        hand(&pool, &array, sent)?;
        Ok(1)
    })
}

/// 100 MB of this process's own, copied into a new shared array, to four workers.
pub(crate) fn made_for_workers() -> Result<Start> {
    let pool = readers()?;
    let mut own: Vec<u64> = (0..LARGE as u64).collect();
    let mut sent = 0;
    Start::here(move || {
        sent += 1;
        own[LARGE - 1] = sent;
        hand(&pool, &SharedArray::from_slice(&own)?, sent)?;
        Ok(1)
    })
}

/// Copies 100 MB within this process, to memory that there is.
pub(crate) fn copied_here() -> Result<Start> {
    let mut own: Vec<u64> = (0..LARGE as u64).collect();
    let mut copy = own.clone();
    let mut sent = 0;
    Start::here(move || {
        sent += 1;
        own[LARGE - 1] = sent;
        black_box(&mut copy).copy_from_slice(black_box(&own));
        agree(copy[LARGE - 1], sent)?;
        Ok(1)
    })
}

/// Copies 100 MB within this process, to new memory.
pub(crate) fn made_here() -> Result<Start> {
    let mut own: Vec<u64> = (0..LARGE as u64).collect();
    let mut sent = 0;
    Start::here(move || {
        sent += 1;
        own[LARGE - 1] = sent;
        agree(black_box(black_box(&own).to_vec())[LARGE - 1], sent)?;
        Ok(1)
    })
}
