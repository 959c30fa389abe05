//! What all witnesses say, joined.

use std::collections::HashMap;
use std::fs::File;

use multiproc_sync::registry::inspect::{Hold, Kind, Lock as Found, LockKey, Source, Thread};

use super::Locks;
use super::asleep::{Sleeper, place_of, sleepers};
use super::board::{Board, Spot};
use super::families::{Families, Known, families};
use super::files::Files;
use crate::maps::{Mappings, Place, Region, kind_of_segment};

/// What the kernel calls the segments that are looked through for locks: of values and arrays, and of arenas.
const WITH_LOCKS: [&str; 2] = ["shm", "arena"];

/// So many of a family's holds are looked for that were not found in its segments: more are in no program that does not lie.
const LOOKED_FOR: usize = 10_000;

/// So many places are looked at for one, and so many mappings of one segment in a process.
const PLACES: usize = 8;

/// The locks that somebody has or waits for, as far as this user may see.
pub(crate) fn locks(mappings: &Mappings) -> Locks {
    let files = Files::find(mappings);
    let (families, told) = families(mappings, &files);
    // Who waits is looked at before who has what: of a wait that ends in between the lock is seen free then, or with its next owner.
    let (sleepers, untold_threads) = sleepers(mappings);
    let mut gathering = Gathering {
        mappings,
        files: &files,
        families: &families,
        regions_with: regions_with(mappings),
        board: Board::default(),
        overfull: Vec::new(),
    };
    for (place, mapped) in &mappings.files {
        if kind_of_segment(&mapped.path).is_some_and(|kind| WITH_LOCKS.contains(&kind)) {
            gathering.look_through(place);
        }
    }
    sleepers.iter().for_each(|sleeper| gathering.asleep(sleeper));
    for family in families.all() {
        family.living().for_each(|thread| gathering.waits(family, thread));
        let mut left = LOOKED_FOR;
        family.living().for_each(|thread| gathering.holds(family, thread, &mut left));
    }
    let Gathering { board, overfull: mut overfull_segments, .. } = gathering;
    overfull_segments.sort_unstable();
    overfull_segments.dedup();
    Locks { locks: board.into_locks(), families: told, untold_threads, overfull_segments }
}

/// Where processes have segments: up to [`PLACES`] mappings of each.
type RegionsWith<'a> = HashMap<(u32, Place), Vec<&'a Region>>;

fn regions_with(mappings: &Mappings) -> RegionsWith<'_> {
    let mut found = RegionsWith::new();
    for (pid, regions) in &mappings.regions {
        for region in regions {
            let known = found.entry((*pid, region.place)).or_default();
            if known.len() < PLACES {
                known.push(region);
            }
        }
    }
    found
}

struct Gathering<'a> {
    mappings: &'a Mappings,
    files: &'a Files,
    families: &'a Families<'a>,
    regions_with: RegionsWith<'a>,
    board: Board,
    /// Segments in which more locks are held than are told.
    overfull: Vec<u64>,
}

impl Gathering<'_> {
    /// Locks of a segment that have owners, whether anybody waits or not.
    fn look_through(&mut self, place: &Place) {
        let Some(file) = self.files.open(place) else { return };
        let mode = mode(&file);
        // One, if nobody has mapped what is not his: then each finds its own.
        for family in self.families.of_segment(self.mappings, place) {
            // Of what cannot be read nothing is known; that it cannot, no user can change.
            let Ok(scan) = family.snapshot.locks_in(&file) else { continue };
            for found in &scan.locks {
                self.board.add_found(*place, found, Some(family), of(mode, found.offset));
            }
            self.overfull.extend((!scan.is_complete).then_some(place.1));
        }
    }

    /// A thread sleeps at a word.
    fn asleep(&mut self, sleeper: &Sleeper) {
        let Sleeper { pid, tid, place, offset, expected } = *sleeper;
        let family = self.families.of_process(pid);
        let found = family.zip(self.files.open(&place)).and_then(|(family, file)| {
            let found = family.snapshot.lock_slept_on(&file, offset, expected, tid).ok()?;
            Some((of(mode(&file), found.offset), found))
        });
        let (of, found) = found.unwrap_or_else(|| (None, Found::ownerless(offset)));
        let spot = self.board.add_found(place, &found, family, of);
        self.board.add_sleeper(spot, pid, tid);
    }

    /// What a thread says that it waits for.
    fn waits(&mut self, family: &Known<'_>, thread: &Thread) {
        let Some(wait) = &thread.wait else { return };
        let regions = self.regions(thread.pid);
        let placed = place_of(wait.address, regions);
        let spot = match wait.lock {
            LockKey::Private(serial) => Spot::Private(thread.pid, serial),
            LockKey::Placed(number) => match placed {
                Some((place, offset)) => {
                    self.found_at(family, place, offset, number).unwrap_or(Spot::Placed(place, offset))
                }
                // In none of the segments that its process has.
                None => Spot::Numbered(family.number, number),
            },
        };
        if !self.board.has(spot) {
            self.board.add_told(spot, family, wait.lock, wait.name.as_deref());
        }
        self.board.add_waiter(spot, thread, wait);
    }

    /// What a thread says that it holds: what is in shared memory, and what of its process others wait for.
    fn holds(&mut self, family: &Known<'_>, thread: &Thread, left: &mut usize) {
        for hold in &thread.holds {
            let spot = match hold.lock {
                LockKey::Private(serial) => Spot::Private(thread.pid, serial),
                LockKey::Placed(number) => {
                    let known = self.board.numbered(family.number, number);
                    let elsewhere = Spot::Numbered(family.number, number);
                    match known.filter(|spot| self.may_be(*spot, thread, hold)) {
                        Some(spot) => spot,
                        None if *left > 0 => {
                            *left -= 1;
                            self.found_by(family, thread, hold, number).unwrap_or_else(|| {
                                let name = family.snapshot.name_of_lock(number);
                                self.board.add_told(elsewhere, family, hold.lock, name);
                                elsewhere
                            })
                        }
                        None => elsewhere,
                    }
                }
            };
            self.board.add_holder(spot, thread, hold);
        }
    }

    /// Whether a thread's lock may be here, by what it has told of its address: what else has its number is another's forgery.
    fn may_be(&self, spot: Spot, thread: &Thread, hold: &Hold) -> bool {
        let Spot::Placed(place, offset) = spot else { return false };
        let regions = self.regions_with.get(&(thread.pid, place)).into_iter().flatten();
        regions.filter_map(|region| region.address_of(offset)).any(|address| hold.may_be_at(address))
    }

    /// The lock of this number, if it is here.
    fn found_at(&mut self, family: &Known<'_>, place: Place, offset: u64, number: u32) -> Option<Spot> {
        let file = self.files.open(&place)?;
        let found = family.snapshot.lock_at(&file, offset).ok()??;
        let is_it = found.number == Some(number) && found.kind != Kind::Ownerless;
        is_it.then(|| self.board.add_found(place, &found, Some(family), of(mode(&file), offset)))
    }

    /// The lock that a thread holds, where its process has mapped a segment with it.
    fn found_by(&mut self, family: &Known<'_>, thread: &Thread, hold: &Hold, number: u32) -> Option<Spot> {
        let regions = self.regions(thread.pid);
        let places = regions.iter().flat_map(|region| {
            let places = hold.places_within(region.addresses.clone());
            places.filter_map(|address| Some((region.place, region.offset_of(address)?)))
        });
        let places: Vec<_> = places.take(PLACES).collect();
        places.into_iter().find_map(|(place, offset)| self.found_at(family, place, offset, number))
    }

    fn regions(&self, pid: u32) -> &[Region] {
        self.mappings.regions.get(&pid).map_or(&[], Vec::as_slice)
    }
}

/// What kind of value lies in a segment: docs/shm-layout.md.
fn mode(file: &File) -> Option<u32> {
    const MODE: u64 = 36;
    let mut mode = [0; 4];
    let mut magic = [0; 8];
    let is_read = file.copy_at(0, &mut magic).ok()? == 8 && file.copy_at(MODE, &mut mode).ok()? == 4;
    (is_read && &magic == b"mpshared").then(|| u32::from_le_bytes(mode))
}

/// What a lock at this place of a segment is known to guard.
fn of(mode: Option<u32>, offset: u64) -> Option<&'static str> {
    const LOCK_OF_ARRAY: u64 = 512;
    const LOCK_OF_ARENA: u64 = 4096;
    match (mode?, offset) {
        (2..=4, LOCK_OF_ARRAY) => Some("the array"),
        (16, LOCK_OF_ARENA) => Some("the arena"),
        _ => None,
    }
}
