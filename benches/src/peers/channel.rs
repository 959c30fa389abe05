//! The channels that Rust programs use between threads: crossbeam's, std's and flume's.

use std::sync::mpsc;

use crate::pipelines::{BOUND, Ends, Get, Put, ends};

pub(crate) fn crossbeam(
    threads: usize,
) -> Ends<crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>> {
    let (put, get) = crossbeam_channel::bounded(BOUND);
    ends(threads, put, get)
}

pub(crate) fn crossbeam_unbounded(
    threads: usize,
) -> Ends<crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>> {
    let (put, get) = crossbeam_channel::unbounded();
    ends(threads, put, get)
}

pub(crate) fn flume(threads: usize) -> Ends<flume::Sender<u64>, flume::Receiver<u64>> {
    let (put, get) = flume::bounded(BOUND);
    ends(threads, put, get)
}

pub(crate) fn flume_unbounded(threads: usize) -> Ends<flume::Sender<u64>, flume::Receiver<u64>> {
    let (put, get) = flume::unbounded();
    ends(threads, put, get)
}

/// For one getter, as std's channels have.
pub(crate) fn std(threads: usize) -> Ends<mpsc::SyncSender<u64>, mpsc::Receiver<u64>> {
    let (put, get) = mpsc::sync_channel(BOUND);
    (vec![put; threads], vec![get])
}

pub(crate) fn std_unbounded(threads: usize) -> Ends<mpsc::Sender<u64>, mpsc::Receiver<u64>> {
    let (put, get) = mpsc::channel();
    (vec![put; threads], vec![get])
}

/// Ends that have `send`.
macro_rules! sends {
    ($($sender:ty)*) => {$(
        impl Put for $sender {
            #[inline(always)]
            fn put(&self, number: u64) {
                // It fails only where who gets has gone, at the end of the bench.
                let _ = self.send(number);
            }
        }
    )*};
}
sends!(crossbeam_channel::Sender<u64> flume::Sender<u64> mpsc::SyncSender<u64> mpsc::Sender<u64>);

/// Ends that have `recv`.
macro_rules! receives {
    ($($receiver:ty)*) => {$(
        impl Get for $receiver {
            #[inline(always)]
            fn get(&self) -> u64 {
                self.recv().expect("who puts is there")
            }
        }
    )*};
}
receives!(crossbeam_channel::Receiver<u64> flume::Receiver<u64> mpsc::Receiver<u64>);
