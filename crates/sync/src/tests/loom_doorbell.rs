//! Models of the doorbell.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use crate::primitive::model::{Family, check, check_deaths, thread};
use crate::primitive::{AtomicU32, Deadline};
use crate::{Doorbell, Pace};

/// A number to wait for, and the bell that announces it.
#[derive(Default)]
struct News {
    number: AtomicU32,
    bell: Doorbell,
}

impl News {
    fn tell(&self) {
        self.number.fetch_add(1, Release);
        self.bell.ring();
    }

    fn wait_for(&self, number: u32, deadline: Option<Deadline>) -> Option<u32> {
        let look = || Some(self.number.load(Acquire)).filter(|found| *found >= number);
        self.bell.wait(&Pace::new(), deadline, look).ok()
    }
}

fn teller(news: &Arc<News>) -> thread::JoinHandle<()> {
    let news = news.clone();
    thread::spawn(move || news.tell())
}

#[test]
fn one_waits() {
    check(|| {
        let news = Arc::new(News::default());
        let teller = teller(&news);
        assert_eq!(news.wait_for(1, None), Some(1));
        teller.join().unwrap();
    });
}

/// It takes both of them: whoever rings last finds the waiter wherever it is.
#[test]
fn one_waits_for_two() {
    check(|| {
        let news = Arc::new(News::default());
        let tellers = [(); 2].map(|()| teller(&news));
        assert_eq!(news.wait_for(2, None), Some(2));
        tellers.into_iter().for_each(|teller| teller.join().unwrap());
    });
}

#[test]
fn two_wait() {
    check(|| {
        let news = Arc::new(News::default());
        let theirs = news.clone();
        let other = thread::spawn(move || theirs.wait_for(1, None));
        let teller = teller(&news);
        assert_eq!(news.wait_for(1, None), Some(1));
        assert_eq!(other.join().unwrap(), Some(1));
        teller.join().unwrap();
    });
}

/// One waits for what never comes, until its deadline, beside one that is rung for.
#[test]
fn one_gives_up() {
    check(|| {
        let (news, deadline) = (Arc::new(News::default()), Deadline::new());
        let (theirs, until) = (news.clone(), deadline.clone());
        let other = thread::spawn(move || theirs.wait_for(2, Some(until)));
        let theirs = news.clone();
        let clock = thread::spawn(move || {
            theirs.tell();
            deadline.pass();
        });
        assert_eq!(news.wait_for(1, None), Some(1));
        assert_eq!(other.join().unwrap(), None);
        clock.join().unwrap();
    });
}

/// A waiter dies at each of its steps: another is found all the same.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, news) = (Family::new(), Arc::new(News::default()));
        let theirs = news.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.wait_for(1, None));
        let teller = teller(&news);
        assert_eq!(news.wait_for(1, None), Some(1));
        teller.join().unwrap();
        victim.join();
    });
}
