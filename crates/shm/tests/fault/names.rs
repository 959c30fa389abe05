//! The scenarios of named segments: who makes a name, ends one, or sweeps is killed; those who look, sweep and come after never see
//! half of a segment, and nothing is left. `unsafe`: shared memory, and a mount.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::mem;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use multiproc_shm::{SharedHeap, SharedMemory, ShmError, names};
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};
use multiproc_testkit::{is_running, mounts};

const LAPS: usize = 3;

/// More than a page, so that there is a middle.
const LEN: usize = 5000;

/// Whether the name was there while the victim stood where it is killed.
const LOOKS: &[&str] = &["seen", "unseen"];

const PATIENCE: Duration = Duration::from_secs(2);

/// Who is who, for the names.
#[repr(C)]
pub(crate) struct Shared {
    stage: AtomicU32,
    /// Whoever died, as a part of the names that it has left.
    dead: AtomicU32,
    /// Who makes the name of the dead one, once it has swept; 0: not yet.
    heir: AtomicU32,
    /// Whether somebody sweeps what the dead one has left, and stands still.
    is_swept: AtomicU32,
}

impl Shared {
    /// The name that all are about.
    fn name(&self) -> String {
        format!("mp-fault-{}", self.stage.load(SeqCst))
    }

    /// Whether there is such a file.
    fn is_there(&self) -> bool {
        Path::new("/dev/shm").join(self.name()).exists()
    }

    fn make(&self) -> Result<SharedMemory, ShmError> {
        SharedMemory::create_with(&self.name(), LEN, |bytes| bytes.fill(7))
    }

    /// Whether something of the dead one's is in the folder.
    fn is_littered(&self) -> bool {
        list_of(self.dead.load(SeqCst)).is_some()
    }

    /// Whoever finds the segment finds it whole.
    fn look(&self) -> bool {
        match SharedMemory::open(&self.name()) {
            Ok(memory) => {
                let mut bytes = [0; LEN + 1];
                assert_eq!(memory.read_at(0, &mut bytes).unwrap(), LEN);
                assert!(bytes[..LEN].iter().all(|byte| *byte == 7), "seen before it was filled");
                true
            }
            Err(ShmError::Missing { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The list of a process, or what lies beside it.
fn list_of(process: u32) -> Option<PathBuf> {
    let its = format!("multiproc.{process}.");
    let mut entries = fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&its)))
}

/// Gives the program a `/dev/shm` of its own: what it is about to sweep, another scenario's sweepers would have swept.
fn own_folder() {
    assert!(mounts::own_mounts(), "this machine forbids namespaces");
    mounts::mount_new("tmpfs", "/dev/shm", "").expect("a folder of its own");
}

fn scene() -> Scene<Shared> {
    // SAFETY: numbers, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    shared.stage.store(process::id(), SeqCst);
    let start = std::ptr::from_ref(shared) as usize;
    let all = start..start + size_of::<Shared>();
    Scene { shared, watched: vec![all] }
}

/// The first name of a process has it sweep: that is a scenario of its own.
fn prepare(shared: &'static Shared) {
    drop(SharedMemory::create_any(1).unwrap());
    shared.dead.store(process::id(), SeqCst);
}

fn maker(shared: &'static Shared, part: &Part) {
    prepare(shared);
    part.begin();
    let memory = shared.make();
    part.over();
    mem::forget(memory.unwrap()); // it dies with its name
}

fn owner(shared: &'static Shared, part: &Part) {
    prepare(shared);
    let memory = shared.make().unwrap();
    part.begin();
    drop(memory);
    part.over();
}

/// Another process, which is not there, has moved the file to see whether it is its own.
const ASIDE: &str = "/dev/shm/multiproc.1.0123456789abcdef.u0.0123456789abcdef";

/// Ends a name while the file is aside.
fn late_owner(shared: &'static Shared, part: &Part) {
    prepare(shared);
    let memory = shared.make().unwrap();
    fs::rename(Path::new("/dev/shm").join(shared.name()), ASIDE).unwrap();
    part.begin();
    drop(memory);
    part.over();
}

/// Gives the file its name back once the victim is dead: it is on a list then.
fn giving_back(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    fs::rename(ASIDE, Path::new("/dev/shm").join(shared.name())).expect("nobody else's to remove");
    eventually("all of the dead one's is gone", || {
        names::sweep().unwrap();
        !shared.is_littered() && !shared.is_there()
    });
    laps(shared, part);
}

/// Makes segments and a list, and ends them together.
fn heap_owner(shared: &'static Shared, part: &Part) {
    prepare(shared);
    let heap = SharedHeap::new();
    part.begin();
    drop(heap.memory(LEN).unwrap());
    drop(heap.list(&[1.into(), "two".into()]).unwrap());
    drop(heap);
    part.over();
}

/// Has the name outlive it.
fn keeper(shared: &'static Shared, part: &Part) {
    prepare(shared);
    let memory = shared.make().unwrap();
    part.begin();
    memory.keep_name().unwrap();
    part.over();
}

fn opener(shared: &'static Shared, part: &Part) {
    prepare(shared);
    let memory = SharedMemory::open(&shared.name()).unwrap();
    part.begin();
    memory.unlink().unwrap();
    part.over();
}

fn cleaner(shared: &'static Shared, part: &Part) {
    // Else there is nothing to sweep.
    eventually("the other one has died", || {
        let dead = shared.dead.load(SeqCst);
        dead != 0 && !is_running(dead)
    });
    part.begin();
    let swept = names::sweep();
    part.over();
    if swept.unwrap().segments.iter().any(|segment| segment.creator == shared.dead.load(SeqCst)) {
        part.count("swept");
    }
}

/// Dies with a name, which the victim then sweeps.
fn dying(shared: &'static Shared, part: &Part) {
    prepare(shared);
    mem::forget(shared.make().unwrap());
    part.die();
}

/// Makes a name that a dead process has left, while another sweeps that and stands still.
fn heir(shared: &'static Shared, part: &Part) {
    drop(SharedMemory::create_any(1).unwrap());
    shared.heir.store(process::id(), SeqCst);
    eventually("the dead one's list is being swept", || shared.is_swept.load(SeqCst) == 1);
    part.begin();
    let memory = shared.make();
    part.over();
    mem::forget(memory.expect("the name of a dead one can be had"));
}

/// As [`dying`], once the heir has swept, which would sweep it.
fn dying_later(shared: &'static Shared, part: &Part) {
    eventually("the heir has swept", || shared.heir.load(SeqCst) != 0);
    dying(shared, part);
}

/// Begins to sweep what the dead one has left, and goes on when the heir is dead.
fn standing_still(shared: &'static Shared, part: &Part) {
    eventually("the other one has died", || {
        let dead = shared.dead.load(SeqCst);
        dead != 0 && !is_running(dead)
    });
    let path = list_of(shared.dead.load(SeqCst)).expect("it has left its list");
    let list = File::options().read(true).write(true).open(path).unwrap();
    let second_byte = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 1,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::fcntl(list.as_raw_fd(), libc::F_OFD_SETLK, &raw const second_byte) }, 0);
    shared.is_swept.store(1, SeqCst);
    part.wait(Cue::Killed);
    drop(list);
    eventually("all of the dead ones' is gone", || {
        names::sweep().unwrap();
        !shared.is_littered() && list_of(shared.heir.load(SeqCst)).is_none() && !shared.is_there()
    });
    laps(shared, part);
}

/// Looks and sweeps while the victim lives, which changes nothing for it.
fn looking(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Stopped);
    let found = shared.look();
    names::sweep().unwrap();
    let found_again = shared.look();
    // One that went to its end is dead by now.
    if is_running(shared.dead.load(SeqCst)) {
        assert_eq!(found_again, found, "a living process's name");
        part.count(if found { "seen" } else { "unseen" });
    }
    laps(shared, part);
}

/// Gives the name to another file while the victim lives. That file keeps it.
fn exchanging(shared: &'static Shared, part: &Part) {
    let path = Path::new("/dev/shm").join(shared.name());
    part.wait(Cue::Stopped);
    let _ = fs::remove_file(&path); // if it is there still
    fs::write(&path, "another").unwrap();
    part.wait(Cue::Killed);
    eventually("all of the dead one's is gone", || {
        names::sweep().unwrap();
        !shared.is_littered()
    });
    assert_eq!(fs::read(&path).expect("another's name was taken away"), b"another");
    fs::remove_file(&path).unwrap();
    laps(shared, part);
}

/// Looks while another sweeps: what is there is whole.
fn looking_only(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Stopped);
    shared.look();
    laps(shared, part);
}

fn sweeping(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    // A process of another scenario may be at it, and is not waited for.
    eventually("all of the dead one's is gone", || {
        names::sweep().unwrap();
        !shared.is_littered() && !shared.is_there()
    });
    laps(shared, part);
}

/// The dead one's names were drawn: there are no others in the folder.
fn sweeping_drawn(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    let is_drawn = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().starts_with("psm_")
    };
    eventually("all of the dead one's is gone", || {
        names::sweep().unwrap();
        !shared.is_littered() && !fs::read_dir("/dev/shm").unwrap().any(is_drawn)
    });
    laps(shared, part);
}

/// Another one's name was to be kept: it is either on no list any more, or it is swept.
fn sweeping_or_unlinking(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    eventually("all of the dead one's is gone but its name", || {
        names::sweep().unwrap();
        !shared.is_littered()
    });
    if shared.look() {
        part.count("kept");
        SharedMemory::open(&shared.name()).unwrap().unlink().unwrap();
    } else {
        part.count("swept");
    }
    laps(shared, part);
}

/// Has made what the victim unlinks.
fn making(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let memory = shared.make().unwrap();
    part.wait(Cue::Killed);
    drop(memory);
    eventually("all of the dead one's is gone", || {
        names::sweep().unwrap();
        !shared.is_littered() && !shared.is_there()
    });
    laps(shared, part);
}

/// Those who were there make names of their own, and sweep.
fn laps(_: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..LAPS {
        let memory = SharedMemory::create_any(LEN).unwrap();
        names::sweep().unwrap();
        assert!(memory.is_owner());
        let theirs = SharedMemory::open(memory.name().unwrap());
        assert_eq!(theirs.unwrap().len(), LEN);
    }
}

/// Makes the name anew.
fn newcomer(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..LAPS {
        let memory = shared.make().unwrap();
        assert!(shared.look(), "those who sweep leave it");
        drop(memory);
        assert!(!shared.is_there());
    }
    assert!(!shared.is_littered());
}

fn scenario(
    name: &str,
    victim: Act<Shared>,
    peers: &[(&'static str, Fate, Act<Shared>)],
    outcomes: &'static [&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes,
        prepare: own_folder,
        scene,
        start: Start::Begin,
        victim,
        peers: peers.iter().map(|(name, fate, act)| Peer { name, fate: *fate, act: *act }).collect(),
        newcomer,
        must_hit: vec![],
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let looking = ("looking", Fate::Survives, looking as Act<Shared>);
    let looking_only = ("looking", Fate::Survives, looking_only as Act<Shared>);
    let sweeping = ("sweeping", Fate::Survives, sweeping as Act<Shared>);
    let giving_back = ("giving back", Fate::Survives, giving_back as Act<Shared>);
    let drawn = ("sweeping", Fate::Survives, sweeping_drawn as Act<Shared>);
    let exchanging = ("exchanging", Fate::Survives, exchanging as Act<Shared>);
    let either = ("sweeping", Fate::Survives, sweeping_or_unlinking as Act<Shared>);
    let making = ("making", Fate::Survives, making as Act<Shared>);
    let dying = ("dying", Fate::Dies, dying as Act<Shared>);
    let dying_later = ("dying", Fate::Dies, dying_later as Act<Shared>);
    let standing_still = ("standing still", Fate::Survives, standing_still as Act<Shared>);
    vec![
        scenario("names/maker", maker, &[looking, sweeping], LOOKS),
        scenario("names/owner's drop", owner, &[looking, sweeping], LOOKS),
        scenario("names/owner's drop+exchanging", owner, &[exchanging], &[]),
        scenario("names/owner's drop of what is aside", late_owner, &[giving_back], &[]),
        scenario("names/heap", heap_owner, &[drawn], &[]),
        scenario("names/keeper", keeper, &[looking, either], &["seen", "unseen", "kept", "swept"]),
        scenario("names/opener's unlink", opener, &[looking, making], LOOKS),
        scenario("names/heir", heir, &[standing_still, dying_later], &[]),
        scenario("names/sweeper", cleaner, &[looking_only, sweeping, dying], &["swept"]),
    ]
}
