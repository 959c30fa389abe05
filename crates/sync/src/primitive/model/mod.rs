//! The model checker's side of the switch: its runner, the kernel's part, and processes that die before any step.
//!
//! [`check`] runs a program in every order of its threads' steps, up to a number of preemptions. Threads are loom's
//! ([`thread`]), locks are this crate's, and there is no time: a [`Deadline`] passes when a thread of the model says so.
//!
//! ```no_run
//! use multiproc_sync::Mutex;
//! use multiproc_sync::primitive::model::{check, thread};
//! use std::sync::Arc;
//!
//! check(|| {
//!     let total = Arc::new(Mutex::new(0));
//!     let theirs = total.clone();
//!     let other = thread::spawn(move || *theirs.lock().unwrap() += 1);
//!     *total.lock().unwrap() += 1;
//!     other.join().unwrap();
//!     assert_eq!(*total.lock().unwrap(), 2);
//! });
//! ```
//!
//! # Processes and their death
//!
//! A [`Family`] has any number of [`Process`]es, whose threads are threads of the model. [`shared`] makes a value that they
//! have in common. [`check_deaths`] runs a model again and again, and each time lets a process die one step later:
//!
//! ```no_run
//! use multiproc_sync::{LockError, Mutex};
//! use multiproc_sync::primitive::model::{Family, check_deaths, shared, step};
//!
//! check_deaths(|k| {
//!     let (family, pair) = (Family::new(), shared(Mutex::new([0_u32; 2])));
//!     let theirs = pair.clone();
//!     let victim = family.process().spawn_killed_at(k, move || {
//!         let mut pair = theirs.lock().unwrap();
//!         pair[0] = 1;
//!         step(); // it may also die here
//!         pair[1] = 1;
//!     });
//!     family.process().run(|| match pair.lock() {
//!         Ok(pair) => assert_eq!(pair[0], pair[1]),
//!         Err(LockError::OwnerDied(_)) => {} // maybe torn
//!         Err(error) => panic!("{error}"),
//!     });
//!     victim.join();
//! });
//! ```
//!
//! Each access to an atomic of this crate, each call of the kernel and each change of the list that the kernel walks at a
//! death is a step, and so is a call of [`step`]. A process that dies has its robust locks marked by the kernel, as the machine does
//! it; its end, which proves that nothing of it writes any more, is another step.
//!
//! # What is simpler than the machine
//!
//! No sleep ends by a heartbeat: what a machine would mend within a second is a deadlock here. Nobody spins. Entering the
//! kernel orders more than it does on a machine. The program `loom` that is in use here runs five threads at the most.

mod check;
mod context;
mod deadline;
mod family;
mod futex;
pub(crate) mod identity;
mod kernel;
mod process;
mod shared;
mod step;

pub use loom::thread;

pub use self::check::{check, check_deaths};
pub use self::deadline::Deadline;
pub use self::family::Family;
pub(crate) use self::futex::{Futex, Place};
pub use self::process::{End, Process, Running};
pub use self::shared::shared;
pub(super) use self::step::goes_on;
pub(crate) use self::step::is_dead;
pub use self::step::{die, die_at, step};
