//! One process of a storm: it does whatever comes to its mind, until it is killed.

use multiproc_ipc::{Connection, RecvError, SendErrorKind};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{
    AllocError, Arena, ArenaBox, ArrayPart, ArrayWriteGuard, SharedArray, SharedList, SharedMemory, ShmError,
    names,
};
use multiproc_sync::LockError;

use super::cargo::{Cargo, SharedPair, count, pair};
use super::random::Random;
use super::round::Board;

/// As long as a segment is that parties fill, in bytes.
pub(crate) const LEN: usize = 1 << 20;

/// What stands in all of its bytes once it can be opened by its name.
const FULL: u8 = 0xa5;

/// The most of each kind that a party keeps.
const KEPT: usize = 4;

macro_rules! actions {
    ($($action:ident: $name:literal,)*) => {
        /// What a party may do.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Action { $($action),* }

        pub(crate) const ACTIONS: &[(Action, &str)] = &[$((Action::$action, $name)),*];
    };
}
actions! {
    Count: "count",
    Pair: "pair",
    Memory: "memory",
    Send: "send",
    Receive: "receive",
    Name: "name",
    List: "list",
    Open: "open",
    Array: "array",
    Write: "write",
    Part: "part",
    Alloc: "alloc",
    Drop: "drop",
    Sweep: "sweep",
}

/// A process and what it has.
pub(crate) struct Party {
    /// The storm's and the party's number, which names begin with.
    prefix: String,
    neighbours: Vec<String>,
    to_next: Connection<Cargo, ()>,
    from_last: Connection<(), Cargo>,
    common: SharedPair,
    random: Random,
    pairs: Vec<SharedPair>,
    memories: Vec<SharedMemory>,
    lists: Vec<SharedList>,
    arrays: Vec<SharedArray<u64>>,
    parts: Vec<ArrayPart<u64>>,
    arena: Option<Arena>,
    boxes: Vec<ArenaBox<[u64]>>,
    made: u64,
}

impl Party {
    pub(crate) fn new(
        number: usize,
        prefixes: &[String],
        (to_next, from_last): (Connection<Cargo, ()>, Connection<(), Cargo>),
        common: SharedPair,
        seed: u64,
    ) -> Self {
        Self {
            prefix: prefixes[number].clone(),
            neighbours: prefixes.to_vec(),
            to_next,
            from_last,
            common,
            random: Random::new(seed),
            pairs: Vec::new(),
            memories: Vec::new(),
            lists: Vec::new(),
            arrays: Vec::new(),
            parts: Vec::new(),
            arena: None,
            boxes: Vec::new(),
            made: 0,
        }
    }

    /// To its death; what does not hold is told on the board.
    pub(crate) fn live(&mut self, board: &Board) -> String {
        loop {
            let (action, at) = {
                let at = self.random.below(ACTIONS.len() as u64) as usize;
                (ACTIONS[at].0, at)
            };
            if let Err(error) = self.act(action) {
                return format!("{action:?}: {error}");
            }
            board.did(at);
        }
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Count => {
                let random = &mut self.random;
                // Long enough for a death in it to be nothing rare.
                (0..20).try_for_each(|_| count(&self.common, || random.work()).map(drop))?;
                self.pairs.iter().try_for_each(|pair| count(pair, || random.work()).map(drop))
            }
            Action::Pair => {
                let pair = pair()?;
                keep(&mut self.pairs, pair);
                Ok(())
            }
            Action::Memory => {
                let memory = SharedMemory::anonymous(LEN).map_err(|error| error.to_string())?;
                fill(&memory)?;
                keep(&mut self.memories, memory);
                Ok(())
            }
            Action::Send => self.send(),
            Action::Receive => self.receive(),
            Action::Name => self.name(),
            Action::List => self.list(),
            Action::Open => self.open(),
            Action::Array => {
                let array = SharedArray::zeroed(LEN / 8).map_err(|error| error.to_string())?;
                keep(&mut self.arrays, array);
                Ok(())
            }
            Action::Write => {
                let number = self.random.next();
                self.arrays.iter().try_for_each(|array| write(array, number))
            }
            Action::Part => {
                self.parts.iter_mut().for_each(|part| part.as_mut_slice().iter_mut().for_each(|n| *n += 1));
                Ok(())
            }
            Action::Alloc => self.alloc(),
            Action::Drop => {
                drop_some(&mut self.pairs, &mut self.random);
                drop_some(&mut self.memories, &mut self.random);
                drop_some(&mut self.lists, &mut self.random);
                drop_some(&mut self.arrays, &mut self.random);
                drop_some(&mut self.parts, &mut self.random);
                drop_some(&mut self.boxes, &mut self.random);
                Ok(())
            }
            Action::Sweep => names::sweep().map(drop).map_err(|error| format!("sweep: {error}")),
        }
    }

    fn send(&mut self) -> Result<(), String> {
        let cargo = match self.random.below(5) {
            0 => self.pairs.first().cloned().map(Cargo::Pair),
            1 => self.memories.iter().find(|memory| memory.name().is_none()).cloned().map(Cargo::Memory),
            2 => self.arrays.first().cloned().map(Cargo::Array),
            3 => self.parts.pop().map(Cargo::Part),
            _ => self.boxes.pop().map(|block| Cargo::Parcel(block.into_parcel())),
        };
        let cargo = cargo.unwrap_or_else(|| Cargo::Pair(self.common.clone()));
        // What is not sent comes back in the error, and is dropped with it: a part and a block are free then.
        match self.to_next.try_send(cargo).map_err(|error| error.kind) {
            Ok(()) | Err(SendErrorKind::Full | SendErrorKind::Disconnected) => Ok(()),
            Err(error) => Err(format!("send: {error}")),
        }
    }

    fn receive(&mut self) -> Result<(), String> {
        let cargo = match self.from_last.try_recv() {
            Ok(cargo) => cargo,
            Err(RecvError::Empty | RecvError::Disconnected) => return Ok(()),
            Err(error) => return Err(format!("receive: {error}")),
        };
        match cargo {
            Cargo::Pair(pair) => {
                count(&pair, || ())?;
                keep(&mut self.pairs, pair);
            }
            Cargo::Memory(memory) => {
                is_full(&memory)?;
                keep(&mut self.memories, memory);
            }
            Cargo::Array(array) => {
                is_even(&array)?;
                keep(&mut self.arrays, array);
            }
            Cargo::Part(part) => keep(&mut self.parts, part),
            Cargo::Arena(arena) => self.arena = Some(arena),
            Cargo::Parcel(parcel) => {
                let block = parcel.open().map_err(|error| error.to_string())?;
                if block.iter().any(|n| *n != block[0]) {
                    return Err("a block of an arena is two processes'".into());
                }
                keep(&mut self.boxes, block);
            }
        }
        Ok(())
    }

    fn alloc(&mut self) -> Result<(), String> {
        let Some(arena) = &self.arena else { return Ok(()) };
        let (number, len) = (self.random.next(), 1 << self.random.below(14));
        for block in &mut self.boxes {
            if block.iter().any(|n| *n != block[0]) {
                return Err("a block of an arena is two processes'".into());
            }
            block.fill(number);
        }
        match arena.alloc_slice(&vec![number; len]) {
            Ok(block) => keep(&mut self.boxes, block),
            Err(AllocError::Full { .. }) => {}
            Err(error) => return Err(format!("alloc: {error}")),
        }
        Ok(())
    }

    /// A name of a few, so that the neighbours find them.
    fn a_name(&mut self, of: &str) -> String {
        format!("{of}-{}", self.random.below(6))
    }

    fn name(&mut self) -> Result<(), String> {
        let prefix = self.prefix.clone();
        let name = self.a_name(&prefix);
        match SharedMemory::create_with(&name, LEN, |bytes| bytes.fill(FULL)) {
            Ok(memory) => keep(&mut self.memories, memory),
            Err(ShmError::Exists { .. }) => {} // kept already
            Err(error) => return Err(format!("create {name}: {error}")),
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(), String> {
        self.made += 1;
        let name = format!("{}-list-{}", self.prefix, self.made);
        let list = SharedList::create(&name, &[Item::Int(7), "seven".into()]);
        let list = list.map_err(|error| format!("list {name}: {error}"))?;
        list.set(0, self.made as i64).map_err(|error| error.to_string())?;
        keep(&mut self.lists, list);
        Ok(())
    }

    /// What has a name is whole.
    fn open(&mut self) -> Result<(), String> {
        let neighbour = self.neighbours[self.random.below(self.neighbours.len() as u64) as usize].clone();
        let name = self.a_name(&neighbour);
        match SharedMemory::open(&name) {
            Ok(memory) => is_full(&memory)?,
            Err(ShmError::Missing { .. }) => {}
            Err(error) => return Err(format!("open {name}: {error}")),
        }
        let list = format!("{neighbour}-list-{}", self.made.saturating_sub(self.random.below(3)));
        match SharedMemory::open(&list).map(SharedList::open) {
            Ok(Ok(list)) if list.get(1).is_ok_and(|item| item == "seven".into()) => Ok(()),
            Ok(Ok(_) | Err(ListError::Corrupt { .. })) => {
                Err(format!("{list} was opened before it was made"))
            }
            Ok(Err(error)) => Err(format!("{list}: {error}")),
            Err(ShmError::Missing { .. }) => Ok(()),
            Err(error) => Err(format!("open {list}: {error}")),
        }
    }
}

fn keep<T>(kept: &mut Vec<T>, one: T) {
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push(one);
}

fn drop_some<T>(kept: &mut Vec<T>, random: &mut Random) {
    kept.truncate(random.below(kept.len() as u64 + 1) as usize);
}

/// Gives all elements one number. Who died in the middle of it has left some of two.
fn write(array: &SharedArray<u64>, number: u64) -> Result<(), String> {
    match array.write() {
        Ok(mut elements) => {
            if elements.iter().any(|n| *n != elements[0]) {
                return Err("an array is torn, and nobody was said to have died".into());
            }
            elements.fill(number);
        }
        Err(LockError::OwnerDied(mut elements)) => {
            elements.fill(number);
            ArrayWriteGuard::mark_consistent(&mut elements);
        }
        Err(error) => return Err(format!("write: {error}")),
    }
    Ok(())
}

fn is_even(array: &SharedArray<u64>) -> Result<(), String> {
    match array.read() {
        Ok(elements) if elements.iter().any(|n| *n != elements[0]) => {
            Err("an array is torn, and nobody was said to have died".into())
        }
        Ok(_) | Err(LockError::OwnerDied(_)) => Ok(()),
        Err(error) => Err(format!("read: {error}")),
    }
}

fn fill(memory: &SharedMemory) -> Result<(), String> {
    let view = memory.raw_view::<u8>(0, &[memory.len()]).map_err(|error| error.to_string())?;
    view.fill(FULL).map_err(|error| error.to_string())
}

/// Some of it is looked at: from the first byte to the last.
fn is_full(memory: &SharedMemory) -> Result<(), String> {
    if memory.len() != LEN {
        return Err(format!("a segment is {} bytes long, not {LEN}", memory.len()));
    }
    let view = memory.raw_view::<u8>(0, &[LEN]).map_err(|error| error.to_string())?;
    for at in (0..LEN).step_by(4095).chain([LEN - 1]) {
        let byte =
            view.load(&[at], std::sync::atomic::Ordering::Relaxed).map_err(|error| error.to_string())?;
        if byte != FULL {
            return Err(format!("byte {at} of a segment is {byte:#x}, which nobody wrote"));
        }
    }
    Ok(())
}
