//! Models of the shutdown.

use multiproc_sync::primitive::model::check;

use super::model::{locked, ring, slow};
use crate::queue::account::TaskDoneError;
use crate::queue::error::{GetError, PutError, UnfinishedError};
use crate::queue::shell::Shutdown::{Drain, Immediate};

/// Everybody who waits for an item learns that there will be none.
#[test]
fn two_wait_for_what_never_comes() {
    check(|| {
        let queue = ring(1);
        let getters = [(); 2].map(|()| queue.spawn(|queue| queue.get(None)));
        queue.shut_down(Drain);
        getters.into_iter().for_each(|getter| assert_eq!(getter.join().unwrap(), Err(GetError::ShutDown)));
    });
}

/// Everybody who waits for room learns that there will be none.
#[test]
fn two_wait_for_room() {
    check(|| {
        let queue = locked(Some(1));
        queue.put(1, None).unwrap();
        let putters = [2, 3].map(|item| queue.spawn(move |queue| queue.put(item, None)));
        queue.shut_down(Drain);
        for (putter, item) in putters.into_iter().zip([2, 3]) {
            assert_eq!(putter.join().unwrap(), Err(PutError::ShutDown(item)));
        }
        assert_eq!((queue.get(None), queue.get(None)), (Ok(1), Err(GetError::ShutDown)));
    });
}

/// An item is on its way in: it is refused, or somebody who goes on getting gets it.
#[test]
fn an_item_on_its_way() {
    check(|| {
        let queue = ring(2);
        let putter = queue.spawn(|queue| queue.put(7, None).is_ok());
        let getter = queue.spawn(|queue| {
            let first = queue.get(None);
            if first.is_ok() {
                assert_eq!(queue.get(None), Err(GetError::ShutDown));
            }
            first
        });
        queue.shut_down(Drain);
        let (accepted, got) = (putter.join().unwrap(), getter.join().unwrap());
        assert_eq!(accepted, got.is_ok(), "an accepted item was lost, or a refused one got");
    });
}

/// An item is in the middle of its way in when two wait for it: one gets it, the other learns of the end.
#[test]
fn an_item_on_its_way_to_one_of_two() {
    check(|| {
        let queue = slow();
        let getters = [(); 2].map(|()| queue.spawn(|queue| queue.get(None)));
        queue.put_around(7, || queue.shut_down(Drain));
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_by_key(Result::is_err);
        assert_eq!(got, [Ok(7), Err(GetError::ShutDown)]);
    });
}

/// An item is on its way in when all are discarded: nothing is left, and who waits for the work is told of what was not done.
#[test]
fn discarded_with_an_item_on_its_way() {
    check(|| {
        let queue = ring(2);
        queue.put(1, None).unwrap();
        let putter = queue.spawn(|queue| queue.put(2, None).is_ok());
        let joiner = queue.spawn(|queue| queue.join(None));
        queue.shut_down(Immediate);
        assert_eq!(queue.try_get(), Err(GetError::ShutDown));
        assert_eq!(queue.unfinished(), 0);
        let unfinished = 1 + u64::from(putter.join().unwrap());
        let told = joiner.join().unwrap();
        assert_eq!(
            told,
            Err(UnfinishedError::ShutDown { unfinished }),
            "what was discarded was told to be done"
        );
    });
}

/// One item is worked on, and reported once too often, while another is discarded.
#[test]
fn discarded_beside_a_report_too_many() {
    check(|| {
        let queue = ring(2);
        (1..=2).for_each(|item| queue.put(item, None).unwrap());
        assert_eq!(queue.get(None), Ok(1));
        let worker = queue.spawn(|queue| [queue.task_done(), queue.task_done()]);
        queue.shut_down(Immediate);
        let reported = worker.join().unwrap();
        assert_eq!(reported, [Ok(()), Err(TaskDoneError)], "a report too many was not seen");
        assert_eq!(queue.unfinished(), 0);
    });
}
