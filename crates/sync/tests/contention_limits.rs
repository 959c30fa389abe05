//! What becomes of counts that find no room, and of all of them when they are begun anew. One test: the tables are the process's.

use multiproc_sync::contention::{self, Counts, MAX_PAIRS};
use multiproc_sync::{Mutex, NameError};

fn total() -> u64 {
    let report = contention::report();
    let counted: u64 = report.locks.iter().map(|lock| lock.total().acquisitions).sum();
    counted + report.lost
}

#[test]
fn what_finds_no_room_is_told_and_a_reset_begins_anew() {
    let kept = Mutex::new(());
    kept.set_name("kept").unwrap();
    let counts = || contention::report().lock("kept").map_or_else(Counts::default, |lock| lock.total());
    // From one place, which has its room before there is none.
    let take = || kept.lock().unwrap();
    (0..3).for_each(|_| drop(take()));
    assert_eq!((counts().acquisitions, contention::report().lost), (3, 0));

    // A lock and a place each, twice as many as there is room for.
    let mut taken = 3;
    let mut refused = 0;
    for number in 1..MAX_PAIRS + 100 {
        let lock = Mutex::new(());
        match lock.set_name(&format!("lock {number}")) {
            Ok(()) => {
                drop(lock.lock().unwrap());
                drop(lock.try_lock().unwrap());
                taken += 2;
            }
            Err(error) => {
                assert_eq!(error, NameError::TooMany);
                drop(lock.lock().unwrap());
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 100, "so many names there are");
    let report = contention::report();
    assert_eq!(total(), taken, "nothing is dropped in silence");
    let pairs: usize = report.locks.iter().map(|lock| lock.sites.len()).sum();
    assert!((MAX_PAIRS * 9 / 10..=MAX_PAIRS).contains(&pairs), "{pairs}");
    assert!(report.to_string().contains("not in it: "), "{report}");

    contention::reset();
    assert_eq!(total(), 0);
    let held = take();
    contention::reset();
    drop(held);
    let after = counts();
    assert_eq!((after.acquisitions, after.holds.count()), (0, 1), "a hold that had begun before");
    drop(take());
    assert_eq!((counts().acquisitions, counts().holds.count()), (1, 2));
}
