//! Numbers copied out of shared memory and into it, by one thread. `unsafe`: the floor takes them for a slice.
#![allow(unsafe_code)]

use std::hint::black_box;

use multiproc::shm::{RawView, SharedMemory};

use crate::Result;
use crate::groups::agree;
use crate::neighbour::Alone;
use crate::session::Start;

/// Numbers of 8 bytes that a core's own cache holds, source and target: 64 KiB.
pub(crate) const NEAR: usize = 1 << 13;

/// Those that no cache of a core holds: 32 MiB.
pub(crate) const FAR: usize = 1 << 22;

/// Copied between two looks at the clock.
const BATCH: usize = FAR;

/// How all numbers of a view are copied, out of it and into it.
pub(crate) trait Copies {
    fn out(view: &RawView<u64>, to: &mut [u64]) -> Result<()>;
    fn into(view: &mut RawView<u64>, from: &[u64]) -> Result<()>;
}

/// A view's own copies.
#[derive(Debug)]
pub(crate) struct ByView;

impl Copies for ByView {
    fn out(view: &RawView<u64>, to: &mut [u64]) -> Result<()> {
        Ok(view.copy_to_slice(to)?)
    }

    fn into(view: &mut RawView<u64>, from: &[u64]) -> Result<()> {
        Ok(view.copy_from_slice(from)?)
    }
}

/// One number after the other, by its index.
#[derive(Debug)]
pub(crate) struct OneByOne;

impl Copies for OneByOne {
    fn out(view: &RawView<u64>, to: &mut [u64]) -> Result<()> {
        for (at, to) in to.iter_mut().enumerate() {
            *to = view.get(&[at]).ok_or("it is there")?;
        }
        Ok(())
    }

    fn into(view: &mut RawView<u64>, from: &[u64]) -> Result<()> {
        for (at, from) in from.iter().enumerate() {
            view.set(&[at], *from)?;
        }
        Ok(())
    }
}

/// libc's memcpy, for which nobody may write meanwhile.
#[derive(Debug)]
pub(crate) struct Memcpy;

impl Copies for Memcpy {
    fn out(view: &RawView<u64>, to: &mut [u64]) -> Result<()> {
        // SAFETY: nobody else knows the memory.
        to.copy_from_slice(unsafe { view.as_slice() }?);
        Ok(())
    }

    fn into(view: &mut RawView<u64>, from: &[u64]) -> Result<()> {
        // SAFETY: as above.
        unsafe { view.as_mut_slice() }?.copy_from_slice(from);
        Ok(())
    }
}

/// Shared memory and memory of this process's own, all touched.
fn numbers(len: usize) -> Result<(RawView<u64>, Vec<u64>)> {
    let own: Vec<u64> = (0..len as u64).collect();
    let view = SharedMemory::anonymous(len * size_of::<u64>())?.raw_view(0, &[len])?;
    view.copy_from_slice(&own)?;
    Ok((view, own))
}

const KIB: usize = BATCH * size_of::<u64>() / 1024;

/// From shared memory, in KiB.
pub(crate) fn out<const LEN: usize, C: Copies>() -> Result<Start> {
    let (view, mut own) = numbers(LEN)?;
    Start::here(Alone::new(move || {
        for _ in 0..BATCH / LEN {
            own[LEN - 1] = 0;
            C::out(black_box(&view), black_box(&mut own))?;
        }
        agree(own[LEN - 1], LEN as u64 - 1)?;
        Ok(KIB as u64)
    }))
}

/// Into shared memory, in KiB.
pub(crate) fn into<const LEN: usize, C: Copies>() -> Result<Start> {
    let (mut view, own) = numbers(LEN)?;
    Start::here(Alone::new(move || {
        for _ in 0..BATCH / LEN {
            view.set(&[LEN - 1], 0)?;
            C::into(black_box(&mut view), black_box(&own))?;
        }
        agree(view.get(&[LEN - 1]).unwrap_or(0), LEN as u64 - 1)?;
        Ok(KIB as u64)
    }))
}
