//! A round: some parties begin, live for some milliseconds, and are killed one after the other; then it is looked what is left.

use std::fs;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use multiproc_ipc::pipe;
use multiproc_shm::{Arena, JoinError, Shared, SharedArray, SharedMemory, ShmSafe, Split, names};
use multiproc_testkit::fork::{Fork, fork, kill};

use super::cargo::{Cargo, SharedPair, count, pair};
use super::holdings::Before;
use super::party::{ACTIONS, LEN, Party};
use super::random::Random;

const PARTIES: usize = 3;

/// The longest that a party lives before the first is killed, and from one to the next.
const LONGEST: Duration = Duration::from_millis(6);

/// What the judge must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A party makes a file that is on no list.
    Name,
    /// The process that begins the storm keeps one descriptor of a round.
    Descriptor,
    /// Memory of a round stays in use: in a file that is none of the storm's by its name.
    Memory,
}

/// What the parties have done, and what did not hold: written by them, for who kills them to read.
#[derive(ShmSafe)]
#[repr(C)]
pub(crate) struct Board {
    done: [AtomicU64; 16],
    failed: AtomicU64,
}

impl Board {
    pub(crate) fn did(&self, action: usize) {
        self.done[action].fetch_add(1, Relaxed);
    }
}

pub(crate) struct Storm {
    random: Random,
    planted: Option<Planted>,
    board: Shared<Board>,
    common: SharedPair,
    arena: Arena,
    /// Of an array that outlives the rounds; `None` only while a round begins or ends.
    split: Option<Split<u64>>,
    /// Of this process, which lives: nobody sweeps it.
    lasting: SharedMemory,
    before: Before,
    kept: Vec<OwnedFd>,
    kills: u64,
    recovered: u64,
}

impl Storm {
    pub(crate) fn begin(seed: u64, planted: Option<Planted>) -> Result<Self, String> {
        let text = |error: multiproc_shm::ShmError| error.to_string();
        let board: Shared<Board> = Shared::zeroed().map_err(text)?;
        let common = pair()?;
        count(&common, || ())?;
        let name = format!("{}-lasting", prefix());
        let lasting = SharedMemory::create_with(&name, LEN, |bytes| bytes.fill(7)).map_err(text)?;
        let (random, kept) = (Random::new(seed), Vec::with_capacity(64));
        let arena = Arena::new(8 << 20).map_err(text)?;
        // All of its pages are touched, so that they count from the beginning.
        let blocks: Vec<_> = std::iter::from_fn(|| arena.alloc_slice(&[1_u64; 512]).ok()).collect();
        drop(blocks);
        let array = SharedArray::from_slice(&[1_u64; 4096]).map_err(text)?;
        let split = Some(array.split(PARTIES * 2).map_err(|error| error.to_string())?);
        let before = Before::look()?;
        let (kills, recovered) = (0, 0);
        Ok(Self { random, planted, board, common, arena, split, lasting, before, kept, kills, recovered })
    }

    pub(crate) fn kills(&self) -> u64 {
        self.kills
    }

    /// How often the pair that outlives the rounds was mended after a death.
    pub(crate) fn recovered(&self) -> u64 {
        self.recovered
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ACTIONS.iter().zip(&self.board.done).map(|((_, name), times)| (*name, times.load(Relaxed)))
    }

    /// Begins some parties, kills them all, and looks.
    pub(crate) fn round(&mut self) -> Result<(), String> {
        let mut parties = self.parties()?;
        thread::sleep(self.random.time(LONGEST));
        let mut pids = Vec::new();
        while !parties.is_empty() {
            let victim = self.random.below(parties.len() as u64) as usize;
            pids.push(kill(parties.swap_remove(victim)));
            self.kills += 1;
            if self.random.one_in(2) {
                thread::sleep(self.random.time(LONGEST));
            }
        }
        if self.board.failed.load(Relaxed) > 0 {
            return Err("a party found what cannot be, and said so".into());
        }
        self.plant()?;
        self.look(&pids)
    }

    fn parties(&mut self) -> Result<Vec<Fork>, String> {
        let prefixes: Vec<String> = (0..PARTIES).map(|number| format!("{}-{number}", prefix())).collect();
        // A ring: each sends to the next.
        let (mut to_next, mut from_last) = (Vec::new(), Vec::new());
        for _ in 0..PARTIES {
            let (sender, receiver) = pipe::<Cargo, ()>().map_err(|error| error.to_string())?;
            to_next.push(Some(sender));
            from_last.push(Some(receiver));
        }
        from_last.rotate_left(1);
        let split = self.split.as_mut().ok_or("there is a split between rounds")?;
        let mut parts = split.take_all().map_err(|error| error.to_string())?;
        for line in to_next.iter().flatten() {
            let parts = parts.drain(..2).map(Cargo::Part);
            for cargo in std::iter::once(Cargo::Arena(self.arena.clone())).chain(parts) {
                line.try_send(cargo).map_err(|error| format!("to a party: {error}"))?;
            }
        }
        let mut parties = Vec::new();
        for number in 0..PARTIES {
            let seed = self.random.next();
            parties.push(fork(|| {
                let lines = (to_next[number].take(), from_last[number].take());
                to_next.clear();
                from_last.clear();
                let (Some(to_next), Some(from_last)) = lines else { return };
                let mut party =
                    Party::new(number, &prefixes, (to_next, from_last), self.common.clone(), seed);
                let failure = party.live(&self.board);
                eprintln!("{failure}");
                self.board.failed.store(1, Relaxed);
            }));
        }
        Ok(parties)
    }

    fn plant(&mut self) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        match self.planted {
            None => Ok(()),
            Some(Planted::Name) => fs::write(stray(&prefix()), b"").map_err(text),
            Some(Planted::Memory) => fs::write(stray("not-"), vec![1; LEN]).map_err(text),
            Some(Planted::Descriptor) => {
                let memory = SharedMemory::anonymous(1).map_err(|error| error.to_string())?;
                self.kept.push(memory.try_clone_fd().map_err(text)?);
                Ok(())
            }
        }
    }

    /// What outlives the rounds is whole: no block of the arena is a dead process's, and all parts are here.
    fn take_back(&mut self) -> Result<(), String> {
        self.arena.sweep();
        let used = self.arena.used();
        if used > 0 {
            return Err(format!("{used} bytes of the arena are used by nobody"));
        }
        let split = self.split.take().ok_or("there is a split between rounds")?;
        let mut split = join(split)?.split(PARTIES * 2).map_err(|error| error.to_string())?;
        let missing = split.missing().map_err(|error| error.to_string())?;
        if !missing.is_empty() {
            return Err(format!("parts {missing:?} of a split that was joined are missing"));
        }
        self.split = Some(split);
        Ok(())
    }

    fn look(&mut self, dead: &[u32]) -> Result<(), String> {
        names::sweep().map_err(|error| format!("sweep: {error}"))?;
        self.recovered += u64::from(count(&self.common, || ())?);
        self.take_back()?;
        let manifests: Vec<String> = dead.iter().map(|pid| format!("multiproc.{pid}.")).collect();
        let (storm, lasting) = (prefix(), self.lasting.name().unwrap_or_default());
        let ours = |name: &str| {
            name != lasting
                && (name.starts_with(&storm) || manifests.iter().any(|start| name.starts_with(start)))
        };
        let left = self.before.left(ours);
        // What was planted was found by now, or not.
        match self.planted {
            Some(Planted::Name) => fs::remove_file(stray(&storm)).map_err(|error| error.to_string())?,
            Some(Planted::Memory) => fs::remove_file(stray("not-")).map_err(|error| error.to_string())?,
            Some(Planted::Descriptor) | None => {}
        }
        left?;
        let theirs =
            SharedMemory::open(lasting).map_err(|error| format!("a living process's segment: {error}"))?;
        if theirs.len() == LEN { Ok(()) } else { Err("a living process's segment is another".into()) }
    }
}

/// Joins what all of its owners have died with. What they left half written is written anew.
fn join(mut split: Split<u64>) -> Result<SharedArray<u64>, String> {
    loop {
        match split.join() {
            Ok(array) => return Ok(array),
            Err(JoinError::Torn(mut torn, index)) => {
                let part = torn.take(index).map_err(|error| error.to_string())?;
                let mut part = part.ok_or("a torn part is here")?;
                part.as_mut_slice().fill(1);
                part.mark_consistent();
                split = torn;
            }
            Err(error) => return Err(format!("join: {error}")),
        }
    }
}

fn prefix() -> String {
    // Forks ask before they are told: their parent's number is kept by the first who asks.
    static STORM: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    format!("storm-{}", STORM.get_or_init(std::process::id))
}

fn stray(start: &str) -> String {
    format!("/dev/shm/{start}-stray-{}", std::process::id())
}
