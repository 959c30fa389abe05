//! Models of claims, and of spans that change hands.

use multiproc_sync::primitive::model::{Family, check, check_deaths, step};

use super::model::Words;

/// What lies in a block is one process's at a time, and what it wrote is seen by the next.
#[test]
fn three_claim_one_block() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 1));
        let (place, word) = family.process().run(|| words.claim(0)).expect("it is empty");
        words.visit(place, 0);
        words.block(place).release(word);
        let others = [(); 2].map(|()| {
            let words = words.clone();
            family.process().spawn(move || {
                if let Some(word) = words.try_claim(0) {
                    words.visit(0, 0);
                    words.block(0).release(word);
                }
            })
        });
        others.into_iter().for_each(|other| other.join());
        family.process().run(|| words.assert_whole());
    });
}

/// Two want the last block: one gets it, and the other is told that there is none.
#[test]
fn two_want_the_last_block() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 2));
        family.process().run(|| words.claim(0)).expect("it is empty");
        let theirs = words.clone();
        let other = family.process().spawn(move || theirs.claim(0).map(|(place, _)| theirs.visit(place, 0)));
        let ours = family.process().run(|| words.claim(0).map(|(place, _)| words.visit(place, 0)));
        assert_ne!(ours.is_some(), other.join().is_some(), "one of them has it");
    });
}

/// One claims a block of a span that another lays out anew: one of them has it.
#[test]
fn a_block_is_claimed_while_its_span_is_given_back() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 2));
        let (place, word) = family.process().run(|| words.claim(0)).expect("it is empty");
        words.block(place).release(word);
        let theirs = words.clone();
        let other = family.process().spawn(move || {
            if let Some((place, word)) = theirs.claim(1) {
                theirs.visit(place, 1);
                theirs.block(place).release(word);
            }
        });
        family.process().run(|| {
            if let Some(word) = words.try_claim(1) {
                words.visit(1, 0);
                words.block(1).release(word);
            }
        });
        other.join();
        family.process().run(|| words.assert_whole());
    });
}

/// One claims a block while another gives the memory of free spans away: what is claimed is not given away.
#[test]
fn a_block_is_claimed_while_free_memory_goes() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 2));
        let (place, word) = family.process().run(|| words.claim(0)).expect("it is empty");
        words.block(place).release(word);
        let theirs = words.clone();
        let other = family.process().spawn(move || theirs.trim());
        family.process().run(|| {
            if let Some(word) = words.try_claim(1) {
                words.visit(1, 0);
                words.block(1).release(word);
            }
        });
        other.join();
        family.process().run(|| words.assert_whole());
    });
}

/// One that gives the memory of free spans away dies at each of its steps; another needs a block at the same time.
#[test]
fn one_that_trims_is_killed() {
    check_deaths(|k| {
        let (family, words) = (Family::new(), Words::new(1, 2));
        let survivor = family.process();
        survivor.run(|| words.claim(0).map(|(place, word)| words.block(place).release(word)));
        let theirs = words.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.trim());
        survivor.run(|| words.try_claim(1).map(|word| words.block(1).release(word)));
        victim.join();
        survivor.run(|| words.assert_whole());
    });
}

/// One that lays a span out dies at each of its steps; another needs a block at the same time.
#[test]
fn one_that_lays_out_is_killed() {
    check_deaths(|k| {
        let (family, words) = (Family::new(), Words::new(1, 2));
        let theirs = words.clone();
        let victim = family.process().spawn_killed_at(k, move || {
            theirs.claim(0).map(|(place, word)| theirs.block(place).release(word))
        });
        let survivor = family.process();
        survivor.run(|| words.claim(0).map(|(place, word)| words.block(place).release(word)));
        victim.join();
        survivor.run(|| words.assert_whole());
    });
}

/// One that lays a span out anew, which was another's, dies at each of its steps.
#[test]
fn one_that_gives_back_is_killed() {
    check_deaths(|k| {
        let (family, words) = (Family::new(), Words::new(2, 2));
        let survivor = family.process();
        survivor.run(|| {
            let all: Vec<_> = std::iter::from_fn(|| words.claim(0)).collect();
            all.iter().for_each(|(place, word)| words.block(*place).release(*word));
        });
        let theirs = words.clone();
        let victim = family.process().spawn_killed_at(k, move || {
            theirs.claim(1).map(|(place, word)| theirs.block(place).release(word))
        });
        survivor.run(|| words.try_claim(1).map(|word| words.block(1).release(word)));
        victim.join();
        survivor.run(|| words.assert_whole());
    });
}

/// One that takes a run dies at each of its steps.
#[test]
fn one_that_takes_a_run_is_killed() {
    check_deaths(|k| {
        let (family, words) = (Family::new(), Words::new(2, 1));
        let (theirs, process) = (words.clone(), family.process());
        let victim = process.spawn_killed_at(k, move || {
            let name = multiproc_sync::ProcessName::this().expect("it has a name");
            let run = theirs.table().run(2, name, false).expect("the lock can be had");
            run.map(|(place, word)| theirs.block(place).release(word))
        });
        let survivor = family.process();
        survivor.run(|| words.claim(0).map(|(place, word)| words.block(place).release(word)));
        victim.join();
        survivor.run(|| words.assert_whole());
    });
}

/// An owner dies at each of its steps, and another thread of its process works on until that has ended: by then nobody else has the
/// block.
#[test]
fn owner_killed() {
    check_deaths(|k| {
        let (family, words) = (Family::new(), Words::new(1, 1));
        let survivor = family.process();
        survivor.run(|| {
            let (place, word) = words.claim(0).expect("it is empty");
            words.block(place).release(word);
        });
        let (process, theirs) = (family.process(), words.clone());
        let victim = multiproc_sync::primitive::model::thread::spawn(move || {
            let inside = std::cell::Cell::new(false);
            let body = || {
                let word = theirs.try_claim(0);
                inside.set(word.is_some());
                step();
                // From here on the release may have begun.
                inside.set(false);
                word.into_iter().for_each(|word| theirs.block(0).release(word));
            };
            let works = || {
                if inside.get() {
                    theirs.visit(0, 0);
                }
            };
            process.run_killed_within(k, body, works);
        });
        let theirs = words.clone();
        let sweeper = family.process().spawn(move || theirs.sweep());
        if sweeper.join() > 0 {
            survivor.run(|| {
                let word = words.try_claim(0).expect("it was swept, and nobody else wants it");
                words.visit(0, 0);
                words.block(0).release(word);
            });
        }
        victim.join().unwrap();
        survivor.run(|| words.assert_whole());
    });
}

/// Two sweep what a dead process had, and a third claims it meanwhile: it is freed once.
#[test]
fn two_sweep() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 1));
        let dead = family.process();
        dead.run(|| words.claim(0)).expect("it is empty");
        dead.end();
        let theirs = words.clone();
        let one = family.process().spawn(move || theirs.sweep());
        let theirs = words.clone();
        let other = family.process().spawn(move || theirs.sweep());
        family.process().run(|| words.try_claim(0).map(|_| words.visit(0, 0)));
        assert_eq!(one.join() + other.join(), 1, "a dead one's block was freed so many times");
    });
}
