//! How elements are shared out.

use std::iter::FusedIterator;
use std::ops::Range;

/// The range of one of `n` parts of `len` elements. The lengths differ by 1 at most, and the longer ones come first.
pub(super) fn part(len: usize, n: usize, index: usize) -> Range<usize> {
    let (least, longer) = (len / n, len % n);
    let start = index * least + index.min(longer);
    start..start + least + usize::from(index < longer)
}

/// The ranges into which [`SharedArray::chunks`](crate::SharedArray::chunks) shares out an array.
#[derive(Clone, Debug)]
pub struct Chunks {
    len: usize,
    n: usize,
    left: Range<usize>,
}

impl Chunks {
    pub(super) fn new(len: usize, n: usize) -> Self {
        assert!(n > 0, "an array cannot be shared out into 0 chunks");
        Self { len, n, left: 0..n }
    }
}

impl Iterator for Chunks {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let index = self.left.next()?;
        Some(part(self.len, self.n, index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Chunks {
    fn next_back(&mut self) -> Option<Range<usize>> {
        let index = self.left.next_back()?;
        Some(part(self.len, self.n, index))
    }
}

impl ExactSizeIterator for Chunks {}
impl FusedIterator for Chunks {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_all_in_order_and_are_balanced() {
        for len in 0..40 {
            for n in 1..12 {
                let chunks: Vec<_> = Chunks::new(len, n).collect();
                assert_eq!(chunks.len(), n);
                assert_eq!((chunks[0].start, chunks[n - 1].end), (0, len));
                assert!(chunks.windows(2).all(|pair| pair[0].end == pair[1].start));
                let lens = chunks.iter().map(ExactSizeIterator::len);
                assert!(lens.clone().max().unwrap() - lens.clone().min().unwrap() <= 1);
                assert!(lens.is_sorted_by(|one, next| one >= next), "as numpy.array_split");
                let backwards: Vec<_> = Chunks::new(len, n).rev().collect();
                assert!(chunks.iter().rev().eq(&backwards));
            }
        }
    }

    #[test]
    fn the_longest_array_does_not_overflow() {
        assert_eq!(part(usize::MAX, 7, 6).end, usize::MAX);
    }
}
