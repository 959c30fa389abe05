//! Views of random shapes, strides and parts, beside a model: bytes in a vector, and the place of each element in a list.
//! `unsafe`: the memory is filled and read by its address, past the views.
#![allow(unsafe_code)]

use std::ops::Range;

use multiproc_shm::{RawElement, RawView, SharedMemory, ViewError};
use multiproc_testkit::Watchdog;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Bytes before and behind all elements that no view may touch.
const GUARD: usize = 32;

/// A view to be made: its shape and strides, and how far from the guard it begins.
#[derive(Clone, Debug)]
struct Plan {
    axes: Vec<(usize, isize)>,
    shift: usize,
    /// In C order, whatever the strides are.
    c_order: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let stride = prop_oneof![-20_isize..20, (-3_isize..4).prop_map(|step| step * 8)];
    let axes = prop::collection::vec((0_usize..6, stride), 0..4);
    (axes, 0_usize..9, any::<bool>()).prop_map(|(axes, shift, c_order)| Plan { axes, shift, c_order })
}

/// One step from a view to a part of it. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Index(usize, usize),
    Slice(usize, usize, usize, isize),
    Transpose,
    Reshape(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_usize..4, 0_usize..6).prop_map(|(axis, index)| Step::Index(axis, index)),
        (0_usize..4, 0_usize..7, 0_usize..7, prop_oneof![-3_isize..0, 1_isize..4])
            .prop_map(|(axis, start, end, step)| Step::Slice(axis, start, end, step)),
        Just(Step::Transpose),
        (0_usize..4).prop_map(Step::Reshape),
    ];
    prop::collection::vec(step, 0..5)
}

/// What a view should be: where each element begins, in C order.
#[derive(Clone, Debug, PartialEq)]
struct Places {
    shape: Vec<usize>,
    at: Vec<usize>,
}

/// The indices of a shape in C order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |found, len| {
        let longer = |index: Vec<usize>| (0..*len).map(move |last| [&index[..], &[last]].concat());
        found.into_iter().flat_map(longer).collect()
    })
}

impl Places {
    /// The elements that `origin` names: for each index of `shape` one of this one's.
    fn pick(&self, shape: Vec<usize>, origin: impl Fn(&[usize]) -> Vec<usize>) -> Self {
        let place = |index: Vec<usize>| {
            let nth = origin(&index).iter().zip(&self.shape).fold(0, |nth, (index, len)| nth * len + index);
            self.at[nth]
        };
        let at = indices(&shape).into_iter().map(place).collect();
        Self { shape, at }
    }

    fn index_axis(&self, axis: usize, at: usize) -> Self {
        let mut shape = self.shape.clone();
        shape.remove(axis);
        self.pick(shape, |index| [&index[..axis], &[at], &index[axis..]].concat())
    }

    fn slice_axis(&self, axis: usize, range: Range<usize>, step: isize) -> Self {
        let mut taken: Vec<usize> = range.collect();
        if step < 0 {
            taken.reverse();
        }
        let taken: Vec<usize> = taken.into_iter().step_by(step.unsigned_abs()).collect();
        let mut shape = self.shape.clone();
        shape[axis] = taken.len();
        self.pick(shape, |index| {
            let mut index = index.to_vec();
            index[axis] = taken[index[axis]];
            index
        })
    }

    fn transpose(&self) -> Self {
        let shape = self.shape.iter().rev().copied().collect();
        self.pick(shape, |index| index.iter().rev().copied().collect())
    }

    fn is_contiguous(&self, size: usize) -> bool {
        self.at.windows(2).all(|pair| pair[1] == pair[0] + size)
    }
}

/// A memory, and what should be in it.
struct World {
    memory: SharedMemory,
    bytes: Vec<u8>,
}

impl World {
    fn new(len: usize) -> Self {
        let memory = SharedMemory::anonymous(len).unwrap();
        let bytes: Vec<u8> = (0..len).map(|at| (at * 37 + 11).to_le_bytes()[0]).collect();
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: within the memory, which nobody else knows.
            unsafe { memory.as_ptr().add(at).write_volatile(*byte) };
        }
        Self { memory, bytes }
    }

    /// What is in the memory, guards included.
    fn found(&self) -> Vec<u8> {
        // SAFETY: as above.
        (0..self.bytes.len()).map(|at| unsafe { self.memory.as_ptr().add(at).read_volatile() }).collect()
    }
}

/// An element, by its bytes.
trait Element: RawElement + PartialEq {
    fn of(bytes: &[u8]) -> Self;
    fn bytes(self) -> Vec<u8>;
}

macro_rules! elements {
    ($($type:ident)*) => {$(
        impl Element for $type {
            fn of(bytes: &[u8]) -> Self {
                Self::from_ne_bytes(bytes.try_into().unwrap())
            }

            fn bytes(self) -> Vec<u8> {
                self.to_ne_bytes().to_vec()
            }
        }
    )*};
}
elements!(u8 i16 u32 i64);

/// Where the elements of a plan lie, and how long its memory is.
fn lay_out<T>(plan: &Plan) -> (Vec<isize>, usize, usize, Places) {
    let size = size_of::<T>();
    let shape: Vec<usize> = plan.axes.iter().map(|axis| axis.0).collect();
    let mut strides: Vec<isize> = plan.axes.iter().map(|axis| axis.1).collect();
    if plan.c_order {
        let mut stride = size.cast_signed();
        for (at, len) in strides.iter_mut().zip(&shape).rev() {
            *at = stride;
            stride *= (*len).max(1).cast_signed();
        }
    }
    let reach = |index: &[usize]| -> isize {
        index.iter().zip(&strides).map(|(index, stride)| index.cast_signed() * stride).sum()
    };
    let reaches: Vec<isize> = indices(&shape).iter().map(|index| reach(index)).collect();
    let (low, high) =
        (reaches.iter().min().copied().unwrap_or(0), reaches.iter().max().copied().unwrap_or(0));
    let start = (GUARD + plan.shift).cast_signed() - low;
    let len = (start + high).cast_unsigned() + size + GUARD;
    let at = reaches.into_iter().map(|reach| (start + reach).cast_unsigned()).collect();
    (strides, start.cast_unsigned(), len, Places { shape, at })
}

/// Does a step on both sides; `None` if both agree that there is no such part.
fn part<T: Element>(view: &RawView<T>, places: &Places, step: &Step) -> Option<(RawView<T>, Places)> {
    let dims = places.shape.len();
    match *step {
        Step::Index(axis, index) => {
            let part = view.index_axis(axis, index);
            if axis < dims && index < places.shape[axis] {
                return Some((part.unwrap(), places.index_axis(axis, index)));
            }
            assert!(matches!(part, Err(ViewError::NoAxis { .. } | ViewError::NoRange { .. })));
            None
        }
        Step::Slice(axis, start, end, step) => {
            let part = view.slice_axis(axis, start..end, step);
            if axis < dims && start <= end && end <= places.shape[axis] {
                return Some((part.unwrap(), places.slice_axis(axis, start..end, step)));
            }
            assert!(matches!(part, Err(ViewError::NoAxis { .. } | ViewError::NoRange { .. })));
            None
        }
        Step::Transpose => Some((view.transpose(), places.transpose())),
        Step::Reshape(front) => {
            let len = places.at.len();
            let shape =
                if front > 0 && len.is_multiple_of(front) { vec![front, len / front] } else { vec![len] };
            let part = view.reshape(&shape);
            if places.is_contiguous(size_of::<T>()) {
                return Some((part.unwrap(), Places { shape, at: places.at.clone() }));
            }
            assert!(matches!(part, Err(ViewError::NotContiguous)));
            None
        }
    }
}

/// All that reads agrees with the bytes.
fn reads<T: Element>(view: &RawView<T>, places: &Places, bytes: &[u8]) {
    let values: Vec<T> = places.at.iter().map(|at| T::of(&bytes[*at..at + size_of::<T>()])).collect();
    assert_eq!(view.shape(), places.shape);
    assert_eq!(view.len(), values.len());
    assert_eq!(view.is_contiguous(), places.is_contiguous(size_of::<T>()));
    assert_eq!(view.is_aligned(), places.at.iter().all(|at| at.is_multiple_of(size_of::<T>())));
    for (index, value) in indices(&places.shape).iter().zip(&values) {
        assert_eq!(view.get(index), Some(*value));
    }
    for axis in 0..places.shape.len() {
        let mut index = vec![0; places.shape.len()];
        index[axis] = places.shape[axis];
        assert_eq!(view.get(&index), None);
    }
    assert_eq!(view.iter().len(), values.len());
    assert_eq!(view.iter().collect::<Vec<_>>(), values);
    assert_eq!(view.to_vec(), values);
    let mut slice = values.clone();
    slice.reverse();
    view.copy_to_slice(&mut slice).unwrap();
    assert_eq!(slice, values);
    if view.is_aligned() && view.is_contiguous() {
        // SAFETY: nobody writes as long as it is compared.
        assert_eq!(unsafe { view.as_slice() }.unwrap(), values);
    }
    if let Ok(seen) = view.cast::<u8>() {
        let expected: Vec<u8> = values.iter().flat_map(|value| value.bytes()).collect();
        assert_eq!(seen.to_vec(), expected);
    }
}

/// All that writes does to the memory what it should do, and nothing else.
fn writes<T: Element>(view: &mut RawView<T>, places: &Places, world: &mut World) {
    let size = size_of::<T>();
    let mut counter = 0_u8;
    let mut next = || {
        counter = counter.wrapping_mul(29).wrapping_add(17);
        T::of(&[counter, !counter, counter ^ 0x55, 3, counter, 9, 1, counter][..size])
    };
    for (index, at) in indices(&places.shape).iter().zip(&places.at) {
        let value = next();
        view.set(index, value).unwrap();
        world.bytes[*at..at + size].copy_from_slice(&value.bytes());
    }
    assert_eq!(world.found(), world.bytes, "set");

    let values: Vec<T> = places.at.iter().map(|_| next()).collect();
    view.copy_from_slice(&values).unwrap();
    for (at, value) in places.at.iter().zip(&values) {
        world.bytes[*at..at + size].copy_from_slice(&value.bytes());
    }
    assert_eq!(world.found(), world.bytes, "copy_from_slice");

    let source = view.clone();
    let reversed =
        (0..places.shape.len()).fold(view.clone(), |view, axis| view.slice_axis(axis, .., -1).unwrap());
    source.copy_to_view(&reversed).unwrap();
    let old = world.bytes.clone();
    for (from, to) in places.at.iter().zip(places.at.iter().rev()) {
        world.bytes[*to..to + size].copy_from_slice(&old[*from..from + size]);
    }
    assert_eq!(world.found(), world.bytes, "copy_to_view");

    if view.is_aligned() && view.is_contiguous() {
        // SAFETY: nobody else knows the memory.
        unsafe { view.as_mut_slice() }.unwrap().reverse();
        let old = world.bytes.clone();
        for (from, to) in places.at.iter().zip(places.at.iter().rev()) {
            world.bytes[*to..to + size].copy_from_slice(&old[*from..from + size]);
        }
        assert_eq!(world.found(), world.bytes, "as_mut_slice");
    }
    let value = next();
    view.fill(value).unwrap();
    for at in &places.at {
        world.bytes[*at..at + size].copy_from_slice(&value.bytes());
    }
    assert_eq!(world.found(), world.bytes, "fill");
}

fn agree<T: Element>(plan: &Plan, steps: &[Step]) {
    let (strides, start, len, mut places) = lay_out::<T>(plan);
    let mut world = World::new(len);
    let mut view = if plan.c_order {
        world.memory.raw_view::<T>(start, &places.shape).unwrap()
    } else {
        world.memory.raw_view_with::<T>(start, &places.shape, &strides).unwrap()
    };
    reads(&view, &places, &world.bytes);
    for step in steps {
        if let Some((next_view, next_places)) = part(&view, &places, step) {
            (view, places) = (next_view, next_places);
            reads(&view, &places, &world.bytes);
        }
    }
    assert_eq!(world.found(), world.bytes, "to read changes nothing");
    writes(&mut view, &places, &mut world);
    reads(&view, &places, &world.bytes);
    refuses_less::<T>(plan);
}

/// One byte less of memory, at either end, and there is no such view.
fn refuses_less<T: Element>(plan: &Plan) {
    let (strides, start, _, Places { shape, at }) = lay_out::<T>(plan);
    let (Some(low), Some(high)) = (at.iter().min(), at.iter().max()) else {
        return;
    };
    let exact = SharedMemory::anonymous(high + size_of::<T>()).unwrap();
    let view = |start| exact.raw_view_with::<T>(start, &shape, &strides);
    assert!(view(start).is_ok());
    assert!(view(start + 1).is_err(), "behind the end");
    assert!(view(start - low).is_ok());
    if start > *low {
        assert!(view(start - low - 1).is_err(), "before the beginning");
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn views_agree_with_a_model(plan in plans(), steps in steps()) {
        let _watchdog = Watchdog::with_limit(60);
        agree::<u8>(&plan, &steps);
        agree::<i16>(&plan, &steps);
        agree::<u32>(&plan, &steps);
        agree::<i64>(&plan, &steps);
    }

    /// Longer runs, at every place of a word: what goes by words of eight bytes.
    #[test]
    fn runs_agree_with_a_model(len in 0_usize..70, shift in 0_usize..17, wide in any::<bool>()) {
        let _watchdog = Watchdog::with_limit(60);
        let axes = if wide { vec![(3, 0), (len, 0)] } else { vec![(len, 0)] };
        let plan = Plan { axes, shift, c_order: true };
        let parts = [Step::Slice(0, 1, len.max(1), 1)];
        agree::<u8>(&plan, &parts);
        agree::<i16>(&plan, &parts);
        agree::<u32>(&plan, &parts);
        agree::<i64>(&plan, &parts);
    }

    /// No numbers make a view that reaches outside, or a panic.
    #[test]
    fn any_numbers_are_a_view_within_or_an_error(
        offset in edge(),
        axes in prop::collection::vec((edge(), edge()), 0..5),
    ) {
        let memory = SharedMemory::anonymous(100).unwrap();
        let shape: Vec<usize> = axes.iter().map(|axis| axis.0).collect();
        let strides: Vec<isize> = axes.iter().map(|axis| axis.1.cast_signed()).collect();
        // With numbers that do not end.
        let wide = |number: usize| i128::try_from(number).unwrap();
        let ends = shape.iter().zip(&strides).map(|(len, stride)| (wide(*len) - 1).saturating_mul(i128::try_from(*stride).unwrap()));
        let (low, high) = ends.fold((wide(offset), wide(offset) + 4), |(low, high), end| {
            (low.saturating_add(end.min(0)), high.saturating_add(end.max(0)))
        });
        let inside = shape.contains(&0) && offset <= 100 || !shape.contains(&0) && low >= 0 && high <= 100;
        let product = shape.iter().try_fold(4_usize, |product, len| product.checked_mul((*len).max(1)));
        let countable = product.is_some_and(|product| product <= isize::MAX.unsigned_abs());
        let view = memory.raw_view_with::<u32>(offset, &shape, &strides);
        prop_assert_eq!(view.is_ok(), inside && countable, "{:?}", view);
    }
}

/// Small numbers, and those near where something wraps.
fn edge() -> impl Strategy<Value = usize> {
    let base = prop_oneof![
        4 => Just(0_usize),
        1 => Just(100),
        1 => Just(usize::MAX / 4),
        1 => Just(isize::MAX.unsigned_abs()),
        1 => Just(usize::MAX),
    ];
    (base, -5_isize..6).prop_map(|(base, by)| base.wrapping_add_signed(by))
}
