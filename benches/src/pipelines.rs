//! Numbers that some threads put into a queue and as many get out of it, each of them once. Who puts is on the far side, who gets on the
//! near one.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use crate::Result;
use crate::groups::agree;
use crate::other::Other;
use crate::session::{Session, Setting, Start};

/// How many numbers a bounded queue holds at most.
pub(crate) const BOUND: usize = 1024;

/// Numbers of all threads together between two looks at the clock: to set the threads going costs little beside them.
pub(crate) const MESSAGES: u64 = 1 << 18;

/// The end into which numbers are put.
pub(crate) trait Put: Send + 'static {
    fn put(&self, number: u64);
}

/// The end at which they come out.
pub(crate) trait Get: Send + 'static {
    fn get(&self) -> u64;
}

/// A queue that all threads reach by reference.
pub(crate) trait Queue: Sync + 'static {
    fn put(&self, number: u64);

    fn get(&self) -> u64;
}

impl<Q: Queue> Put for &'static Q {
    #[inline(always)]
    fn put(&self, number: u64) {
        Q::put(self, number);
    }
}

impl<Q: Queue> Get for &'static Q {
    #[inline(always)]
    fn get(&self) -> u64 {
        Q::get(self)
    }
}

/// An end for each thread.
pub(crate) type Ends<P, G> = (Vec<P>, Vec<G>);

/// The same end for each of so many threads.
pub(crate) fn ends<P: Clone, G: Clone>(threads: usize, put: P, get: G) -> Ends<P, G> {
    (vec![put; threads], vec![get; threads])
}

pub(crate) fn one_to_one<P: Put, G: Get>(
    setting: &Setting,
    make: impl FnOnce(usize) -> Ends<P, G>,
) -> Result<Start> {
    Start::here(Pipeline::new(setting, make(1)))
}

pub(crate) fn two_to_two<P: Put, G: Get>(
    setting: &Setting,
    make: impl FnOnce(usize) -> Ends<P, G>,
) -> Result<Start> {
    Start::here(Pipeline::new(setting, make(2)))
}

pub(crate) fn four_to_four<P: Put, G: Get>(
    setting: &Setting,
    make: impl FnOnce(usize) -> Ends<P, G>,
) -> Result<Start> {
    Start::here(Pipeline::new(setting, make(4)))
}

/// Threads that wait to be told how many numbers to put or to get. They end with who tells them.
struct Pipeline<G> {
    /// Who puts, and who gets but for this thread.
    others: Vec<SyncSender<u64>>,
    /// This thread's.
    get: G,
    /// What each of the other getters has come to.
    sums: Receiver<u64>,
    getters: u64,
}

impl<G: Get> Pipeline<G> {
    fn new<P: Put>(setting: &Setting, (putters, getters): Ends<P, G>) -> Self {
        let (says, sums) = mpsc::channel();
        let mut others = Vec::new();
        let mut start = |side: Box<dyn Fn(u64) + Send>, putter: bool| {
            let (tells, told) = mpsc::sync_channel(1);
            let run = move || told.iter().for_each(side);
            if putter {
                Other::thread(setting, run);
            } else {
                // Where this thread is, which is the near side.
                thread::spawn(run);
            }
            others.push(tells);
        };
        let count = getters.len() as u64;
        for put in putters {
            start(Box::new(move |numbers| (0..numbers).for_each(|number| put.put(number))), true);
        }
        let mut getters = getters.into_iter();
        let get = getters.next().expect("each side has a thread");
        for get in getters {
            let says = says.clone();
            // Nobody hears it only if the bench has ended.
            start(Box::new(move |numbers| _ = says.send(sum(&get, numbers))), false);
        }
        Self { others, get, sums, getters: count }
    }

    /// Through the queue, `messages` numbers in all.
    fn pass(&self, messages: u64) -> Result<u64> {
        let each = messages / self.getters;
        for other in &self.others {
            other.send(each).map_err(|_| "a thread of the bench has ended")?;
        }
        let mut got = sum(&self.get, each);
        for _ in 1..self.getters {
            got += self.sums.recv()?;
        }
        agree(got, self.getters * (each * (each - 1) / 2))?;
        Ok(each * self.getters)
    }
}

/// The sum of so many numbers that come out.
fn sum(get: &impl Get, numbers: u64) -> u64 {
    (0..numbers).map(|_| get.get()).sum()
}

impl<G: Get> Session for Pipeline<G> {
    fn batch(&mut self) -> Result<u64> {
        self.pass(MESSAGES)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::placement::Placement;

    /// Without a bound; a wrong one makes one number of 500 another.
    #[derive(Default)]
    struct Bag {
        numbers: Mutex<Vec<u64>>,
        put: AtomicU64,
        wrong: bool,
    }

    impl Queue for Bag {
        fn put(&self, number: u64) {
            let off = self.wrong && self.put.fetch_add(1, Ordering::Relaxed) % 500 == 499;
            self.numbers.lock().unwrap().push(number + u64::from(off));
        }

        fn get(&self) -> u64 {
            loop {
                if let Some(number) = self.numbers.lock().unwrap().pop() {
                    return number;
                }
                thread::yield_now();
            }
        }
    }

    fn pipeline(threads: usize, wrong: bool) -> Pipeline<&'static Bag> {
        let queue: &Bag = Box::leak(Box::new(Bag { wrong, ..Bag::default() }));
        Pipeline::new(&Setting::new(Placement::Free, true).unwrap(), ends(threads, queue, queue))
    }

    #[test]
    fn each_number_comes_through_once_and_all_are_counted() {
        for threads in [1, 2, 4] {
            let pipeline = pipeline(threads, false);
            for _ in 0..3 {
                assert_eq!(pipeline.pass(1000).unwrap(), 1000);
            }
            assert!(pipeline.get.numbers.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn a_number_that_came_out_as_another_fails_its_batch() {
        for threads in [1, 4] {
            assert!(pipeline(threads, true).pass(1000).unwrap_err().to_string().contains("is right"));
        }
    }
}
