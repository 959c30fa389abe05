//! How long something took, again and again.

use std::ops::Range;
use std::time::Duration;

use crate::watch::bucket::{BUCKETS, floor};

/// How often something took about how long: counts in buckets, each of times up to twice as long as the one before. The first one is
/// of times below 32 ns, the last one of half a minute and all that is longer.
///
/// ```
/// # #[cfg(feature = "contention")] {
/// use std::time::Duration;
/// use multiproc_sync::contention::Histogram;
///
/// let never = Histogram::default();
/// assert_eq!((never.count(), never.total(), never.quantile(0.5)), (0, Duration::ZERO, None));
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    /// In nanoseconds.
    total: u128,
}

impl Histogram {
    pub(crate) fn new(buckets: [u64; BUCKETS], total: u64) -> Self {
        Self { buckets, total: total.into() }
    }

    /// How often.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long all of them took together.
    pub fn total(&self) -> Duration {
        nanos(self.total)
    }

    /// How long one took on average; `None`: there was none.
    pub fn mean(&self) -> Option<Duration> {
        self.total.checked_div(self.count().into()).map(nanos)
    }

    /// What this share of them took at the most, from 0 to 1: the median at 0.5. It is read off the buckets, and may be up to twice as
    /// long, or half as long, as the time that it stands for, but never longer than the total; times of the last bucket are not told apart.
    /// `None`: there was none.
    ///
    /// # Panics
    ///
    /// If `share` is not from 0 to 1.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        assert!((0.0..=1.0).contains(&share), "a share is from 0 to 1, not {share}");
        let count = self.count();
        // The number of the one that is asked for, from 1.
        let wanted = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut before = 0;
        for (bucket, &here) in self.buckets.iter().enumerate() {
            if before + here >= wanted {
                // As if those in a bucket lay at equal distances.
                let width = if bucket + 1 == BUCKETS { 0 } else { floor(bucket + 1) - floor(bucket) };
                let part = u128::from(width) * u128::from(wanted - before) / u128::from(here.max(1));
                let told = (u128::from(floor(bucket)) + part).min(self.total.max(floor(bucket).into()));
                return (here != 0).then(|| nanos(told));
            }
            before += here;
        }
        None
    }

    /// The buckets, from the shortest times up: which times, and how many were of them. The last one has longer times than its range too.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (Range<Duration>, u64)> + '_ {
        let range = |bucket| Duration::from_nanos(floor(bucket))..Duration::from_nanos(floor(bucket + 1));
        self.buckets.iter().enumerate().map(move |(bucket, count)| (range(bucket), *count))
    }

    /// Adds what another has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(ours, theirs)| *ours += theirs);
        self.total += other.total;
    }
}

/// Longer than a [`Duration`] tells is the longest that it tells.
fn nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    match u64::try_from(nanos / SECOND) {
        Ok(seconds) => Duration::new(seconds, (nanos % SECOND) as u32),
        Err(_) => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::bucket::bucket_of;

    fn of(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for &time in times {
            histogram.buckets[bucket_of(time)] += 1;
            histogram.total += u128::from(time);
        }
        histogram
    }

    #[test]
    fn a_quantile_is_within_twice_and_half() {
        let mut times: Vec<u64> = (0..1000).map(|n| 40 + n * n * n).collect();
        times.rotate_left(300);
        let histogram = of(&times);
        times.sort_unstable();
        for percent in 1..=100_u32 {
            let true_one = times[(percent * 10 - 1) as usize] as f64;
            let told = histogram.quantile(f64::from(percent) / 100.0).unwrap().as_nanos() as f64;
            assert!(told <= true_one * 2.0 && told >= true_one / 2.0, "{percent} %: {told} for {true_one}");
        }
    }

    #[test]
    fn quantiles_rise_and_stay_in_their_bucket() {
        let histogram = of(&[10, 20, 100, 100, 5000]);
        let quantiles: Vec<_> =
            [0.0, 0.2, 0.4, 0.5, 0.8, 0.99, 1.0].map(|share| histogram.quantile(share)).into();
        assert!(quantiles.is_sorted(), "{quantiles:?}");
        assert_eq!(quantiles[3].unwrap(), Duration::from_nanos(96), "the first of two between 64 and 128");
        assert_eq!(
            quantiles[6].unwrap(),
            Duration::from_nanos(5230),
            "of 4096 to 8192, and no more than all together"
        );
    }

    #[test]
    fn one_that_is_alone_is_told_exactly() {
        assert_eq!(of(&[2_000_000]).quantile(0.99), Some(Duration::from_millis(2)));
    }

    #[test]
    fn of_the_longest_times_the_least_is_told() {
        let histogram = of(&[1 << 50, 1 << 60]);
        assert_eq!(histogram.quantile(0.5), histogram.quantile(1.0));
        assert_eq!(histogram.quantile(0.5).unwrap().as_secs(), 34);
    }

    #[test]
    fn what_is_added_is_counted() {
        let mut sum = of(&[1, 2, 70]);
        sum.add(&of(&[80, u64::MAX]));
        assert_eq!(sum.count(), 5);
        assert_eq!(sum.buckets().map(|(_, count)| count).sum::<u64>(), 5);
        assert_eq!(sum.total().as_nanos(), u128::from(u64::MAX) + 153);
        assert_eq!(of(&[30, 50]).mean(), Some(Duration::from_nanos(40)));
        assert_eq!(of(&[]).mean(), None);
    }

    #[test]
    fn buckets_follow_each_other() {
        let histogram = of(&[33]);
        let ranges: Vec<_> = histogram.buckets().collect();
        assert_eq!(ranges.len(), BUCKETS);
        assert!(ranges.windows(2).all(|two| two[0].0.end == two[1].0.start));
        assert_eq!((ranges[1].0.contains(&Duration::from_nanos(33)), ranges[1].1), (true, 1));
    }

    #[test]
    #[should_panic(expected = "from 0 to 1")]
    fn a_share_beyond_all_is_refused() {
        of(&[1]).quantile(1.5);
    }
}
