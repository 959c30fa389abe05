//! Shared arrays as those of the crate `ndarray`.

use std::sync::atomic::Ordering::Relaxed;

use multiproc_shm::{MAX_DIMS, SharedArray, ShmError, ViewError};
use ndarray::{Array, Array3, ArrayD, Axis, IxDyn, arr0, array, s};

#[test]
fn any_array_comes_back_equal_with_its_shape() {
    let cube = Array3::from_shape_fn((3, 4, 5), |(i, j, k)| (100 * i + 10 * j + k) as u32);
    let shared = SharedArray::from_array(&cube).unwrap();
    assert_eq!(shared.shape(), [3, 4, 5]);
    assert_eq!(shared.read().unwrap().view(), cube.view().into_dyn());
    assert_eq!(shared.get(20 + 5 + 1).unwrap(), Some(cube[[1, 1, 1]]));
    // Whatever the order of its elements in memory.
    for view in
        [cube.slice(s![.., ..;2, 1..]), cube.slice(s![..;-1, .., ..]), cube.view().permuted_axes([2, 0, 1])]
    {
        let shared = SharedArray::from_array(&view).unwrap();
        assert_eq!(shared.read().unwrap().view(), view.into_dyn());
    }
}

#[test]
fn shapes_at_the_edges() {
    let one = SharedArray::from_array(&arr0(7_u8)).unwrap();
    assert_eq!(
        (one.shape(), one.read().unwrap().view().into_dimensionality().unwrap()),
        (&[][..], arr0(7_u8).view())
    );
    let none = SharedArray::from_array(&Array::<u8, _>::zeros((3, 0, 2))).unwrap();
    assert_eq!((none.len(), none.read().unwrap().view().shape()), (0, &[3, 0, 2][..]));
    let most = ArrayD::<u8>::zeros(IxDyn(&[1; MAX_DIMS]));
    assert_eq!(SharedArray::from_array(&most).unwrap().read().unwrap().view(), most);
    let error = SharedArray::from_array(&ArrayD::<u8>::zeros(IxDyn(&[1; MAX_DIMS + 1]))).unwrap_err();
    assert!(matches!(error, ShmError::View(ViewError::TooManyDims { .. })), "{error}");
    // One that `ndarray` could not show is none.
    let error = SharedArray::<u16>::with_shape(&[usize::MAX / 2, 0]).unwrap_err();
    assert!(matches!(error, ShmError::View(ViewError::TooLarge)), "{error}");
    let widest = SharedArray::<u16>::with_shape(&[isize::MAX as usize / 2, 0]).unwrap();
    assert!(widest.read().unwrap().view().is_empty());
}

#[test]
fn what_is_written_through_a_view_is_in_the_array() {
    let shared = SharedArray::from_array(&array![[1, 2], [3, 4]]).unwrap();
    let mut held = shared.write().unwrap();
    held.view_mut().index_axis_mut(Axis(1), 0).fill(0);
    assert_eq!(held.view(), array![[0, 2], [0, 4]].into_dyn());
    drop(held);
    assert_eq!(shared.to_vec().unwrap(), [0, 2, 0, 4]);
}

#[test]
fn atomics_and_parts_have_views() {
    let counts = SharedArray::<u64>::with_shape(&[2, 2]).unwrap().into_atomics().unwrap();
    counts.view()[[1, 0]].store(9, Relaxed);
    let mut split = counts.into_locked().unwrap().split(2).unwrap();
    let mut last = split.take(1).unwrap().unwrap();
    last.view_mut().map_inplace(|element| *element += 1);
    assert_eq!(last.read().view(), array![10, 1]);
    drop(last);
    let joined = split.join().unwrap();
    assert_eq!(joined.read().unwrap().view(), array![[0, 0], [10, 1]].into_dyn());
}
