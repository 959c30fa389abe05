//! One process of a storm: it does whatever comes to its mind, until it is killed.

use multiproc_ipc::{Connection, RecvError, SendErrorKind};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory, ShmError, names};

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
            Action::Drop => {
                let (pairs, memories, lists) = (self.pairs.len(), self.memories.len(), self.lists.len());
                self.pairs.truncate(self.random.below(pairs as u64 + 1) as usize);
                self.memories.truncate(self.random.below(memories as u64 + 1) as usize);
                self.lists.truncate(self.random.below(lists as u64 + 1) as usize);
                Ok(())
            }
            Action::Sweep => names::sweep().map(drop).map_err(|error| format!("sweep: {error}")),
        }
    }

    fn send(&mut self) -> Result<(), String> {
        let cargo = match (self.pairs.first(), self.memories.iter().find(|memory| memory.name().is_none())) {
            (Some(pair), _) if self.random.one_in(2) => Cargo::Pair(pair.clone()),
            (_, Some(memory)) => Cargo::Memory(memory.clone()),
            _ => Cargo::Pair(self.common.clone()),
        };
        match self.to_next.try_send(cargo).map_err(|error| error.kind) {
            Ok(()) | Err(SendErrorKind::Full | SendErrorKind::Disconnected) => Ok(()),
            Err(error) => Err(format!("send: {error}")),
        }
    }

    fn receive(&mut self) -> Result<(), String> {
        match self.from_last.try_recv() {
            Ok(Cargo::Pair(pair)) => {
                count(&pair, || ())?;
                keep(&mut self.pairs, pair);
            }
            Ok(Cargo::Memory(memory)) => {
                is_full(&memory)?;
                keep(&mut self.memories, memory);
            }
            Err(RecvError::Empty | RecvError::Disconnected) => {}
            Err(error) => return Err(format!("receive: {error}")),
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
