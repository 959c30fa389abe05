//! The buckets of a histogram of times: each twice as wide as the one before.
#![cfg_attr(not(feature = "contention"), allow(dead_code))] // as the table's

/// As many as reach from what a clock can tell apart to half a minute. A model has the first ones.
pub(crate) const BUCKETS: usize = if cfg!(multiproc_loom) { 2 } else { 32 };

/// The first bucket ends at two to this power, in nanoseconds: to read the clock takes about as long.
const FIRST: u32 = 5;

/// The bucket of a time in nanoseconds. The last one has all that is longer than the others', too.
#[inline(always)]
pub(crate) const fn bucket_of(nanos: u64) -> usize {
    let bucket = ((u64::BITS - nanos.leading_zeros()) as usize).saturating_sub(FIRST as usize);
    if bucket < BUCKETS { bucket } else { BUCKETS - 1 }
}

/// The shortest time in a bucket, in nanoseconds; for the number after the last one where that would end.
#[cfg(not(multiproc_loom))]
pub(crate) const fn floor(bucket: usize) -> u64 {
    if bucket == 0 { 0 } else { 1 << (bucket as u32 + FIRST - 1) }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_what_lies_between_its_floor_and_the_next() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(floor(bucket)), bucket);
            assert_eq!(bucket_of(floor(bucket + 1) - 1), bucket);
        }
        assert_eq!((bucket_of(0), bucket_of(31), bucket_of(32), bucket_of(63)), (0, 0, 1, 1));
    }

    #[test]
    fn the_last_bucket_has_all_that_is_longer() {
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        let seconds = floor(BUCKETS - 1) / 1_000_000_000;
        assert_eq!(seconds, 34, "the documentation says half a minute");
    }
}
