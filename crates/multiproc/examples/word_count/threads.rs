//! Batches counted on threads, to compare with.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use indicatif::ProgressBar;

use crate::batch;
use crate::files::Files;
use crate::options::Options;
use crate::totals::Totals;

pub(crate) fn count(files: &Files, options: &Options, bar: &ProgressBar) -> Totals {
    let (next, end) = (AtomicUsize::new(0), files.batches.len() * options.repeat);
    let count_some = || {
        let mut totals = Totals::default();
        loop {
            let i = next.fetch_add(1, Relaxed);
            if i >= end {
                return totals;
            }
            let batch = &files.batches[i % files.batches.len()];
            totals.add(batch::count(batch.clone()));
            bar.inc(batch.bytes);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..options.workers).map(|_| scope.spawn(count_some)).collect();
        let totals = threads.into_iter().map(|thread| thread.join().expect("counting does not panic"));
        totals.reduce(Totals::merged).unwrap_or_default()
    })
}
