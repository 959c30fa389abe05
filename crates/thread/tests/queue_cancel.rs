//! Cancellation of waits at queues: nothing is lost, and no other waiter's turn.

use std::thread;

use multiproc_testkit::Watchdog;
use multiproc_thread::{
    CancelToken, GetError, LifoQueue, PriorityQueue, PutError, Queue, SimpleQueue, UnfinishedError,
};

/// Does `wait` in the scope of a token that is cancelled meanwhile.
fn cancelled<R: Send>(wait: impl FnOnce() -> R + Send) -> R {
    let token = CancelToken::new();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| token.scope(wait));
        token.cancel();
        waiter.join().unwrap()
    })
}

#[test]
fn a_wait_for_an_item_is_cancelled_at_each_kind_of_queue() {
    let _watchdog = Watchdog::with_limit(60);
    assert_eq!(cancelled(|| Queue::<u8>::unbounded().get()), Err(GetError::Cancelled));
    assert_eq!(cancelled(|| Queue::<u8>::bounded(1).get()), Err(GetError::Cancelled));
    assert_eq!(cancelled(|| LifoQueue::<u8>::unbounded().get()), Err(GetError::Cancelled));
    assert_eq!(cancelled(|| PriorityQueue::<u8>::unbounded().get()), Err(GetError::Cancelled));
    assert_eq!(cancelled(|| SimpleQueue::<u8>::new().get()), Err(GetError::Cancelled));
}

#[test]
fn a_wait_for_room_is_cancelled_and_the_item_comes_back() {
    let _watchdog = Watchdog::with_limit(60);
    let queue = Queue::bounded(1);
    queue.put(1).unwrap();
    assert_eq!(cancelled(|| queue.put(2)), Err(PutError::Cancelled(2)));
    assert_eq!((queue.get(), queue.len()), (Ok(1), 0));
}

#[test]
fn a_join_is_cancelled() {
    let _watchdog = Watchdog::with_limit(60);
    let queue = Queue::unbounded();
    queue.put(1).unwrap();
    assert_eq!(cancelled(|| queue.join()), Err(UnfinishedError::Cancelled));
    assert_eq!(queue.unfinished(), 1);
}

#[test]
fn what_is_there_is_got_all_the_same() {
    let token = CancelToken::new();
    token.cancel();
    let queue = Queue::unbounded();
    queue.put(1).unwrap();
    token.scope(|| {
        assert_eq!(queue.get(), Ok(1));
        assert_eq!(queue.iter().next(), None);
        queue.task_done().unwrap();
        assert_eq!(queue.join(), Ok(()));
    });
}

/// One that was woken for an item and is cancelled takes the item, or leaves it to another who waits.
#[test]
fn no_item_is_lost_with_one_that_is_cancelled() {
    let _watchdog = Watchdog::with_limit(120);
    for _ in 0..300 {
        let (queue, token) = (Queue::bounded(4), CancelToken::new());
        let got = thread::scope(|scope| {
            let first = scope.spawn(|| token.scope(|| queue.get()));
            let second = scope.spawn(|| queue.get());
            let canceller = scope.spawn(|| token.cancel());
            queue.put(1).unwrap();
            let first = first.join().unwrap();
            canceller.join().unwrap();
            if first.is_ok() {
                queue.put(2).unwrap();
            }
            (first, second.join().unwrap())
        });
        assert!(matches!(got, (Ok(1), Ok(2)) | (Err(GetError::Cancelled), Ok(1))), "{got:?}");
        assert!(queue.is_empty());
    }
}
