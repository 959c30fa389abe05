//! Models of the registry's entries, which pass from the dead to the living.

use std::sync::Arc;

use crate::identity::{Claim, Owner, Verdict, after_next_look, me};
use crate::primitive::model::{End, Family, Running, check, check_deaths, die};
use crate::registry::Registry;

/// The calling thread's entries, of its process and of its own.
fn attach(registry: &Registry) -> (Claim, Option<Claim>) {
    let process = registry.claim_process().expect("an entry for each process");
    (process, registry.claim_thread(me().expect("a thread of the family"), process))
}

/// Two at once never get the same.
#[test]
fn two_claim() {
    check(|| {
        let (family, registry) = (Family::new(), Arc::new(Registry::new(2, 2)));
        let theirs = registry.clone();
        let other = family.process().spawn(move || attach(&theirs));
        let ours = family.process().run(|| attach(&registry));
        let theirs = other.join();
        assert_ne!(ours.0, theirs.0, "two processes of one name");
        assert_ne!(
            ours.1.expect("room for both"),
            theirs.1.expect("room for both"),
            "two threads of one name"
        );
    });
}

/// A process dies at each step of its claims, and has ended when another comes: that gets the only entries there are.
#[test]
fn the_dead_leave_their_entries() {
    check_deaths(|k| {
        let (family, registry) = (Family::new(), Registry::new(1, 1));
        let first = family.process();
        let before = first.run_killed_at(k, || attach(&registry));
        if let End::InOrder(_) = before {
            first.end();
        }
        let after = family.process().run(|| attach(&registry));
        let thread = after.1.expect("an entry was lost with its thread");
        if let End::InOrder((process, Some(before))) = before {
            assert_ne!(process, after.0, "two processes of one name");
            assert_ne!(before, thread, "two threads of one name");
            assert!(registry.has_left(before), "a name that went to another still means somebody");
        }
    });
}

/// A process dies at each step while another claims: nobody gets an entry of somebody who lives.
#[test]
fn one_is_killed_while_another_claims() {
    check_deaths(|k| {
        let (family, registry) = (Family::new(), Arc::new(Registry::new(2, 2)));
        let theirs = registry.clone();
        let victim = family.process().spawn_killed_at(k, move || attach(&theirs));
        let ours = family.process().run(|| {
            let ours = attach(&registry);
            let thread = ours.1.expect("room for both");
            assert!(!registry.has_left(thread), "a thread that lives was taken for one that left");
            assert!(registry.member(ours.0).is_some(), "a process that lives was taken for one that ended");
            ours
        });
        if let End::InOrder(theirs) = victim.join() {
            assert!(theirs.0 != ours.0 && theirs.1 != ours.1, "two of one name");
        }
    });
}

/// A thread that leaves in order gives its entry to the next thread of the same process at once.
#[test]
fn who_leaves_makes_room() {
    check(|| {
        let (family, registry) = (Family::new(), Arc::new(Registry::new(1, 1)));
        let process = family.process();
        let (claim, first) = process.run(|| {
            let (process, thread) = attach(&registry);
            let thread = thread.expect("the only entry");
            registry.leave(thread);
            (process, thread)
        });
        let theirs = registry.clone();
        let other = process.spawn(move || theirs.claim_thread(me().expect("of the family"), claim));
        let ours = process.run(|| registry.claim_thread(me().expect("of the family"), claim));
        let claims = [ours, other.join()];
        assert!(claims.iter().flatten().all(|claim| *claim != first), "two threads of one name");
        assert!(claims.iter().any(Option::is_some), "the entry was not passed on");
        assert!(registry.has_left(first), "a thread that left is still meant by its name");
    });
}

/// A process that was killed ends, and its thread's entry goes to another, while somebody asks what has become of that thread: right
/// after it was seen to live, and at any other time.
#[test]
fn asked_for_while_its_entry_passes_on() {
    for right_after_the_look in [true, false] {
        check(move || {
            let (family, registry) = (Family::new(), Arc::new(Registry::new(2, 1)));
            let killed = family.process();
            let (process, thread) = killed.run(|| attach(&registry));
            let owner = Owner { process, thread: thread.expect("the only entry") };
            let (heir, theirs) = (family.process(), registry.clone());
            let passes_on = move || {
                killed.end();
                heir.run(|| attach(&theirs)).1.expect("the entry was not passed on");
            };
            family.process().run(|| {
                let other = if right_after_the_look {
                    after_next_look(passes_on);
                    None
                } else {
                    Some(family.process().spawn(passes_on))
                };
                let fate = registry.fate(owner);
                assert_ne!(fate, Verdict::Left, "one that was killed is said to have left");
                other.map(Running::join);
            });
        });
    }
}

/// A thread leaves in order, and later its process is killed: while that is on its way to its end it is not said to live on.
#[test]
fn one_left_and_its_process_is_killed() {
    check(|| {
        let (family, registry) = (Family::new(), Registry::new(2, 2));
        let process = family.process();
        let (claim, thread) = process.run(|| {
            let (process, thread) = attach(&registry);
            thread.into_iter().for_each(|thread| registry.leave(thread));
            (process, thread.expect("room for it"))
        });
        let asks = family.process();
        let fate = || asks.run(|| registry.fate(Owner { process: claim, thread }));
        assert_eq!(fate(), Verdict::Left);
        let while_it_ends = || assert_eq!(fate(), Verdict::Alive { dying: true }, "it is said to live on");
        assert_eq!(process.run_killed_within(usize::MAX, || die(), while_it_ends), End::Killed::<()>);
        assert_eq!(fate(), Verdict::Gone);
    });
}
