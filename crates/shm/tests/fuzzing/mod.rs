//! The long form of a property: it goes on for as many seconds as `MULTIPROC_FUZZ_SECONDS` says, from the seed `MULTIPROC_FUZZ_SEED` on.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Goes on until the time has passed. `survive` uses what was damaged, panics where a rule is broken, and tells whether it was taken in spite
/// of the damage: some must be, and some not, else nothing was shown.
pub(crate) fn run<S: Strategy<Value: Debug>>(
    target: &str,
    strategy: S,
    mut survive: impl FnMut(&S::Value) -> bool,
) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seconds = number("MULTIPROC_FUZZ_SECONDS").unwrap_or(10);
    let seed = number("MULTIPROC_FUZZ_SEED").unwrap_or(1);
    println!("{target}: seed {seed}, {seconds} s"); // first: no more is said by one that crashes
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let begin = Instant::now();
    let (mut executions, mut taken) = (0_u64, 0_u64);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let attack = strategy.new_tree(&mut runner).expect("no strategy rejects").current();
        let survived = catch_unwind(AssertUnwindSafe(|| survive(&attack)));
        let Ok(was_taken) = survived else { panic!("seed {seed}, execution {executions}: {attack:?}") };
        executions += 1;
        taken += u64::from(was_taken);
    }
    let rate = executions as f64 / begin.elapsed().as_secs_f64();
    println!(
        "{target}: {executions} executions, {rate:.0} a second, {taken} taken in spite of the damage, seed {seed}"
    );
    assert!(taken > 0 && taken < executions, "both were met");
}
