//! Models of the locks: every order in which threads can meet, and processes die, up to a number of preemptions.

mod loom_alarm;
mod loom_barrier;
mod loom_bounded_semaphore;
mod loom_condvar;
mod loom_contention;
mod loom_deadlock;
mod loom_doorbell;
mod loom_event;
mod loom_latch;
mod loom_lock;
mod loom_mutex_private;
mod loom_mutex_robust;
mod loom_once;
mod loom_planted;
mod loom_reentrant_mutex;
mod loom_registry;
mod loom_robust_semaphore;
mod loom_rwlock;
mod loom_rwlock_robust;
mod loom_semaphore;
mod loom_wait_group;
mod pair;
mod twins;
mod visits;
