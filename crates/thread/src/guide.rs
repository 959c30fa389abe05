//! The programs that people start with, each whole and in the order in which they are met elsewhere. Locks are those of
//! [`multiproc_sync`].
//!
//! # Five threads, one after the other
//!
//! Started at once they print in any order. Each is joined before the next one is started:
//!
//! ```
//! use std::sync::Arc;
//! use multiproc_sync::Mutex;
//! use multiproc_thread::{Thread, current};
//!
//! let printed = Arc::new(Mutex::new(Vec::new()));
//! for n in 1..=5 {
//!     let printed = printed.clone();
//!     let thread = Thread::builder().name(format!("worker {n}")).spawn(move || {
//!         printed.lock().unwrap().push(current().name());
//!     })?;
//!     thread.join()?;
//! }
//! let printed = printed.lock().unwrap();
//! assert_eq!(*printed, ["worker 1", "worker 2", "worker 3", "worker 4", "worker 5"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A counter without a lock, and with one
//!
//! To add one is three steps: read, add, write. Here both threads read before either writes, as happens without the latch now and
//! then, and one addition is lost:
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use multiproc_sync::Latch;
//! use multiproc_thread::{Thread, join_all};
//!
//! static COUNTER: AtomicU32 = AtomicU32::new(0);
//! static BOTH_HAVE_READ: Latch = Latch::new(2);
//!
//! let threads: Vec<_> = (0..2)
//!     .map(|_| {
//!         Thread::spawn(|| {
//!             let seen = COUNTER.load(Relaxed);
//!             BOTH_HAVE_READ.arrive_and_wait().unwrap();
//!             COUNTER.store(seen + 1, Relaxed);
//!         })
//!     })
//!     .collect::<Result<_, _>>()?;
//! assert!(join_all(threads).iter().all(Result::is_ok));
//! assert_eq!(COUNTER.load(Relaxed), 1); // not 2
//! # Ok::<(), multiproc_thread::StartError>(())
//! ```
//!
//! The compiler refuses a plain number that two threads write: one has to ask for the race. With a lock the three steps of one thread
//! come before or after those of the other:
//!
//! ```
//! use multiproc_sync::Mutex;
//! use multiproc_thread::{Thread, join_all};
//!
//! static COUNTER: Mutex<u32> = Mutex::new(0);
//!
//! let threads: Vec<_> = (0..2)
//!     .map(|_| Thread::spawn(|| (0..10_000).for_each(|_| *COUNTER.lock().unwrap() += 1)))
//!     .collect::<Result<_, _>>()?;
//! assert!(join_all(threads).iter().all(Result::is_ok));
//! assert_eq!(*COUNTER.lock().unwrap(), 20_000);
//! # Ok::<(), multiproc_thread::StartError>(())
//! ```
//!
//! # Producer and consumer: a semaphore
//!
//! A permit stands for an item that was put and not yet taken:
//!
//! ```
//! use multiproc_sync::{Mutex, Semaphore};
//! use multiproc_thread::Thread;
//!
//! static ITEMS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static FILLED: Semaphore = Semaphore::new(0);
//!
//! let consumer = Thread::spawn(|| {
//!     let take = |_| {
//!         FILLED.acquire().unwrap();
//!         ITEMS.lock().unwrap().pop().expect("there are as many items as permits")
//!     };
//!     (0..10).map(take).sum::<u32>()
//! })?;
//! let producer = Thread::spawn(|| {
//!     for item in 1..=10 {
//!         ITEMS.lock().unwrap().push(item);
//!         FILLED.release(1).unwrap();
//!     }
//! })?;
//! producer.join()?;
//! assert_eq!(consumer.join()?, 55);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Producer and consumer: a condition
//!
//! `while`, not `if`: who was notified takes the lock a moment later, and another consumer may have been quicker.
//! [`wait_while`](multiproc_sync::Condvar::wait_while) is this loop.
//!
//! ```
//! use multiproc_sync::{Condvar, Mutex};
//! use multiproc_thread::{Thread, join_all};
//!
//! static ITEMS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static FILLED: Condvar = Condvar::new();
//!
//! fn take() -> u32 {
//!     let mut items = ITEMS.lock().unwrap();
//!     while items.is_empty() {
//!         items = FILLED.wait(items).unwrap();
//!     }
//!     items.pop().expect("not empty under this lock")
//! }
//!
//! let consumers = [(); 2].map(|()| Thread::spawn(|| (0..5).map(|_| take()).sum::<u32>()));
//! let producer = Thread::spawn(|| {
//!     for item in 1..=10 {
//!         ITEMS.lock().unwrap().push(item);
//!         FILLED.notify_all(); // to both: one of them finds nothing, and waits on
//!     }
//! })?;
//! producer.join()?;
//! let consumers: Vec<_> = consumers.into_iter().collect::<Result<_, _>>()?;
//! let sums: Vec<u32> = join_all(consumers).into_iter().collect::<Result<_, _>>()?;
//! assert_eq!(sums.iter().sum::<u32>(), 55);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Producer and consumer: the pulse of an event
//!
//! `set(); clear();` releases all who wait at that moment, however late they wake up, and nobody who comes after: it is no more than
//! a hint to look again. So a consumer looks before it waits, and waits for a while only:
//!
//! ```
//! use std::time::Duration;
//! use multiproc_sync::{Event, Mutex};
//! use multiproc_thread::Thread;
//!
//! static ITEMS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static NEWS: Event = Event::new();
//!
//! let consumer = Thread::spawn(|| {
//!     let mut got = 0;
//!     while got < 55 {
//!         let item = ITEMS.lock().unwrap().pop();
//!         match item {
//!             Some(item) => got += item,
//!             None => drop(NEWS.wait_timeout(Duration::from_millis(10))), // told, or not: it looks
//!         }
//!     }
//!     got
//! })?;
//! let producer = Thread::spawn(|| {
//!     for item in 1..=10 {
//!         ITEMS.lock().unwrap().push(item);
//!         NEWS.set();
//!         NEWS.clear();
//!     }
//! })?;
//! producer.join()?;
//! assert_eq!(consumer.join()?, 55);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where there is one consumer, the event is better left set: that one waits, clears it, then looks for items, and misses none without
//! any time.
//!
//! # Producer and consumer: a queue
//!
//! Which has all of that inside, a bound, and an end:
//!
//! ```
//! use std::sync::Arc;
//! use multiproc_thread::{Queue, Shutdown, Thread};
//!
//! let queue = Arc::new(Queue::bounded(4));
//! let (to, from) = (queue.clone(), queue.clone());
//! let consumer = Thread::spawn(move || {
//!     let add = |sum, item: u32| {
//!         from.task_done().expect("once for each");
//!         sum + item
//!     };
//!     from.iter().fold(0, add) // until the shutdown
//! })?;
//! let producer = Thread::spawn(move || (1..=10).try_for_each(|item| to.put(item)))?;
//! producer.join()?.expect("nobody has shut it down");
//! queue.join()?; // all that was put has been reported done
//! queue.shutdown(Shutdown::Drain);
//! assert_eq!(consumer.join()?, 55);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A box with methods that call each other
//!
//! `add` and `remove` take the lock and call `execute`, which takes it again: with an ordinary mutex the thread would wait for itself.
//!
//! ```
//! use std::cell::Cell;
//! use multiproc_sync::ReentrantMutex;
//! use multiproc_thread::{Thread, join_all};
//!
//! #[derive(Default)]
//! struct Crate {
//!     items: ReentrantMutex<Cell<i32>>,
//! }
//!
//! impl Crate {
//!     fn execute(&self, n: i32) {
//!         let items = self.items.lock().unwrap();
//!         items.set(items.get() + n);
//!     }
//!
//!     fn add(&self) {
//!         let _all_of_it = self.items.lock().unwrap();
//!         self.execute(1);
//!     }
//!
//!     fn remove(&self) {
//!         let _all_of_it = self.items.lock().unwrap();
//!         self.execute(-1);
//!     }
//! }
//!
//! let shared = std::sync::Arc::new(Crate::default());
//! let [adds, removes] = [shared.clone(), shared.clone()];
//! let threads = [
//!     Thread::spawn(move || (0..1000).for_each(|_| adds.add()))?,
//!     Thread::spawn(move || (0..400).for_each(|_| removes.remove()))?,
//! ];
//! assert!(join_all(threads).iter().all(Result::is_ok));
//! assert_eq!(shared.items.lock().unwrap().get(), 600);
//! # Ok::<(), multiproc_thread::StartError>(())
//! ```
//!
//! # The lines of a file, split evenly
//!
//! A file has a host and a port in each line. So many threads get as many lines each, give or take one, and all are joined, also when one of
//! them meets a bad line:
//!
//! ```
//! use std::{env, fs, process};
//! use multiproc_thread::{Thread, join_all};
//!
//! fn parse(line: &str) -> Result<(String, u16), String> {
//!     let (host, port) = line.split_once(' ').ok_or_else(|| format!("no port in {line:?}"))?;
//!     let port = port.trim().parse().map_err(|e| format!("{port:?} in {line:?}: {e}"))?;
//!     Ok((host.to_owned(), port))
//! }
//!
//! let path = env::temp_dir().join(format!("hosts-{}", process::id()));
//! fs::write(&path, "alpha 80\nbeta 443\ngamma 8080\ndelta 22\nepsilon 25\n")?;
//! let text = fs::read_to_string(&path)?;
//! fs::remove_file(&path)?;
//!
//! let lines: Vec<String> = text.lines().map(str::to_owned).collect();
//! let threads = 3;
//! let part = |n: usize| lines[lines.len() * n / threads..lines.len() * (n + 1) / threads].to_vec();
//! let started: Vec<_> = (0..threads)
//!     .map(|n| {
//!         let part = part(n);
//!         Thread::spawn(move || part.iter().map(|line| parse(line)).collect::<Result<Vec<_>, _>>())
//!     })
//!     .collect::<Result<_, _>>()?;
//! let mut hosts = Vec::new();
//! for parsed in join_all(started) {
//!     hosts.extend(parsed??);
//! }
//! assert_eq!(hosts.len(), 5);
//! assert_eq!(hosts[4], ("epsilon".to_owned(), 25));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
