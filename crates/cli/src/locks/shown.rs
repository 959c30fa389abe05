//! The table of locks, and what is to be said below it.

use std::io::{self, Write};

use multiproc_sync::registry::inspect::MOST_FOUND;

use super::{Family, Lock, Locks, Party, State};
use crate::table;
use crate::units;

/// So many threads are named in a cell.
const SHOWN: usize = 4;

pub(crate) fn show(all: &Locks, out: &mut dyn Write) -> io::Result<()> {
    let headings = ["SEGMENT", "OFFSET", "LOCK", "STATE", "HOLDER", "SINCE", "AT", "WAITERS"];
    let rows: Vec<_> = all.locks.iter().map(|lock| row(lock, all.untold_threads > 0)).collect();
    table::write("LOCKS", headings, &rows, out)?;
    let notes: Vec<_> = notes(all).collect();
    if !notes.is_empty() {
        writeln!(out)?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "{}", table::printable(note)))
}

fn row(lock: &Lock, has_untold: bool) -> [String; 8] {
    let is_private = lock.segment.is_none() && lock.number.is_none();
    let number = |number: Option<u64>| number.map_or_else(unknown, |number| number.to_string());
    let name = lock.name.as_ref().map(|name| format!("`{name}`"));
    let of = || lock.of.map(|of| format!("of {of}"));
    let numbered = || lock.number.map(|number| format!("number {number}"));
    // Of several each has a time and a place of its own, which stand behind it.
    let (since, at) = match &lock.holders[..] {
        [holder] => {
            (holder.seconds.map_or_else(unknown, units::age), holder.at.clone().unwrap_or_else(unknown))
        }
        _ => (String::new(), String::new()),
    };
    [
        if is_private { "private".to_owned() } else { number(lock.segment) },
        if is_private { String::new() } else { number(lock.offset) },
        name.or_else(of).or_else(numbered).unwrap_or_else(unknown),
        word(lock.state).to_owned(),
        parties(&lock.holders, if lock.holders.len() > 1 { Told::AsHolders } else { Told::Alone }),
        since,
        at,
        match lock.waiters.is_empty() {
            true if lock.may_be_slept_on && has_untold => "perhaps".to_owned(),
            _ => parties(&lock.waiters, Told::AsWaiters),
        },
    ]
}

fn unknown() -> String {
    "?".to_owned()
}

fn word(state: State) -> &'static str {
    match state {
        State::Held => "held",
        State::Read => "read",
        State::Taken => "taken",
        State::OwnerDied => "owner died",
        State::OwnerLeft => "owner left",
        State::OwnerGone => "owner gone",
        State::Free => "free",
        State::Ownerless => "no owner",
    }
}

/// What is said of threads in a cell beside who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing that has a cell of its own.
    Alone,
    /// Since when, and where.
    AsHolders,
    /// What for, too.
    AsWaiters,
}

/// Threads as `pid tid name`, with what else is known of each.
fn parties(all: &[Party], told: Told) -> String {
    if all.is_empty() {
        return "nobody".to_owned();
    }
    let one = |party: &Party| {
        let number = |number: u32| if number == 0 { unknown() } else { number.to_string() };
        let mut text = format!("{} {}", number(party.pid), number(party.tid));
        if let Some(name) = &party.thread {
            text = format!("{text} {name}");
        }
        let since = party.seconds.filter(|_| told != Told::Alone).map(units::age);
        let at = party.at.clone().filter(|_| told != Told::Alone);
        let reads = (party.reads && told == Told::AsWaiters).then(|| "to read".to_owned());
        let dead = (!party.is_alive).then(|| "dead".to_owned());
        let rest: Vec<_> = [dead, reads, since, at].into_iter().flatten().collect();
        if rest.is_empty() { text } else { format!("{text} ({})", rest.join(", ")) }
    };
    let shown = all.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn notes(all: &Locks) -> impl Iterator<Item = String> {
    let untold = (all.untold_threads > 0).then(|| {
        let untold = all.untold_threads;
        format!(
            "threads that do not tell this user what they sleep at: {untold}; root sees them, or who has kernel.yama.ptrace_scope at 0, \
             where the kernel has /proc/PID/syscall"
        )
    });
    let silent: Vec<_> = all.families.iter().filter(|family| family.is_silent()).collect();
    let silent = (!silent.is_empty()).then(|| {
        let numbers: Vec<_> = silent.iter().map(|family| family.registry.to_string()).collect();
        format!(
            "of the families with the registries {}, whose programs are built without the features `deadlock` and `contention` of \
             multiproc, only waiters that sleep are seen, and no times and places in the source",
            numbers.join(", ")
        )
    });
    let overfull = all.overfull_segments.iter().map(|segment| {
        format!("in the segment {segment} more than {MOST_FOUND} locks are held: not all are shown")
    });
    untold.into_iter().chain(overfull).chain(silent).chain(all.families.iter().filter_map(Family::trouble))
}

impl Family {
    /// Whether its threads could tell of their locks, and do not.
    fn is_silent(&self) -> bool {
        self.error.is_none() && self.is_of_this_namespace && !self.is_watched
    }

    /// Why of its locks less is known than could be.
    fn trouble(&self) -> Option<String> {
        let Self { registry, is_of_this_namespace, changing_threads, error, .. } = self;
        match error {
            Some(error) => {
                Some(format!("of the family with the registry {registry} no lock is known: {error}"))
            }
            None if !is_of_this_namespace => Some(format!(
                "the family with the registry {registry} is in other namespaces, where its processes have other numbers: look from there"
            )),
            None => (*changing_threads > 0).then(|| {
                format!(
                    "of the family with the registry {registry} {changing_threads} threads told something else whenever they were looked at"
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(tid: u32, seconds: Option<u64>) -> Party {
        let (thread, at) = (Some("worker".to_owned()), seconds.map(|_| "src/orders.rs:41:17".to_owned()));
        Party { pid: 7, tid, thread, is_alive: true, reads: false, seconds, at }
    }

    fn lock(state: State, holders: Vec<Party>, waiters: Vec<Party>) -> Lock {
        Lock {
            family: Some(9),
            segment: Some(1043),
            offset: Some(256),
            of: None,
            name: None,
            number: Some(3),
            state,
            holders,
            waiters,
            may_be_slept_on: true,
            is_seen: true,
        }
    }

    fn family(registry: u64) -> Family {
        Family { registry, is_watched: false, is_of_this_namespace: true, changing_threads: 0, error: None }
    }

    fn text(locks: Vec<Lock>, families: Vec<Family>, untold_threads: usize) -> String {
        let mut out = Vec::new();
        let overfull_segments = if untold_threads == 0 { vec![] } else { vec![77] };
        show(&Locks { locks, families, untold_threads, overfull_segments }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_tells_who_has_a_lock_since_when_where_and_who_waits() {
        let held = lock(State::Held, vec![party(8, Some(3))], vec![party(9, Some(130)), party(10, None)]);
        let text = text(vec![Lock { name: Some("orders\u{1b}".to_owned()), ..held }], vec![], 0);
        let cells = text.lines().nth(2).unwrap().split("  ").map(str::trim);
        let row: Vec<_> = cells.filter(|cell| !cell.is_empty()).collect();
        let waiters = "7 9 worker (2 min, src/orders.rs:41:17), 7 10 worker";
        let name = "`orders\\u{1b}`";
        let expected = ["1043", "256", name, "held", "7 8 worker", "3 s", "src/orders.rs:41:17", waiters];
        assert_eq!(row, expected, "{text}");
    }

    #[test]
    fn the_dead_and_those_who_read_are_told() {
        let dead = Party { is_alive: false, thread: None, tid: 0, ..party(0, None) };
        let read = Party { reads: true, ..party(8, Some(1)) };
        assert_eq!(parties(&[dead], Told::Alone), "7 ? (dead)");
        let several = [read.clone(), read];
        assert_eq!(
            parties(&several, Told::AsHolders),
            ["7 8 worker (1 s, src/orders.rs:41:17)"; 2].join(", ")
        );
        assert!(parties(&several, Told::AsWaiters).contains("(to read, 1 s"));
        assert!(
            parties(&[const { None }; 6].map(|none| party(1, none)), Told::Alone).ends_with("and 2 more")
        );
        assert_eq!(parties(&[], Told::AsWaiters), "nobody");
    }

    #[test]
    fn what_is_not_seen_is_said() {
        let held = || vec![lock(State::Held, vec![party(8, None)], vec![])];
        assert!(text(held(), vec![], 0).lines().nth(2).unwrap().ends_with("nobody"));
        let untold = text(held(), vec![family(5), family(6)], 12);
        assert!(untold.lines().nth(2).unwrap().ends_with("perhaps"), "{untold}");
        assert!(
            untold.contains("sleep at: 12; root") && untold.contains("registries 5, 6, whose"),
            "{untold}"
        );
        assert!(untold.contains("segment 77 more than 4096 locks are held: not all"), "{untold}");
        let families = vec![
            Family { error: Some("it is torn\n".to_owned()), ..family(1) },
            Family { is_of_this_namespace: false, ..family(2) },
            Family { is_watched: true, changing_threads: 4, ..family(3) },
            Family { is_watched: true, ..family(4) },
        ];
        let troubled = text(vec![], families, 0);
        assert_eq!(troubled.lines().count(), 6, "{troubled}");
        for what in
            ["registry 1 no lock is known: it is torn\\n", "registry 2 is in other", "registry 3 4 threads"]
        {
            assert!(troubled.contains(what), "{troubled}");
        }
    }
}
