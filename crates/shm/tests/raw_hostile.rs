//! Views by numbers that a stranger says: offset, shape, strides, indices, ranges, types. Each is an error by name or a view within the memory;
//! through it no byte is written that is none of its elements', and none behind the memory's end. `unsafe`: those bytes.
#![allow(unsafe_code)]

mod fuzzing;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use multiproc_shm::{MAX_DIMS, RawInteger, RawView, SharedMemory, ViewError};
use proptest::collection::vec;
use proptest::prelude::*;

const PAGE: usize = 4096;

/// Views of more elements are used at some only.
const FEW: usize = 2000;

#[derive(Clone, Debug)]
enum Step {
    Index(usize, usize),
    Slice(usize, usize, usize, isize),
    Transpose,
    Reshape(Vec<usize>),
    ReadOnly,
}

#[derive(Clone, Debug)]
struct Attack {
    len: usize,
    offset: usize,
    axes: Vec<(usize, isize)>,
    /// One stride too few, or too many.
    odd: bool,
    c_order: bool,
    /// Of the elements, as a power of two, in bytes.
    width: u8,
    steps: Vec<Step>,
    index: Vec<usize>,
}

/// Small numbers, and those near where something wraps.
fn number() -> impl Strategy<Value = usize> {
    let edges = vec![
        0,
        1 << 31,
        1 << 32,
        usize::MAX / 8,
        usize::MAX / 4,
        1 << 62,
        isize::MAX.unsigned_abs(),
        usize::MAX,
    ];
    prop_oneof![
        6 => 0_usize..12,
        2 => 0_usize..400,
        2 => (prop::sample::select(edges), -9_isize..10).prop_map(|(edge, by)| edge.wrapping_add_signed(by)),
        1 => any::<usize>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let stride = prop_oneof![-4_isize..5, Just(isize::MIN), Just(isize::MAX), any::<isize>()];
    prop_oneof![
        (0_usize..6, number()).prop_map(|(axis, index)| Step::Index(axis, index)),
        (0_usize..6, number(), number(), stride)
            .prop_map(|(axis, start, end, step)| Step::Slice(axis, start, end, step)),
        Just(Step::Transpose),
        vec(number(), 0..4).prop_map(Step::Reshape),
        Just(Step::ReadOnly),
    ]
}

fn attack() -> impl Strategy<Value = Attack> {
    let stride = prop_oneof![4 => -24_isize..25, 1 => number().prop_map(usize::cast_signed)];
    let axes = prop_oneof![
        12 => vec((number(), stride), 0..5),
        1 => vec((Just(1), Just(0)), MAX_DIMS - 1..MAX_DIMS + 3),
    ];
    let few = (1_usize..400, number(), axes, prop::bool::weighted(0.05), any::<bool>());
    (few, 0_u8..4, vec(step(), 0..4), vec(number(), 0..5)).prop_map(
        |((len, offset, axes, odd, c_order), width, steps, index)| Attack {
            len,
            offset,
            axes,
            odd,
            c_order,
            width,
            steps,
            index,
        },
    )
}

/// The whole pages of the mapping; the file's end cuts none of them.
fn pages(memory: &SharedMemory) -> usize {
    memory.len().next_multiple_of(PAGE)
}

fn fill(memory: &SharedMemory) {
    for at in 0..pages(memory) {
        // SAFETY: within the last page of the mapping; nobody else knows it.
        unsafe { memory.as_ptr().add(at).write_volatile(at.to_le_bytes()[0] ^ 0x5a) };
    }
}

fn found(memory: &SharedMemory) -> Vec<u8> {
    // SAFETY: as in `fill`.
    (0..pages(memory)).map(|at| unsafe { memory.as_ptr().add(at).read_volatile() }).collect()
}

/// All bytes of the elements, by numbers that do not end; `None` if there are many.
fn places(view: &RawView<impl RawInteger>, size: usize) -> Option<BTreeSet<i128>> {
    if view.len() > FEW {
        return None;
    }
    if view.is_empty() {
        return Some(BTreeSet::new()); // whatever its other dimensions are
    }
    let wide = |number: usize| i128::try_from(number).expect("64 bits");
    let mut starts = vec![wide(view.offset())];
    for (len, stride) in view.shape().iter().zip(view.strides()) {
        let steps = |start: i128| {
            (0..*len).map(move |at| start + wide(at) * i128::try_from(*stride).expect("64 bits"))
        };
        starts = starts.into_iter().flat_map(steps).collect();
    }
    Some(starts.into_iter().flat_map(|start| start..start + wide(size)).collect())
}

/// Whether such a view is within the memory: by numbers that do not end, and not by the code under test.
fn is_within(attack: &Attack, size: usize, strides: &[isize]) -> bool {
    let wide = |number: usize| i128::try_from(number).expect("64 bits");
    let shape = attack.axes.iter().map(|axis| axis.0);
    let len = wide(attack.len);
    let bytes = shape.clone().try_fold(size, |product, len| product.checked_mul(len.max(1)));
    if attack.axes.len() > MAX_DIMS || bytes.is_none_or(|bytes| bytes > isize::MAX.unsigned_abs()) {
        return false;
    }
    if shape.clone().any(|len| len == 0) {
        return wide(attack.offset) <= len;
    }
    let mut ends = (wide(attack.offset), wide(attack.offset) + wide(size));
    for (count, stride) in shape.zip(strides) {
        let reach = (wide(count) - 1).saturating_mul(i128::try_from(*stride).expect("64 bits"));
        ends = (ends.0.saturating_add(reach.min(0)), ends.1.saturating_add(reach.max(0)));
    }
    ends.0 >= 0 && ends.1 <= len
}

/// Makes the view, takes parts of it, reads and writes all that there is; tells whether there was one.
fn survive_as<T: RawInteger + PartialEq>(attack: &Attack, mark: T) -> bool {
    let memory = SharedMemory::anonymous(attack.len).unwrap();
    fill(&memory);
    let size = size_of::<T>();
    let shape: Vec<usize> = attack.axes.iter().map(|axis| axis.0).collect();
    let mut strides: Vec<isize> = attack.axes.iter().map(|axis| axis.1).collect();
    let made = if attack.c_order {
        // A shape of which the strides wrap has too many elements, which is looked at first.
        let mut stride = size;
        for (at, len) in strides.iter_mut().zip(&shape).rev() {
            *at = stride.cast_signed();
            stride = stride.wrapping_mul((*len).max(1));
        }
        memory.raw_view::<T>(attack.offset, &shape)
    } else if attack.odd {
        strides.push(1);
        let refused = memory.raw_view_with::<T>(attack.offset, &shape, &strides).err();
        assert!(
            matches!(refused, Some(ViewError::StridesLength { .. } | ViewError::TooManyDims { .. })),
            "{refused:?}"
        );
        return false;
    } else {
        memory.raw_view_with::<T>(attack.offset, &shape, &strides)
    };
    assert_eq!(made.is_ok(), is_within(attack, size, &strides), "{made:?}");
    let mut view = match made {
        Ok(view) => view,
        Err(ViewError::OutOfBounds { from, to, len }) => {
            assert!(from < 0 || to > len as i128, "{from}..{to} is within {len}");
            return false;
        }
        Err(ViewError::TooLarge | ViewError::TooManyDims { .. }) => return false,
        Err(error) => panic!("{error:?}"),
    };
    use_all(&memory, &view, &attack.index, mark);
    for step in &attack.steps {
        view = match part(&view, step) {
            Ok(part) => part,
            Err(
                ViewError::NoAxis { .. }
                | ViewError::NoRange { .. }
                | ViewError::ZeroStep
                | ViewError::Shape { .. }
                | ViewError::NotContiguous
                | ViewError::TooLarge
                | ViewError::OutOfBounds { .. },
            ) => continue,
            Err(error) => panic!("{step:?}: {error:?}"),
        };
        use_all(&memory, &view, &attack.index, mark);
    }
    casts(&memory, &view, &attack.index);
    true
}

fn part<T: RawInteger>(view: &RawView<T>, step: &Step) -> Result<RawView<T>, ViewError> {
    match step {
        Step::Index(axis, index) => view.index_axis(*axis, *index),
        Step::Slice(axis, start, end, step) => view.slice_axis(*axis, *start..*end, *step),
        Step::Transpose => Ok(view.transpose()),
        Step::Reshape(shape) => view.reshape(shape),
        Step::ReadOnly => Ok(view.read_only()),
    }
}

/// The same bytes as numbers of each other width, which are used as well.
fn casts<T: RawInteger>(memory: &SharedMemory, view: &RawView<T>, index: &[usize]) {
    macro_rules! cast {
        ($($other:ty),*) => {$(
            match view.cast::<$other>() {
                Ok(other) => use_all(memory, &other, index, <$other>::MAX),
                Err(ViewError::CastLength { .. } | ViewError::NotContiguous | ViewError::TooLarge) => {}
                Err(error) => panic!("{error:?}"),
            }
        )*};
    }
    cast!(u8, i16, u32, i64);
}

/// All that reads works, all that writes writes to the elements alone.
fn use_all<T: RawInteger + PartialEq>(memory: &SharedMemory, view: &RawView<T>, index: &[usize], mark: T) {
    let size = size_of::<T>();
    let before = found(memory);
    // One element, by an index that may be none.
    let is_one = index.len() == view.ndim() && index.iter().zip(view.shape()).all(|(at, len)| at < len);
    assert_eq!(view.get(index).is_some(), is_one, "{view:?} {index:?}");
    let allowed = |error: ViewError| match error {
        ViewError::NoElement { .. } => assert!(!is_one),
        ViewError::ReadOnly => assert!(!view.is_writable()),
        ViewError::Misaligned { .. } => assert!(!view.is_aligned()),
        other => panic!("{other:?}"),
    };
    view.load(index, SeqCst).map_or_else(allowed, |_| assert!(is_one));
    view.fetch_add(index, mark, Relaxed).map_or_else(allowed, |_| assert!(is_one && view.is_writable()));
    view.set(index, mark).map_or_else(allowed, |()| assert_eq!(view.get(index), Some(mark)));
    assert_eq!(view.iter().take(FEW).count(), view.len().min(FEW));
    let Some(places) = places(view, size) else {
        // More than the memory is long: strides of 0, or elements over each other. A copy is made or refused, and nothing else.
        if view.len() > 1 << 24 {
            assert!(view.len().checked_mul(size).is_some());
        }
        return;
    };
    assert!(places.iter().all(|at| (0..memory.len() as i128).contains(at)), "{view:?} is outside");
    assert_eq!(view.try_to_vec().unwrap().len(), view.len());
    let filled = view.fill(mark);
    let short = vec![mark; view.len() + 1];
    let wrong = view.copy_from_slice(&short);
    assert!(matches!(wrong, Err(ViewError::Length { .. } | ViewError::ReadOnly)), "{wrong:?}");
    let after = found(memory);
    match filled {
        Ok(()) => {
            // Of elements over each other the last one to be written is whole.
            let is_apart = places.len() == view.len() * size;
            assert!(view.is_writable() && (!is_apart || view.iter().all(|value| value == mark)));
        }
        Err(ViewError::ReadOnly) => assert!(!view.is_writable() && before == after),
        Err(error) => panic!("{error:?}"),
    }
    for (at, (old, new)) in before.iter().zip(&after).enumerate() {
        assert!(old == new || places.contains(&(at as i128)), "{view:?} has changed byte {at}");
    }
    // As it was: the next part is judged by itself.
    fill(memory);
}

fn survive(attack: &Attack) -> bool {
    match attack.width {
        0 => survive_as::<u8>(attack, 0xa5),
        1 => survive_as::<i16>(attack, -2),
        2 => survive_as::<u32>(attack, 0xdead_beef),
        _ => survive_as::<u64>(attack, 0x0123_4567_89ab_cdef),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers_are_an_error_or_a_view_that_touches_its_elements_alone(attack in attack()) {
        survive(&attack);
    }
}

#[test]
#[ignore = "runs for as long as MULTIPROC_FUZZ_SECONDS says: `cargo xtask fuzz`"]
fn fuzz() {
    fuzzing::run("raw", attack(), survive);
}
