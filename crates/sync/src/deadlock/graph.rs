//! Who waits for whom.

use std::sync::atomic::Ordering::SeqCst;

use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::watch::record::{Hold, Id, Record, Seen};

/// One thread of a circle: what it has, as the one before waits for it, and what it waits for.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) has: Hold,
}

/// The threads that wait for each other, the thread of `own` first, if its wait has closed their circle; `None` if it is in none, or if
/// another's wait is younger, to whom it is reported then.
///
/// `is_private` tells the locks that mean something in one process only, `has_stopped` the threads that run no more.
pub(crate) fn circle<'a>(
    own: &'a Record,
    all: impl Iterator<Item = &'a Record>,
    is_private: fn(Id) -> bool,
    has_stopped: impl Fn(&Seen<'_>) -> bool,
) -> Option<Vec<Link<'a>>> {
    let own_seen = own.seen().filter(|seen| seen.want.lock != 0)?;
    let youngest = age(&own_seen);
    let is_older = |age| age < youngest || planted(Bug::AllAreTold);
    // Who waits for nothing holds nobody up for good, and who has nothing is not waited for.
    let others: Vec<Seen<'_>> = all
        .filter(|record| !std::ptr::eq(*record, own))
        .filter_map(Record::seen)
        .filter(|seen| seen.want.lock != 0 && !seen.holds.is_empty() && is_older(age(seen)))
        .filter(|seen| !has_stopped(seen))
        .collect();
    let found = Search { own: &own_seen, others: &others, is_private }.through_own()?;
    // What was read first has to be true still when all was read.
    fence(SeqCst);
    let links: Vec<Link<'_>> = found
        .into_iter()
        .map(|(place, has)| {
            let seen = place.map_or(&own_seen, |place| &others[place]);
            Link { seen: seen.clone(), has }
        })
        .collect();
    let is_true = links.iter().all(|link| link.seen.holds_still() && !has_stopped(&link.seen));
    is_true.then_some(links)
}

/// Of two waits the younger has closed the circle. No two have the same.
fn age(seen: &Seen<'_>) -> (u64, u32, u32) {
    (seen.want.since, seen.pid, seen.tid)
}

struct Search<'s, 'a> {
    own: &'s Seen<'a>,
    others: &'s [Seen<'a>],
    is_private: fn(Id) -> bool,
}

/// A thread by its place among the others, `None` for the own one; and what it has.
type Step = (Option<usize>, Hold);

impl Search<'_, '_> {
    /// A circle through the own thread.
    fn through_own(&self) -> Option<Vec<Step>> {
        let mut known = vec![false; self.others.len()];
        let mut path: Vec<(Option<Hold>, usize)> = Vec::new();
        // Depth first: `path` is the way from the own thread, with what each on it has and its place.
        let mut open = vec![(None, 0)];
        while let Some((place, depth)) = open.pop() {
            path.truncate(depth);
            if let Some((hold, place)) = place {
                path.push((Some(hold), place));
            }
            let waiting = path.last().map_or(self.own, |(_, place)| &self.others[*place]);
            if let Some(has) = self.has_what_wants(self.own, waiting) {
                let steps = path.iter().filter_map(|(hold, place)| Some((Some(*place), (*hold)?)));
                return Some(std::iter::once((None, has)).chain(steps).collect());
            }
            for (place, other) in self.others.iter().enumerate() {
                if let Some(has) = self.has_what_wants(other, waiting)
                    && !known[place]
                {
                    known[place] = true;
                    open.push((Some((has, place)), path.len()));
                }
            }
        }
        None
    }

    /// What `holder` has of what `waiting` waits for.
    fn has_what_wants(&self, holder: &Seen<'_>, waiting: &Seen<'_>) -> Option<Hold> {
        let wanted = waiting.want.lock;
        let is_near = !(self.is_private)(wanted) || holder.pid == waiting.pid;
        holder.holds.iter().find(|hold| hold.lock == wanted && is_near).copied()
    }
}
