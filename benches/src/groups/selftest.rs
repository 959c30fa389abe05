//! Benches that test this program: what they come to is known. They run when they are named, and are not listed.

use std::hint;
use std::process;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::peers::pipe_pool;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::session::{Sample, Session, Setting, Start};
use crate::target::Target;
use crate::windows::Window;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "selftest.time",
        about: "times that are made up",
        unit: Unit::MicrosPer("step"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| Start::here(MadeUp::of([999, 20, 10, 30]))),
            Contender::new("peer", |_| Start::here(MadeUp::of([1, 50, 30, 40]))),
            Contender::new("floor:bare", |_| Start::here(MadeUp::of([1, 5, 5, 5]))),
        ],
        targets: &[
            Target::beside("peer", 0.5, Placement::ONLY_FREE),
            Target::alone(1.0, Placement::ONLY_FREE),
        ],
    },
    Bench {
        name: "selftest.rate",
        about: "rates that are made up",
        unit: Unit::PerSecond("steps"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| Start::here(MadeUp::of([20]))),
            Contender::new("peer", |_| Start::here(MadeUp::of([40]))),
        ],
        targets: &[Target::alone(500_000.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "selftest.share",
        about: "windows that are made up, by the share of the slower side",
        unit: Unit::Share,
        placements: Placement::ONLY_FREE,
        contenders: MADE_UP_WINDOWS,
        targets: &[
            Target::alone(0.5, Placement::ONLY_FREE),
            Target::alone(0.5, Placement::ONLY_FREE).of("uneven"),
        ],
    },
    Bench {
        name: "selftest.progress",
        about: "the same by the progress of both sides",
        unit: Unit::Progress(["reader", "writers"]),
        placements: Placement::ONLY_FREE,
        contenders: MADE_UP_WINDOWS,
        targets: &[
            Target::each_round(1.0, Placement::ONLY_FREE),
            Target::each_round(1.0, Placement::ONLY_FREE).of("uneven"),
        ],
    },
    Bench {
        name: "selftest.blind",
        about: "a share without windows",
        unit: Unit::Share,
        placements: Placement::ONLY_FREE,
        contenders: &[Contender::new(OURS, |_| Start::here(MadeUp::of([20])))],
        targets: &[],
    },
    Bench {
        name: "selftest.placed",
        about: "a worker in each placement",
        unit: Unit::MicrosPer("call"),
        placements: Placement::ALL,
        contenders: &[Contender::new(OURS, pipe_pool::call), Contender::new("same", pipe_pool::call)],
        targets: &[],
    },
    Bench {
        name: "selftest.idle",
        about: "a contender that burns a processor while the other is measured",
        unit: Unit::MicrosPer("step"),
        placements: Placement::ONLY_FREE,
        contenders: &[Contender::new(OURS, |_| Start::here(|| Ok(1))), Contender::new("spins", spins)],
        targets: &[],
    },
    Bench {
        name: "selftest.broken",
        about: "contenders that fail, each in its way",
        unit: Unit::MicrosPer("step"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| Start::here(MadeUp::of([20]))),
            Contender::new("refuses", |_| Err("it has its reasons".into())),
            Contender::new("fails", |_| second_batch(|| Err("it broke\nin two".into()))),
            Contender::new("aborts", |_| second_batch(|| process::abort())),
            Contender::new("hangs", |_| {
                second_batch(|| {
                    loop {
                        thread::park();
                    }
                })
            }),
            Contender::new("talks", talks),
        ],
        targets: &[Target::beside("refuses", 1.0, Placement::ONLY_FREE)],
    },
];

/// The second one's reader gets nothing done in one window of one round.
const MADE_UP_WINDOWS: &[Contender] = &[
    Contender::new(OURS, |_| {
        Start::here(MadeUpWindows([[[0, 1]; 2], [[5, 15], [4, 4]], [[8, 8], [8, 8]]], 0))
    }),
    Contender::new("uneven", |_| {
        Start::here(MadeUpWindows([[[0, 1]; 2], [[0, 2000], [1, 3]], [[1, 7], [9, 3]]], 0))
    }),
];

/// Gives these operations of two windows, round after round.
struct MadeUpWindows([[[u64; 2]; 2]; 3], usize);

impl Session for MadeUpWindows {
    fn batch(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn round(&mut self, _length: Duration) -> Result<Sample> {
        let windows = self.0[self.1 % 3].map(Window).to_vec();
        self.1 += 1;
        Ok(Sample { windows, ..Sample::timed(10, Duration::from_micros(10)) })
    }
}

/// Gives these times of ten steps, in microseconds, round after round.
struct MadeUp<const N: usize> {
    micros: [u64; N],
    round: usize,
}

impl<const N: usize> MadeUp<N> {
    fn of(micros: [u64; N]) -> Self {
        Self { micros, round: 0 }
    }
}

impl<const N: usize> Session for MadeUp<N> {
    fn batch(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn round(&mut self, _length: Duration) -> Result<Sample> {
        let micros = self.micros[self.round % N];
        self.round += 1;
        Ok(Sample::timed(10, Duration::from_micros(micros)))
    }
}

/// Starts well: the first batch is the one before it says it is ready.
fn second_batch(mut then: impl FnMut() -> Result<u64> + 'static) -> Result<Start> {
    let mut first = true;
    Start::here(move || if std::mem::take(&mut first) { Ok(1) } else { then() })
}

fn spins(_: &Setting) -> Result<Start> {
    thread::spawn(|| {
        loop {
            hint::spin_loop();
        }
    });
    Start::here(|| Ok(1))
}

/// Prints what looks like an answer; only standard error gets it.
fn talks(_: &Setting) -> Result<Start> {
    println!("@sample 1 1");
    Start::here(MadeUp::of([20]))
}
