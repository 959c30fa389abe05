//! Whether somebody else computes on the same core. A virtual machine's processor may be one of two hardware threads of a core,
//! and what the other one does is seen in no load: it takes half of the core's width and leaves latencies as they are. So it slows
//! down what has many instructions, and not what waits for one atomic operation after the other: their ratio changes.
//! `unsafe`: instructions written out.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use crate::Result;
use crate::session::{OwnCore, Sample, Session};

/// A probe this much slower than the quickest says that the core is shared.
const SHARED: f64 = 1.1;

/// Batches with the core to itself that a round must have, to say something of that.
const ENOUGH: usize = 10;

/// What one thread does alone, with a look at the core before and after each batch.
#[derive(Debug)]
pub(crate) struct Alone<F> {
    batch: F,
    quickest: Duration,
}

/// Operations, their time, and the slower probe beside them.
type Batch = (u64, Duration, Option<Duration>);

impl<F: FnMut() -> Result<u64>> Alone<F> {
    pub(crate) fn new(batch: F) -> Self {
        Self { batch, quickest: Duration::MAX }
    }

    /// The batch in the middle of those with the core to itself. Not their sum: the kernel may have given the core away in the
    /// middle of one.
    fn own_core(&self, batches: Vec<Batch>) -> Option<OwnCore> {
        let own = |batch: &Batch| batch.2.is_some_and(|probe| had_own_core(probe, self.quickest));
        let mut own: Vec<_> = batches.into_iter().filter(own).collect();
        own.sort_by_key(|(operations, took, _)| {
            *took / u32::try_from(*operations).unwrap_or(u32::MAX).max(1)
        });
        let (operations, took, _) = *own.get(own.len() / 2)?;
        (own.len() >= ENOUGH).then(|| OwnCore::timed(operations, took, self.quickest))
    }

    /// Looks at the core, where it can.
    fn probe(&mut self) -> Option<Duration> {
        let probe = additions()?;
        self.quickest = self.quickest.min(probe);
        Some(probe)
    }
}

impl<F: FnMut() -> Result<u64>> Session for Alone<F> {
    fn batch(&mut self) -> Result<u64> {
        (self.batch)()
    }

    fn round(&mut self, length: Duration) -> Result<Sample> {
        let begin = Instant::now();
        let mut batches = Vec::new();
        while batches.is_empty() || begin.elapsed() < length {
            let before = self.probe();
            let start = Instant::now();
            let operations = (self.batch)()?;
            let took = start.elapsed();
            batches.push((operations, took, before.max(self.probe())));
        }
        let operations = batches.iter().map(|batch| batch.0).sum();
        let took = batches.iter().map(|batch| batch.1).sum();
        Ok(Sample { own_core: self.own_core(batches), ..Sample::timed(operations, took) })
    }
}

/// Whether who took so long for a probe can have had the core to itself, where the quickest took so.
pub(crate) fn had_own_core(probe: Duration, quickest: Duration) -> bool {
    probe <= quickest.mul_f64(SHARED)
}

/// How long 24,000 additions take that do not wait for each other: as many at a time as the core can do.
#[cfg(target_arch = "x86_64")]
fn additions() -> Option<Duration> {
    const ROUNDS: u64 = 1000;
    let start = Instant::now();
    // SAFETY: adds to registers that are declared as overwritten, and touches no memory.
    unsafe {
        std::arch::asm!(
            "2:",
            "add rax, 1", "add rcx, 1", "add rdx, 1", "add rsi, 1", "add rdi, 1", "add r8, 1", "add r9, 1", "add r10, 1",
            "add rax, 1", "add rcx, 1", "add rdx, 1", "add rsi, 1", "add rdi, 1", "add r8, 1", "add r9, 1", "add r10, 1",
            "add rax, 1", "add rcx, 1", "add rdx, 1", "add rsi, 1", "add rdi, 1", "add r8, 1", "add r9, 1", "add r10, 1",
            "dec {rounds}",
            "jnz 2b",
            rounds = inout(reg) ROUNDS => _,
            out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("r9") _, out("r10") _,
            options(nomem, nostack),
        );
    }
    Some(start.elapsed())
}

/// Elsewhere nobody has written it out yet: then nothing is said of the core.
#[cfg(not(target_arch = "x86_64"))]
fn additions() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_all_batches_and_shows_one_with_the_core_to_itself() {
        let mut batches = 0;
        let mut alone = Alone::new(|| {
            batches += 1;
            Ok(7)
        });
        let sample = alone.round(Duration::from_millis(20)).unwrap();
        assert_eq!(sample.operations, 7 * batches);
        if let Some(own) = sample.own_core {
            assert_eq!(own.operations, 7);
            assert!(own.spent <= sample.spent && own.probe > Duration::ZERO);
        }
    }

    #[test]
    fn a_batch_that_fails_ends_the_round() {
        let mut alone = Alone::new(|| Err("it broke".into()));
        assert_eq!(alone.round(Duration::ZERO).unwrap_err().to_string(), "it broke");
    }

    #[test]
    fn a_probe_a_tenth_slower_is_of_a_shared_core() {
        let [quickest, near, far] = [2000, 2100, 2300].map(Duration::from_nanos);
        assert!(had_own_core(near, quickest) && !had_own_core(far, quickest));
    }
}
