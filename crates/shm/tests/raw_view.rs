//! `RawView`: what its methods do where nobody disturbs. `unsafe`: slices of memory that nobody else knows.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use multiproc_shm::{MAX_DIMS, RawElement, RawInteger, RawView, SharedMemory, ShmError, ViewError};

fn memory(len: usize) -> SharedMemory {
    SharedMemory::anonymous(len).unwrap()
}

/// A view of 0, 1, 2 and so on.
fn counted(shape: &[usize]) -> RawView<u16> {
    let view = memory(4096).raw_view::<u16>(6, shape).unwrap();
    let values: Vec<u16> = (0..view.len()).map(|value| value.try_into().unwrap()).collect();
    view.copy_from_slice(&values).unwrap();
    view
}

#[test]
fn an_element_is_where_its_index_says() {
    let view = counted(&[2, 3, 4]);
    assert_eq!((view.len(), view.ndim(), view.offset()), (24, 3, 6));
    assert_eq!((view.shape(), view.strides()), (&[2, 3, 4][..], &[24, 8, 2][..]));
    assert_eq!(view.get(&[1, 2, 3]), Some(23));
    assert_eq!(view.get(&[1, 0, 2]), Some(14));
    for outside in [&[2, 0, 0][..], &[0, 3, 0], &[0, 0, 4], &[0, 0], &[0, 0, 0, 0], &[], &[usize::MAX, 0, 0]]
    {
        assert_eq!(view.get(outside), None);
        let error = ViewError::NoElement { index: outside.into(), shape: [2, 3, 4].into() };
        assert_eq!(view.set(outside, 1), Err(error.clone()));
        assert_eq!(view.load(outside, Relaxed), Err(error.clone()));
        assert_eq!(view.fetch_add(outside, 1, Relaxed), Err(error));
    }
    assert_eq!(view.iter().map(usize::from).sum::<usize>(), 23 * 24 / 2, "nothing was written");
}

#[test]
fn one_number_has_no_dimension() {
    let number = memory(8).raw_view::<i64>(0, &[]).unwrap();
    number.set(&[], -5).unwrap();
    assert_eq!((number.get(&[]), number.get(&[0]), number.len(), number.ndim()), (Some(-5), None, 1, 0));
    assert_eq!(number.to_vec(), [-5]);
    assert_eq!(number.reshape(&[1, 1]).unwrap().to_vec(), [-5]);
    assert!(number.is_contiguous());
    assert_eq!(number.index_axis(0, 0).unwrap_err(), ViewError::NoAxis { axis: 0, dims: 0 });
    assert_eq!(number.cast::<u8>().unwrap_err(), ViewError::CastLength { from: 8, len: 1, to: 1 });
    assert_eq!(number.cast::<u64>().unwrap().get(&[]), Some(u64::MAX - 4));
}

#[test]
fn a_view_of_nothing_is_one() {
    for shape in [&[0][..], &[3, 0], &[0, 3], &[5, 0, 7]] {
        let view = memory(1).raw_view::<u64>(1, shape).unwrap();
        assert!(view.is_empty() && view.is_contiguous());
        assert_eq!(view.to_vec(), []);
        assert_eq!(view.iter().next(), None);
        view.copy_from_slice(&[]).unwrap();
        view.fill(7).unwrap();
        view.copy_to_view(&view).unwrap();
        assert_eq!(view.transpose().len(), 0);
        assert_eq!(view.reshape(&[0]).unwrap().shape(), [0]);
        assert!(view.cast::<u8>().unwrap().is_empty());
        // SAFETY: nobody writes to no elements.
        assert_eq!(unsafe { view.as_slice() }, Ok(&[][..]));
    }
}

#[test]
fn an_empty_view_has_parts_wherever_its_strides_would_lead() {
    let view = memory(8).raw_view_with::<u32>(8, &[5, 0], &[isize::MAX, isize::MIN]).unwrap();
    assert_eq!(view.index_axis(0, 4).unwrap().shape(), [0]);
    assert_eq!(view.slice_axis(0, 3.., 1).unwrap().shape(), [2, 0]);
    assert_eq!(view.slice_axis(0, .., -1).unwrap().shape(), [5, 0]);
    assert_eq!(view.slice_axis(1, 0..0, isize::MIN).unwrap().offset(), 8);
    assert!(view.index_axis(1, 0).is_err());
}

fn holds<T: RawElement + PartialEq>(values: [T; 3]) {
    for offset in [0, 1, 8, 13] {
        let view = memory(64).raw_view::<T>(offset, &[3]).unwrap();
        assert_eq!(view.is_aligned(), offset.is_multiple_of(size_of::<T>()));
        view.copy_from_slice(&values).unwrap();
        assert!(view.iter().eq(values));
        let before = values[0];
        if view.is_aligned() {
            assert_eq!(view.swap(&[0], values[2], AcqRel).unwrap(), before);
            assert_eq!(
                view.compare_exchange(&[0], before, values[1], SeqCst, Relaxed).unwrap(),
                Err(values[2])
            );
            assert_eq!(
                view.compare_exchange(&[0], values[2], before, AcqRel, Acquire).unwrap(),
                Ok(values[2])
            );
            view.store(&[1], before, Release).unwrap();
            assert_eq!(view.load(&[1], SeqCst).unwrap(), before);
        } else {
            let misaligned = ViewError::Misaligned { offset, align: size_of::<T>() };
            assert_eq!(view.swap(&[0], before, AcqRel), Err(misaligned.clone()));
            assert_eq!(view.store(&[0], before, Relaxed), Err(misaligned.clone()));
            assert_eq!(view.load(&[0], Relaxed), Err(misaligned));
        }
        view.fill(values[1]).unwrap();
        assert!(view.iter().eq([values[1]; 3]));
    }
}

#[test]
fn each_type_keeps_its_values() {
    holds([0_u8, 1, u8::MAX]);
    holds([0_u16, 1, u16::MAX]);
    holds([0_u32, 1, u32::MAX]);
    holds([0_u64, 1, u64::MAX]);
    holds([0_usize, 1, usize::MAX]);
    holds([i8::MIN, -1, i8::MAX]);
    holds([i16::MIN, -1, i16::MAX]);
    holds([i32::MIN, -1, i32::MAX]);
    holds([i64::MIN, -1, i64::MAX]);
    holds([isize::MIN, -1, isize::MAX]);
    holds([f32::MIN, -0.5, f32::INFINITY]);
    holds([f64::MIN, -0.5, f64::INFINITY]);
}

fn counts<T: RawInteger + PartialEq>(numbers: [T; 6]) {
    let [zero, one, three, five, six, seven] = numbers;
    let view = memory(64).raw_view::<T>(16, &[2]).unwrap();
    assert_eq!(view.fetch_add(&[1], five, Relaxed).unwrap(), zero);
    assert_eq!(view.fetch_or(&[1], three, Relaxed).unwrap(), five);
    assert_eq!(view.fetch_xor(&[1], one, Relaxed).unwrap(), seven);
    assert_eq!(view.fetch_and(&[1], three, AcqRel).unwrap(), six);
    let two = view.fetch_sub(&[1], one, SeqCst).unwrap();
    assert_eq!(view.fetch_sub(&[1], one, SeqCst).unwrap(), one);
    assert_eq!(view.fetch_sub(&[1], two, SeqCst).unwrap(), zero, "and wraps");
    assert!(![zero, one, three, five, six, seven].contains(&view.get(&[1]).unwrap()));
    view.fetch_add(&[1], three, Release).unwrap();
    assert_eq!(view.to_vec(), [zero, one], "its neighbour has not moved");
}

#[test]
fn each_integer_counts() {
    counts([0_u8, 1, 3, 5, 6, 7]);
    counts([0_u16, 1, 3, 5, 6, 7]);
    counts([0_u32, 1, 3, 5, 6, 7]);
    counts([0_u64, 1, 3, 5, 6, 7]);
    counts([0_usize, 1, 3, 5, 6, 7]);
    counts([0_i8, 1, 3, 5, 6, 7]);
    counts([0_i16, 1, 3, 5, 6, 7]);
    counts([0_i32, 1, 3, 5, 6, 7]);
    counts([0_i64, 1, 3, 5, 6, 7]);
    counts([0_isize, 1, 3, 5, 6, 7]);
}

/// Any bytes are a number, and come back bit for bit.
#[test]
fn a_nan_keeps_its_bits() {
    let bits = memory(32).raw_view::<u64>(0, &[4]).unwrap();
    let numbers = bits.cast::<f64>().unwrap();
    let odd = [0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0001, 0x8000_0000_0000_0000, u64::MAX];
    bits.copy_from_slice(&odd).unwrap();
    for (at, odd) in odd.into_iter().enumerate() {
        let value = numbers.get(&[at]).unwrap();
        assert_eq!(value.to_bits(), odd);
        let found = numbers.compare_exchange(&[at], value, 1.0, Relaxed, Relaxed).unwrap();
        assert_eq!(found.unwrap().to_bits(), odd, "equal is who has the same bits");
    }
    assert_eq!(numbers.to_vec(), [1.0; 4]);
}

#[test]
fn one_column_of_records_is_a_view() {
    // As a structured array of numpy: one byte, then a double, packed.
    let memory = memory(9 * 4);
    let kinds = memory.raw_view_with::<u8>(0, &[4], &[9]).unwrap();
    let weights = memory.raw_view_with::<f64>(1, &[4], &[9]).unwrap();
    kinds.copy_from_slice(&[1, 2, 3, 4]).unwrap();
    weights.copy_from_slice(&[0.5, 1.5, 2.5, 3.5]).unwrap();
    assert_eq!(kinds.to_vec(), [1, 2, 3, 4]);
    assert_eq!(weights.to_vec(), [0.5, 1.5, 2.5, 3.5]);
    assert!(!weights.is_aligned() && !weights.is_contiguous());
    assert!(memory.raw_view_with::<f64>(2, &[4], &[9]).is_err(), "the last would end behind the end");
}

#[test]
fn what_has_gaps_or_another_order_is_no_slice_and_has_no_other_shape() {
    let view = counted(&[4, 4]);
    for part in [view.transpose(), view.slice_axis(1, 0..2, 1).unwrap(), view.slice_axis(0, .., -1).unwrap()]
    {
        assert!(!part.is_contiguous());
        assert_eq!(part.reshape(&[part.len()]).unwrap_err(), ViewError::NotContiguous);
        // SAFETY: nobody else knows the memory.
        assert_eq!(unsafe { part.as_slice() }, Err(ViewError::NotContiguous));
    }
    let rows = view.slice_axis(0, 1..3, 1).unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { rows.as_slice() }.unwrap(), [4, 5, 6, 7, 8, 9, 10, 11]);
    let odd = memory(9).raw_view::<u16>(1, &[4]).unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { odd.as_slice() }, Err(ViewError::Misaligned { offset: 1, align: 2 }));
    let shape = ViewError::Shape { expected: [4, 4].into(), found: [4, 5].into() };
    assert_eq!(view.reshape(&[4, 5]).unwrap_err(), shape);
    assert_eq!(view.reshape(&[usize::MAX, 2]).unwrap_err(), ViewError::TooLarge);
    assert_eq!(view.reshape(&[1; MAX_DIMS + 1]).unwrap_err().to_string(), {
        "a view of shape [4, 4] does not go with the shape ".to_owned() + &format!("{:?}", [1; MAX_DIMS + 1])
    });
}

#[test]
fn a_part_that_there_is_not_is_refused() {
    let view = counted(&[4, 3]);
    let no_axis = ViewError::NoAxis { axis: 2, dims: 2 };
    assert_eq!(view.index_axis(2, 0).unwrap_err(), no_axis);
    assert_eq!(view.slice_axis(2, .., 1).unwrap_err(), no_axis);
    assert_eq!(view.slice_axis(0, .., 0).unwrap_err(), ViewError::ZeroStep);
    for (start, end) in [(0, 5), (3, 2), (5, 5), (0, usize::MAX), (usize::MAX, usize::MAX)] {
        assert_eq!(
            view.slice_axis(0, start..end, 1).unwrap_err(),
            ViewError::NoRange { axis: 0, start, end, len: 4 }
        );
    }
    assert!(view.slice_axis(0, 0..=usize::MAX, 1).is_err());
    assert!(view.slice_axis(0, ..=4, 1).is_err());
    assert_eq!(view.slice_axis(0, ..=3, 1).unwrap().shape(), [4, 3]);
    assert_eq!(view.slice_axis(0, 4..4, -1).unwrap().shape(), [0, 3]);
    assert_eq!(view.slice_axis(0, .., isize::MIN).unwrap().to_vec(), [9, 10, 11], "one step is enough");
    assert_eq!(view.slice_axis(0, .., isize::MAX).unwrap().to_vec(), [0, 1, 2]);
    let narrow = view.cast::<u32>().unwrap_err();
    assert_eq!(narrow, ViewError::CastLength { from: 2, len: 3, to: 4 });
    assert_eq!(view.transpose().cast::<u8>().unwrap_err(), ViewError::NotContiguous);
}

#[test]
fn a_slice_of_another_length_changes_nothing() {
    let view = counted(&[2, 2]);
    let length = |found| Err(ViewError::Length { expected: 4, found });
    assert_eq!(view.copy_from_slice(&[9; 3]), length(3));
    assert_eq!(view.copy_from_slice(&[9; 5]), length(5));
    let mut slice = [9; 5];
    assert_eq!(view.copy_to_slice(&mut slice), length(5));
    assert_eq!(slice, [9; 5]);
    let other = counted(&[4]);
    let shape = ViewError::Shape { expected: [2, 2].into(), found: [4].into() };
    assert_eq!(view.copy_to_view(&other), Err(shape));
    assert_eq!(view.to_vec(), [0, 1, 2, 3]);
}

#[test]
fn an_error_of_a_view_is_one_of_the_crate() {
    let open = |offset| -> Result<u8, ShmError> {
        let view = memory(4).raw_view::<u8>(offset, &[])?;
        view.read_only().set(&[], 1)?;
        Ok(0)
    };
    assert!(matches!(open(4), Err(ShmError::View(ViewError::OutOfBounds { from: 4, to: 5, len: 4 }))));
    assert!(matches!(open(3), Err(ShmError::ReadOnly)));
}

#[test]
fn it_shows_where_and_not_what() {
    let view = memory(64).raw_view::<f32>(8, &[2, 3]).unwrap();
    view.fill(123.0).unwrap();
    let shown = format!("{view:?}");
    assert_eq!(
        shown,
        "RawView { element: f32, offset: 8, shape: [2, 3], strides: [12, 4], writable: true, .. }"
    );
}

#[test]
#[should_panic(expected = "there is no such thing as a release load")]
fn an_order_that_loads_do_not_have_is_told_as_by_the_standard_library() {
    let view = memory(8).raw_view::<u64>(0, &[]).unwrap();
    let _ = view.read_only().load(&[], Release);
}
