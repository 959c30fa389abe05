//! Kills a process before every instruction of an operation, and judges the survivors.
//!
//! A [`Scenario`] names a victim and its company. For each kill point everything is made anew, in processes forked
//! from a fault program, which has a `main` of its own and one thread:
//!
//! ```text
//! program ── stage ─┬─ peers       wait for cues, sleep in the lock, barge in
//!                   ├─ victim      stepped by ptrace, then SIGKILL
//!                   └─ newcomer    comes last
//! ```
//!
//! 1. The stage makes the [`Scene`] and starts the peers ([`Cue::Hold`]), then the victim, up to [`Part::begin`]
//!    ([`Cue::Begun`]).
//! 2. It steps the victim, a system call being one step. A sleep in the kernel is a kill point too; to go on from it
//!    ([`Cue::Asleep`], [`Cue::Release`]) somebody has to wake the victim.
//! 3. With the victim stopped at the kill point, others may take what it has given back ([`Cue::Stopped`]). Then it
//!    is killed and reaped ([`Cue::Killed`]).
//! 4. Every survivor must get through. While they have not, nobody may be asleep for good: judged by what the
//!    kernel shows of them, not by how long it takes. Then all and a newcomer use the state for three laps
//!    ([`Cue::Laps`]).
//!
//! The kill points come of a recording, in which the victim is stepped from its beginning to its end. Each is found
//! again by the victim's sleeps before it, its address, and how often it was passed since: the victim runs into a trap
//! there, which costs the same for the first step and for the last. Where it goes another way at full speed, it is
//! stepped again, unless that would take long and the step touches nothing that is shared. Up to 1500 steps each is a kill point. Above, a loop's instructions are when they are executed first;
//! and every step that stores to the watched memory or enters the kernel, before and after it. If even that is more
//! than 4500, only these.
//!
//! Instructions are told apart on x86-64 and aarch64.

mod board;
mod cast;
mod memory;
mod part;
mod point;
mod program;
mod run;
mod scenario;
mod stage;
mod victim;
mod waiting;

pub use memory::Memory;
pub use part::{Cue, Part};
pub use program::Program;
pub use run::Summary;
pub use scenario::{Act, Fate, Peer, Scenario, Scene, Start};
pub use waiting::eventually;

/// A name for the entry of a function: kill points there are counted.
pub type Label = (&'static str, usize);
