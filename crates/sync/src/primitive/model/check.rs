//! Runs a model in every order of its threads' steps.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::step;

/// Preemptions up to which orders are tried, unless `LOOM_MAX_PREEMPTIONS` says another number.
const BOUND: usize = 2;

/// Steps after which a victim that still lives is taken for one that never ends.
const MOST_STEPS: usize = 1000;

/// Names the first step at which there is a death.
const FIRST_DEATH: &str = "MULTIPROC_FIRST_DEATH";

/// Runs `model` in every order of its threads' steps, with at most 2 preemptions in one order, or as many as the environment's
/// `LOOM_MAX_PREEMPTIONS` says; prints how many orders there were. The other variables of loom's
/// [builder](https://docs.rs/loom/latest/loom/model/struct.Builder.html) are heard as well.
///
/// # Panics
///
/// With the model, in the first order in which it does; if all of its threads wait, if two reach the data of an
/// [`UnsafeCell`](crate::primitive::UnsafeCell) with no order between them, and if one takes more than 1,000 steps.
/// A model that deadlocks with a guard alive aborts the process: run each in one of its own.
pub fn check(model: impl Fn() + Send + Sync + 'static) {
    let (executions, bound) = orders(model);
    println!("\nloom: executions={executions} bound={bound}");
}

/// As [`check`], for a model that lets a process die before its `k`-th step: for k = 0, 1, 2, … until there was no order in which
/// that step was reached. Prints the sum. The environment's `MULTIPROC_FIRST_DEATH` is the first k, to search again from a known step.
///
/// # Panics
///
/// As [`check`]; and if nobody dies.
pub fn check_deaths(model: impl Fn(usize) + Send + Sync + 'static) {
    let model = Arc::new(model);
    let first = std::env::var(FIRST_DEATH).ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    let (mut sum, mut k) = (0, first);
    let bound = loop {
        let model = model.clone();
        step::forget_kills();
        let (executions, bound) = orders(move || model(k));
        sum += executions;
        if step::kills() == 0 {
            break bound;
        }
        k += 1;
        assert!(k < MOST_STEPS, "the victim takes more than {MOST_STEPS} steps");
    };
    assert!(k > first, "nobody dies in this model: run a thread with `spawn_killed_at` or `run_killed_at`");
    println!("\nloom: executions={sum} bound={bound} deaths={k}");
}

#[allow(clippy::disallowed_types)] // counts the model's runs, is no part of it
fn orders(model: impl Fn() + Send + Sync + 'static) -> (usize, usize) {
    let mut builder = loom::model::Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(BOUND);
    let executions = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = executions.clone();
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    (executions.load(Relaxed), bound)
}
