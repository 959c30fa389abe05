//! Models of waiting for an item and for room.

use multiproc_sync::primitive::Deadline;
use multiproc_sync::primitive::model::check;

use super::model::{Queue, locked, ring, slow, slow_bounded};
use crate::queue::error::{GetError, PutError, UnfinishedError};
use crate::queue::store::Store;

/// One waits for an item.
fn a_getter_waits<S: Store<Item = u32> + 'static>(queue: &Queue<S>) {
    let getter = queue.getter();
    queue.put(7, None).unwrap();
    assert_eq!(getter.join().unwrap(), 7);
}

#[test]
fn a_getter_waits_at_a_ring() {
    check(|| a_getter_waits(&ring(1)));
}

#[test]
fn a_getter_waits_at_a_lock() {
    check(|| a_getter_waits(&locked(None)));
}

/// One waits for room.
fn a_putter_waits<S: Store<Item = u32> + 'static>(queue: &Queue<S>) {
    queue.put(1, None).unwrap();
    let putter = queue.putter(2);
    assert_eq!(queue.get(None), Ok(1));
    assert_eq!(queue.get(None), Ok(2));
    putter.join().unwrap();
}

#[test]
fn a_putter_waits_at_a_ring() {
    check(|| a_putter_waits(&ring(1)));
}

#[test]
fn a_putter_waits_at_a_lock() {
    check(|| a_putter_waits(&locked(Some(1))));
}

/// Two wait. The item that comes first is there last: whoever was woken for the second one, and went back to sleep before the first, is
/// woken for both, and wakes the other.
#[test]
fn the_first_item_is_there_last() {
    check(|| {
        let queue = slow();
        let getters = [(); 2].map(|()| queue.getter());
        queue.put_around(1, || queue.put(2, None).unwrap());
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2], "an item was lost or got twice");
        assert_eq!(queue.store().len(), 0);
    });
}

/// Two wait for room. The place that comes first is there last: whoever was woken for the second one, and went back to sleep before the
/// first, is woken for both, and wakes the other.
#[test]
fn the_first_place_is_there_last() {
    check(|| {
        let queue = slow_bounded(2);
        (1..=2).for_each(|item| queue.put(item, None).unwrap());
        let putters = [3, 4].map(|item| queue.putter(item));
        let first = queue.take_around(|| assert_eq!(queue.get(None), Ok(2)));
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        assert_eq!((first, queue.store().len()), (Some(1), 2));
    });
}

/// One counts what is there while another puts and a third takes.
#[test]
fn one_counts() {
    check(|| {
        let queue = ring(1);
        let counter = queue.spawn(|queue| queue.store().len());
        let taker = queue.spawn(|queue| queue.store().pop().is_ok());
        let put: usize = [1, 2].map(|item| usize::from(queue.store().push(item).is_ok())).iter().sum();
        let taken = usize::from(taker.join().unwrap());
        assert!(counter.join().unwrap() <= 1, "a count of what there never was");
        assert_eq!(queue.store().len(), put - taken);
    });
}

/// Two wait for room, of which there is one place, and then another.
#[test]
fn two_wait_for_one_place() {
    check(|| {
        let queue = locked(Some(1));
        queue.put(1, None).unwrap();
        let putters = [2, 3].map(|item| queue.putter(item));
        let got = [(); 2].map(|()| queue.get(None).unwrap());
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        assert!(got[0] == 1 && got[1] != 1 && queue.store().len() == 1);
    });
}

/// One who tries finds room or none, and an item or none, also while another is in the middle of it.
#[test]
fn one_tries() {
    check(|| {
        let queue = ring(1);
        let other = queue.spawn(|queue| queue.try_put(1).is_ok());
        let tried = queue.try_put(2);
        assert!(matches!(tried, Ok(()) | Err(PutError::Full(2))));
        let got = queue.try_get();
        let there = u32::from(tried.is_ok()) + u32::from(other.join().unwrap());
        assert!(matches!(got, Ok(1 | 2)), "an item was there, and not found");
        assert_eq!(queue.store().len() as u32, there - 1);
    });
}

/// A getter gives up while another waits on: the item is for one of them.
#[test]
fn a_getter_gives_up() {
    check(|| {
        let (queue, deadline) = (locked(None), Deadline::new());
        let until = deadline.clone();
        let hasty = queue.spawn(move |queue| match queue.get(Some(&until)) {
            Ok(item) => queue.put(item, None).unwrap(),
            Err(error) => assert_eq!(error, GetError::TimedOut),
        });
        let patient = queue.getter();
        let clock = queue.spawn(move |_| deadline.pass());
        queue.put(7, None).unwrap();
        assert_eq!(patient.join().unwrap(), 7);
        hasty.join().unwrap();
        clock.join().unwrap();
    });
}

/// A putter gives up while another waits on: the place is for one of them.
#[test]
fn a_putter_gives_up() {
    check(|| {
        let (queue, deadline) = (locked(Some(1)), Deadline::new());
        queue.put(1, None).unwrap();
        let until = deadline.clone();
        let hasty = queue.spawn(move |queue| match queue.put(2, Some(&until)) {
            Ok(()) => queue.get(None).unwrap(),
            Err(error) => error.into_item(),
        });
        let patient = queue.putter(3);
        let clock = queue.spawn(move |_| deadline.pass());
        let first = queue.get(None).unwrap();
        patient.join().unwrap();
        let second = hasty.join().unwrap();
        clock.join().unwrap();
        assert!(first != second && queue.store().len() <= 1);
    });
}

/// With no item to come, and no room, a deadline ends the waits, and an item that was to be put comes back.
#[test]
fn waits_in_vain() {
    check(|| {
        let (queue, deadline) = (locked(Some(1)), Deadline::new());
        let until = deadline.clone();
        let late = queue.spawn(move |queue| {
            assert_eq!(queue.get(Some(&until)), Err(GetError::TimedOut));
            queue.try_put(1).unwrap();
            assert_eq!(queue.put(2, Some(&until)), Err(PutError::TimedOut(2)));
            assert_eq!(queue.join(Some(&until)), Err(UnfinishedError::TimedOut));
        });
        deadline.pass();
        late.join().unwrap();
    });
}
