//! Values of which every bit pattern is one: what they say, how they lie in memory, and of which layout they are.

mod common;

use std::collections::HashSet;
use std::mem::{offset_of, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{pack, send, unpack};
use multiproc_shm::{
    Journaled, Layout, Shared, ShmBool, ShmChar, ShmEnum, ShmError, ShmOption, ShmPlain, ShmSafe, ShmVariants,
};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::Watchdog;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ShmVariants)]
#[repr(u8)]
enum Phase {
    #[default]
    Starting,
    Running,
    Ending = 9,
}

#[derive(Debug, PartialEq, ShmVariants)]
#[repr(i16)]
enum Signed {
    Low = i16::MIN,
    MinusOne = -1,
    r#Zero = 0,
    High = i16::MAX,
}

#[derive(Debug, PartialEq, ShmVariants)]
#[repr(u64, align(16))]
enum Wide {
    Most = u64::MAX,
}

/// What a job of a program would be.
#[derive(Clone, Copy, Debug, PartialEq, ShmSafe)]
#[repr(C)]
struct Job {
    number: u64,
    phase: ShmEnum<Phase>,
    done: ShmBool,
    letter: ShmChar,
    result: ShmOption<[u64; 2]>,
}

const fn is_plain<T: ShmPlain>() {}

const _: () = {
    is_plain::<ShmBool>();
    is_plain::<ShmChar>();
    is_plain::<ShmEnum<Phase>>();
    is_plain::<ShmOption<Job>>();
    is_plain::<Journaled<Job>>();
    assert!(!Job::NEEDS_PLACEMENT);
    assert!(size_of::<ShmBool>() == 1 && size_of::<ShmChar>() == 4);
    assert!(size_of::<ShmEnum<Phase>>() == 1 && size_of::<ShmEnum<Signed>>() == 2);
    assert!(size_of::<ShmEnum<Wide>>() == 8, "the number, not the enum");
    assert!(size_of::<ShmOption<u8>>() == 2 && size_of::<ShmOption<u64>>() == 16);
    assert!(size_of::<Journaled<u8>>() == 3 && size_of::<Journaled<u64>>() == 24);
    assert!(offset_of!(Job, done) == 9);
};

fn job() -> Job {
    Job {
        number: 1,
        phase: Phase::Running.into(),
        done: ShmBool::new(false),
        letter: 'ü'.into(),
        result: ShmOption::none(),
    }
}

#[test]
fn a_struct_of_them_travels() {
    let ours = Shared::new(Mutex::new(job())).unwrap();
    let theirs = send(&ours);
    let mut held = theirs.lock().unwrap();
    held.done.set(true);
    held.phase.set(Phase::Ending);
    held.letter.set('\u{10ffff}');
    held.result.set([3, 4]);
    drop(held);
    let held = ours.lock().unwrap();
    assert!(held.done.get());
    assert_eq!(held.phase.get(), Ok(Phase::Ending));
    assert_eq!(held.letter.get(), Ok('\u{10ffff}'));
    assert_eq!(held.result.get(), Some(&[3, 4]));
    let shown = format!("{:?}", *held);
    assert!(shown.contains("Ending") && shown.contains("true") && shown.contains("Some([3, 4])"), "{shown}");
}

#[test]
fn of_zeros_they_are_false_nought_none_and_the_first() {
    let zeroed: Shared<Mutex<Journaled<Job>>> = Shared::zeroed().unwrap();
    let held = zeroed.lock().unwrap();
    let job = held.get();
    assert!(!job.done.get() && job.result.is_none());
    assert_eq!((job.letter.get(), job.phase.get()), (Ok('\0'), Ok(Phase::Starting)));
    assert_eq!(job.phase, ShmEnum::default());
    assert_eq!((ShmBool::default(), ShmChar::default()), (job.done, job.letter));

    let without: Shared<Mutex<ShmEnum<Wide>>> = Shared::zeroed().unwrap();
    let error = without.lock().unwrap().get().unwrap_err();
    assert_eq!((error.name, error.number), ("Wide", 0));
    assert!(error.to_string().contains("0 is the number of no variant of `Wide`"), "{error}");
}

#[test]
fn numbers_of_variants_are_the_enums_own() {
    for (variant, number) in [
        (Signed::Low, i128::from(i16::MIN)),
        (Signed::MinusOne, -1),
        (Signed::Zero, 0),
        (Signed::High, i128::from(i16::MAX)),
    ] {
        let name = format!("{variant:?}");
        assert!(Signed::VARIANTS.contains(&(name.as_str(), number)), "{name}");
        let held = ShmEnum::new(variant);
        assert_eq!(format!("{held:?}"), name);
        assert_eq!(format!("{:?}", held.get().unwrap()), name);
    }
    assert_eq!(Signed::VARIANTS.len(), 4);
    assert_eq!(Wide::VARIANTS, [("Most", i128::from(u64::MAX))]);
    assert_eq!(ShmEnum::new(Wide::Most).get(), Ok(Wide::Most));
    assert_eq!(Phase::from_number(9), Some(Phase::Ending));
    assert_eq!(Phase::from_number(2), None);
}

/// The enum `Phase` as other builds may have it.
macro_rules! another_phase {
    ($module:ident, $number:ident, $name:ident { $($variants:tt)* }) => {
        mod $module {
            #[derive(multiproc_shm::ShmVariants)]
            #[repr($number)]
            #[allow(dead_code)] // its layout counts
            pub(super) enum $name {
                $($variants)*
            }
        }
    };
}

another_phase!(same, u8, Phase { Starting = 0, Running = 1, Ending = 9 });
another_phase!(swapped, u8, Phase { Running, Starting, Ending = 9 });
another_phase!(moved, u8, Phase { Starting, Running, Ending = 8 });
another_phase!(renamed, u8, Phase { Starting, Going, Ending = 9 });
another_phase!(longer, u8, Phase { Starting, Running, Ending = 9, Ended });
another_phase!(shorter, u8, Phase { Starting, Running });
another_phase!(signed, i8, Phase { Starting, Running, Ending = 9 });
another_phase!(wider, u16, Phase { Starting, Running, Ending = 9 });
another_phase!(called, u8, Stage { Starting, Running, Ending = 9 });

/// How a segment of `T` looks to one that expects a `Phase`.
fn opened<T: ShmPlain + Send>(value: T) -> Result<(), ShmError> {
    let parcel = pack(&Shared::new(Mutex::new(value)).unwrap()).unwrap();
    match unpack::<Shared<Mutex<ShmEnum<Phase>>>>(parcel) {
        Ok(_) => Ok(()),
        Err(error) => Err(*error.downcast().unwrap()),
    }
}

#[test]
fn two_builds_with_other_variants_are_told() {
    fn is_refused<T: ShmPlain + Send>(value: T, what: &str) {
        match opened(value) {
            Err(ShmError::LayoutMismatch { type_name, .. }) => {
                assert!(type_name.contains("Phase"), "{type_name}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    opened(ShmEnum::new(same::Phase::Ending)).unwrap();
    is_refused(ShmEnum::new(swapped::Phase::Ending), "swapped");
    is_refused(ShmEnum::new(moved::Phase::Ending), "moved");
    is_refused(ShmEnum::new(renamed::Phase::Ending), "renamed");
    is_refused(ShmEnum::new(longer::Phase::Ending), "longer");
    is_refused(ShmEnum::new(shorter::Phase::Running), "shorter");
    is_refused(ShmEnum::new(signed::Phase::Ending), "signed");
    is_refused(ShmEnum::new(wider::Phase::Ending), "wider");
    is_refused(ShmEnum::new(called::Stage::Ending), "called otherwise");
    is_refused(7_u8, "a number");
}

#[test]
fn layouts_differ() {
    let layouts: [Layout; 11] = [
        u8::LAYOUT,
        ShmBool::LAYOUT,
        ShmChar::LAYOUT,
        u32::LAYOUT,
        ShmEnum::<Phase>::LAYOUT,
        ShmEnum::<Signed>::LAYOUT,
        ShmOption::<u8>::LAYOUT,
        ShmOption::<ShmBool>::LAYOUT,
        Journaled::<u8>::LAYOUT,
        Journaled::<ShmOption<u8>>::LAYOUT,
        <[u8; 2]>::LAYOUT,
    ];
    let different: HashSet<_> = layouts.iter().collect();
    assert_eq!(different.len(), layouts.len());
}

#[test]
fn an_option_gives_what_was_put_there() {
    let mut option = ShmOption::none();
    assert_eq!((option.is_none(), option.get()), (true, None));
    assert_eq!(option.get_mut(), None);
    assert_eq!((option.take(), option.replace(1_u64)), (None, None));
    assert_eq!(option.replace(2), Some(1));
    *option.get_mut().unwrap() += 1;
    assert_eq!(Option::from(option), Some(3));
    option.set(4);
    assert_eq!((option.is_some(), option.take(), option.take()), (true, Some(4), None));
    assert_eq!(ShmOption::from(Some(5_u64)).get(), Some(&5));
    option.set(6);
    option.clear();
    assert_eq!(option, ShmOption::default());
    assert_ne!(option, ShmOption::some(0));
    assert_eq!(format!("{option:?} {:?}", ShmOption::some(7_u8)), "None Some(7)");
}

#[test]
fn a_journaled_value_changes_by_whole_closures() {
    let mut journal = Journaled::new([1_u64, 2]);
    assert_eq!(
        journal.update(|pair| {
            pair[0] += 10;
            pair[1]
        }),
        2
    );
    assert_eq!(journal.get(), &[11, 2], "what was not changed was taken along");
    journal.update(|pair| pair[1] += 10);
    assert_eq!(journal.get(), &[11, 12]);
    journal.set([0, 0]);
    assert_eq!(journal.get(), &[0, 0]);
    let failed = journal.try_update(|pair| {
        pair[0] = 7;
        Err::<(), _>("no")
    });
    assert_eq!((failed, journal.get()), (Err("no"), &[0, 0]));
    assert_eq!(journal.try_update(|pair| Ok::<_, ()>(std::mem::replace(&mut pair[0], 3))), Ok(0));
    assert_eq!((journal.into_inner(), journal), ([3, 0], Journaled::from([3, 0])));
    assert_eq!(format!("{journal:?}"), "Journaled([3, 0])");
}

#[test]
fn a_panic_in_a_change_leaves_the_old_value() {
    let shared = Shared::new(Mutex::new(Journaled::new([1_u64, 2]))).unwrap();
    let panics = AssertUnwindSafe(|| {
        let mut held = shared.lock().unwrap();
        held.update(|pair| {
            pair[0] = 9;
            panic!("in the middle of a change");
        })
    });
    assert!(catch_unwind(panics).is_err());
    let Err(LockError::Poisoned(mut held)) = shared.lock() else { panic!("a panic poisons") };
    assert_eq!(held.get(), &[1, 2]);
    MutexGuard::mark_consistent(&mut held);
    drop(held);
    shared.lock().unwrap().update(|pair| pair[1] = 3);
    assert_eq!(shared.lock().unwrap().get(), &[1, 3]);
}

/// A thread with a stack of 64 KiB changes a value of 8 MiB.
#[test]
fn a_change_goes_over_no_stack() {
    let _watchdog = Watchdog::with_limit(60);
    let shared: Shared<Mutex<Journaled<[[u8; 1 << 20]; 8]>>> = Shared::zeroed().unwrap();
    let small = std::thread::Builder::new().stack_size(1 << 16);
    let theirs = shared.clone();
    let thread = small.spawn(move || {
        theirs.lock().unwrap().update(|rows| rows[7][5] = 1);
        theirs.lock().unwrap().update(|rows| rows[0][6] = 2);
    });
    thread.unwrap().join().unwrap();
    let held = shared.lock().unwrap();
    assert_eq!((held.get()[7][5], held.get()[0][6]), (1, 2));
}

/// No lock is in them, so that what a guard gives may be swapped away.
#[test]
fn what_guards_give_may_be_swapped() {
    let [one, other] = [1, 2].map(|number| {
        let value = Job { number, result: ShmOption::some([number; 2]), ..job() };
        Shared::new(Mutex::new(Journaled::new(value))).unwrap()
    });
    std::mem::swap(&mut *one.lock().unwrap(), &mut *other.lock().unwrap());
    other.lock().unwrap().update(|job| job.result.clear());
    assert_eq!(one.lock().unwrap().get().result.get(), Some(&[2, 2]));
    assert_eq!((one.lock().unwrap().get().number, other.lock().unwrap().get().number), (2, 1));
    assert!(other.lock().unwrap().get().result.is_none());
}
