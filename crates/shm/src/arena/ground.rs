//! The memory of an arena: its header, its words, its blocks, and where they lie. `unsafe`: words and blocks are reached by address.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use multiproc_sync::primitive::{AtomicU32, AtomicU64};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_sync::{Mutex, ProcessName};

use super::block::Block;
use super::error::AllocError;
use super::search::Start;
use super::spans::{Place, Table, Use};
use super::stripe::{STRIPES, stripe};
use super::word::{RUN, Word};
use crate::arrivals::{self, Arrivals};
use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::header::{Header, USED};
use crate::memory::SharedMemory;
use crate::sys::{memfd, ofd, space};
use crate::transfer::Descriptor;

/// What an arena is made of, in bytes.
pub(crate) const SPAN: usize = 1 << 16;

/// The smallest block, in bytes: a line of the cache, so that no two processes write to one.
pub(crate) const SMALLEST: usize = 64;

const BLOCKS_A_SPAN: usize = SPAN / SMALLEST;

/// The most spans of an arena: their blocks have numbers of 32 bits.
pub(crate) const MOST_SPANS: usize = (1 << 32) / BLOCKS_A_SPAN - 1;

const PAGE: usize = 4096;
const LOCK_AT: usize = PAGE;
const SPANS_AT: usize = LOCK_AT + 64;
const _: () = assert!(size_of::<Mutex<u64>>() <= SPANS_AT - LOCK_AT && align_of::<Mutex<u64>>() <= 64);

/// The first of the bytes that a message locks while it has a block: one a block, behind all that a file can have.
const FLIGHT_BYTES: u64 = 1 << 61;

/// The mapped memory of an arena.
#[derive(Debug)]
pub(crate) struct Ground {
    memory: SharedMemory,
    spans: usize,
    hints: [Hints; STRIPES],
}

/// Where the threads of a stripe look first, for each class.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Hints([AtomicU32; BLOCKS_A_SPAN.ilog2() as usize + 1]);

/// Of what size a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Class(u32),
    /// So many spans.
    Run(usize),
}

impl Size {
    /// For so many bytes.
    pub(crate) const fn of(bytes: usize) -> Self {
        if bytes > SPAN {
            return Self::Run(bytes.div_ceil(SPAN));
        }
        let smallest = if bytes < SMALLEST { SMALLEST } else { bytes.next_power_of_two() };
        Self::Class(smallest.ilog2() - SMALLEST.ilog2())
    }

    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Class(class) => SMALLEST << class,
            Self::Run(spans) => spans * SPAN,
        }
    }
}

static ARRIVALS: Arrivals<Ground> = Arrivals::new();

/// What a message locks while it has the block.
fn byte_of(place: Place) -> u64 {
    FLIGHT_BYTES + place as u64
}

fn blocks_at(spans: usize) -> usize {
    (SPANS_AT + spans * size_of::<AtomicU64>()).next_multiple_of(PAGE)
}

fn data_at(spans: usize) -> usize {
    blocks_at(spans) + spans * BLOCKS_A_SPAN * size_of::<Block>()
}

impl Ground {
    /// New memory for so many bytes of blocks.
    pub(crate) fn new(len: usize) -> Result<Arc<Self>, ShmError> {
        if len == 0 {
            return Err(ShmError::Empty);
        }
        let spans = len.div_ceil(SPAN);
        if spans > MOST_SPANS {
            return Err(ShmError::TooLargeAnArena { asked: len as u64, limit: super::Arena::MAX_LEN as u64 });
        }
        family::registry()?;
        let memory = SharedMemory::anonymous_as(c"multiproc-arena", data_at(spans) + spans * SPAN)?;
        let lock = memory.as_ptr().wrapping_add(LOCK_AT).cast::<Mutex<u64>>();
        // SAFETY: within the segment, aligned, nobody else's yet.
        unsafe { lock.write(Mutex::new(0)) };
        // SAFETY: the lock lies where it will stay, in memory mapped shared; nobody else has its descriptor; the mapping lives as long as
        // whoever lends the lock, and `SharedMemory` keeps it while `holds_within` says so.
        let placement = unsafe { Placement::new() }?;
        // SAFETY: written above, and nobody else's yet.
        unsafe { &mut *lock }.place(&placement)?;
        let header = Header::of_arena((spans * SPAN) as u64).to_bytes();
        // SAFETY: the segment is longer than a header, which lies before all else.
        unsafe { memory.as_ptr().copy_from_nonoverlapping(header.as_ptr(), USED) };
        let made = Arc::new(Self { memory, spans, hints: Default::default() });
        ARRIVALS.insert(arrivals::key(made.memory.as_file())?, &made);
        Ok(made)
    }

    /// The arena whose segment came in a message; the same as before, if this process has it already.
    pub(crate) fn arrive(descriptor: &Descriptor, family: Membership) -> Result<Arc<Self>, ShmError> {
        let fd = descriptor.borrowed();
        let len = SharedMemory::sealed_len(fd)?;
        SharedMemory::refuse_plain(descriptor)?;
        let mut bytes = [0; USED];
        let read = memfd::read_start(fd, &mut bytes).map_err(ShmError::kernel("read a segment"))?;
        let data = Header::check_arena(&bytes[..read], len)?;
        let spans = data / SPAN as u64;
        if data % SPAN as u64 != 0 || spans == 0 || spans > MOST_SPANS as u64 {
            return Err(ShmError::Corrupt { what: "the length of its blocks" });
        }
        let spans = spans as usize;
        let needed = (data_at(spans) + spans * SPAN) as u64;
        if len < needed {
            return Err(ShmError::TooShort { len, needed });
        }
        family.join().map_err(|error| match error {
            crate::FamilyError::AlreadyMember => ShmError::ForeignFamily { type_name: "Arena" },
            other => other.into(),
        })?;
        ARRIVALS.find_or(arrivals::key(descriptor.file())?, || {
            // Another description than the message's, on which the locks of its blocks lie.
            let own = ofd::reopen(fd).map_err(ShmError::kernel("open a segment by /proc/self/fd"))?;
            let memory = SharedMemory::attach_any(own.into())?;
            Ok(Arc::new(Self { memory, spans, hints: Default::default() }))
        })
    }

    /// What a message with the arena carries.
    pub(crate) fn descriptor(&self) -> Descriptor {
        self.memory.descriptor()
    }

    /// What a message with a block carries: a description that locks the block's byte for as long as anybody has it.
    pub(crate) fn flight(&self, place: Place) -> Result<Descriptor, ShmError> {
        let own = ofd::reopen(self.memory.descriptor().borrowed());
        let own = own.map_err(ShmError::kernel("open a segment by /proc/self/fd"))?;
        let locked = ofd::lock_for_reading(std::os::fd::AsFd::as_fd(&own), byte_of(place));
        match locked.map_err(ShmError::kernel("lock a block"))? {
            true => Ok(Arc::new(own).into()),
            false => Err(ShmError::Corrupt { what: "a block is locked for writing, which nobody does" }),
        }
    }

    /// The block is a process's: a message that is kept, to be sent again, has it no more.
    pub(super) fn has_landed(&self, place: Place, lock: &Descriptor) {
        // Refused, it would be swept later: with the message.
        let _ = ofd::unlock(lock.borrowed(), byte_of(place));
    }

    /// Whether no message has the block, nor ever will by a lock that was there before. What cannot be seen is there.
    fn is_landed(&self, place: Place) -> bool {
        ofd::is_free(self.memory.descriptor().borrowed(), byte_of(place)).unwrap_or(false)
    }

    pub(crate) fn table(&self) -> Table<'_> {
        let base = self.memory.as_ptr();
        // SAFETY: all of it lies within the segment, which is as long as `data_at` and the blocks say (made so, or checked) and mapped as long
        // as `self` lives; it is aligned, since each begins at a multiple of 64; the lock was placed before anybody had the segment, the rest is
        // atomics, and any bytes are words.
        unsafe {
            Table {
                lock: &*base.add(LOCK_AT).cast::<Mutex<u64>>(),
                spans: slice::from_raw_parts(base.add(SPANS_AT).cast::<AtomicU64>(), self.spans),
                blocks: slice::from_raw_parts(
                    base.add(blocks_at(self.spans)).cast::<Block>(),
                    self.spans * BLOCKS_A_SPAN,
                ),
                most: BLOCKS_A_SPAN,
            }
        }
    }

    /// In bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.spans * SPAN
    }

    /// The memory of the block at a place of a class, or at the beginning of a run.
    fn address(&self, place: Place, size: Size) -> NonNull<u8> {
        let (span, number) = (place / BLOCKS_A_SPAN, place % BLOCKS_A_SPAN);
        let within = span * SPAN + if let Size::Class(_) = size { number * size.bytes() } else { 0 };
        debug_assert!(within + size.bytes() <= self.capacity());
        let address = self.memory.as_ptr().wrapping_add(data_at(self.spans) + within);
        NonNull::new(address).expect("no segment lies at address 0")
    }

    /// Claims a block for this process, with `bytes` for the errors.
    #[inline]
    pub(crate) fn claim(&self, size: Size, bytes: usize) -> Result<(Place, Word, NonNull<u8>), AllocError> {
        let process = ProcessName::this()?;
        let (table, sweep) = (self.table(), || {
            self.sweep();
        });
        let found = match size {
            Size::Class(class) => {
                let part = stripe();
                let hint = &self.hints[part].0[class as usize];
                table.claim(class, Start { hint, part, parts: STRIPES }, process, sweep)?
            }
            Size::Run(spans) if spans > self.spans => {
                return Err(AllocError::TooLarge { asked: bytes, capacity: self.capacity() });
            }
            Size::Run(spans) => table.claim_run(spans, process, sweep)?,
        };
        let (place, word) =
            found.ok_or_else(|| AllocError::Full { asked: bytes, capacity: self.capacity() })?;
        // It may be of a larger class.
        let size = if word.class() == RUN { size } else { Size::Class(word.class()) };
        Ok((place, word, self.address(place, size)))
    }

    /// Gives a block back that this process has.
    #[inline]
    pub(crate) fn release(&self, place: Place, word: Word) {
        self.table().blocks[place].release(word);
        if let Some(hint) = self.hints[stripe()].0.get(word.class() as usize) {
            hint.store(place as u32, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The block at a place, its size and its memory, as its words say it that are of this `word`; `None` if they say nothing within the arena.
    pub(crate) fn block_at(&self, place: Place, word: Word) -> Option<(&Block, Size, NonNull<u8>)> {
        let table = self.table();
        let span = place / BLOCKS_A_SPAN;
        let block = table.blocks.get(place)?;
        let used = table.use_of(span);
        let size = match used {
            Use::Class(class) if class == word.class() => Size::Class(class),
            Use::Run(spans) if word.class() == RUN => Size::Run(spans),
            _ => return None,
        };
        let blocks: Range<Place> = table.blocks_of(span, used);
        // Reborrowed from the segment, so that it lives as long as `self`.
        blocks.contains(&place).then(|| (block, size, self.address(place, size)))
    }

    /// Gives the pages of free spans back to the kernel; gives how many bytes those are.
    pub(crate) fn trim(&self) -> Result<usize, AllocError> {
        let mut given = 0;
        self.table().trim(|spans| {
            let (at, len) = (data_at(self.spans) + spans.start * SPAN, spans.len() * SPAN);
            if space::give_back(self.memory.as_file(), at as u64, len as u64).is_ok() {
                given += len;
            }
        })?;
        Ok(given)
    }

    /// Frees what the dead have left; gives how many blocks.
    pub(crate) fn sweep(&self) -> usize {
        let mut known: Vec<(ProcessName, bool)> =
            ProcessName::this().map(|ours| (ours, false)).into_iter().collect();
        let has_ended = |process: ProcessName| match known.iter().find(|(name, _)| *name == process) {
            Some((_, ended)) => *ended,
            None => {
                let ended = process.has_ended();
                known.push((process, ended));
                ended
            }
        };
        self.table().sweep(has_ended, |place| self.is_landed(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two_and_then_spans() {
        let bytes = |asked| Size::of(asked).bytes();
        assert_eq!([0, 1, 64, 65, 128, 129].map(bytes), [64, 64, 64, 128, 128, 256]);
        assert_eq!([4096, 4097, 40_000, SPAN].map(bytes), [4096, 8192, SPAN, SPAN]);
        assert_eq!(Size::of(SPAN), Size::Class(BLOCKS_A_SPAN.ilog2()));
        assert_eq!(Size::of(SPAN + 1), Size::Run(2));
        assert_eq!(Size::of(usize::MAX), Size::Run(usize::MAX / SPAN + 1));
    }

    /// The words of small blocks say that they are large ones: the memory of such would end behind the arena.
    #[test]
    fn a_block_that_its_span_cannot_have_is_not_given_out() {
        use std::sync::atomic::Ordering::Relaxed;

        let ground = Ground::new(2 * SPAN).unwrap();
        let class = BLOCKS_A_SPAN.ilog2();
        for place in [1, 700, BLOCKS_A_SPAN + 1, 2 * BLOCKS_A_SPAN - 1] {
            let free = Word::from_bits(u64::from(class) << 28 | 1 << 26);
            let word = &raw const ground.table().blocks[place];
            // SAFETY: a block is an atomic number.
            unsafe { &*word.cast::<AtomicU64>() }.store(free.to_bits(), Relaxed);
            ground.hints.iter().for_each(|hints| hints.0[class as usize].store(place as u32, Relaxed));
            let (claimed, word, _) = ground.claim(Size::Class(class), SPAN).unwrap();
            assert_eq!(claimed % BLOCKS_A_SPAN, 0);
            ground.release(claimed, word);
        }
    }

    #[test]
    fn a_run_that_words_say_is_longer_than_the_arena_ends_with_it() {
        let ground = Ground::new(3 * SPAN).unwrap();
        let (place, word, _) = ground.claim(Size::Run(2), 2 * SPAN).unwrap();
        ground.table().spans[0].store(1 << 32 | 1_000_000, std::sync::atomic::Ordering::Relaxed);
        let (_, size, _) = ground.block_at(place, word).unwrap();
        assert_eq!(size, Size::Run(3));
        for wild in [u64::MAX, 12, 1 << 33, 1 << 32] {
            for span in 0..3 {
                ground.table().spans[span].store(wild, std::sync::atomic::Ordering::Relaxed);
            }
            for place in [0, 1, 1023, 1024, 3 * 1024 - 1, 3 * 1024, usize::MAX / 2] {
                for class in 0..16 {
                    let word = Word::from_bits(class << 28 | 3 << 26);
                    if let Some((_, size, address)) = ground.block_at(place, word) {
                        let from = address.as_ptr() as usize - ground.memory.as_ptr() as usize;
                        assert!(from >= data_at(3) && from + size.bytes() <= ground.memory.len());
                    }
                }
            }
        }
    }
}
