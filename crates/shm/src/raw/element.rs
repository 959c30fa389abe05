//! What a view may have as elements, and how one is reached. `unsafe`: accesses by address.
//!
//! Every access is atomic, so that no write of anybody is a data race. Accesses of several widths may meet in the same bytes: a
//! stranger's, and those of views of other types. Rust's own rules for atomics leave that out; what holds here is what LLVM and
//! the machines say of it: each byte that is read was written by one of those who wrote there.
#![allow(unsafe_code)]

use std::array;
use std::sync::atomic::Ordering::{self, Relaxed};
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};

/// What a [`RawView`](super::RawView) may have as elements: numbers of 1, 2, 4 or 8 bytes, in this machine's byte order.
///
/// Any bytes are one of their values, so that it does not matter who wrote them. `bool` and `char` are none for that reason:
/// read `u8`, `u32`, and look at the value. Nobody else can implement it.
///
/// ```
/// use multiproc_shm::{RawElement, SharedMemory};
///
/// fn sum<T: RawElement + std::iter::Sum>(memory: &SharedMemory) -> T {
///     memory.raw_view::<T>(0, &[2]).unwrap().iter().sum()
/// }
/// let memory = SharedMemory::anonymous(64)?;
/// memory.raw_view(0, &[2])?.copy_from_slice(&[0.5, 0.25])?;
/// assert_eq!(sum::<f64>(&memory), 0.75);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "numpy.dtype")]
pub trait RawElement: Access {}

/// Those elements that can be counted with: all but `f32` and `f64`.
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// use multiproc_shm::{RawInteger, RawView, ViewError};
///
/// fn draw<T: RawInteger>(tickets: &RawView<T>, one: T) -> Result<T, ViewError> {
///     tickets.fetch_add(&[], one, Relaxed)
/// }
/// let tickets = multiproc_shm::SharedMemory::anonymous(64)?.raw_view::<u32>(0, &[])?;
/// assert_eq!((draw(&tickets, 1)?, draw(&tickets, 1)?), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait RawInteger: RawElement + Arithmetic {}

/// How an element is read and written.
///
/// # Safety
///
/// Of every function: the element lies in memory that is mapped, for writing too unless it is only loaded, and that nobody has
/// a reference to. It is aligned to its size, but for the functions on bytes. In memory that is mapped for reading only, loads are
/// `Relaxed`.
pub trait Access: Copy + Send + Sync + std::fmt::Debug + 'static {
    const NAME: &'static str;

    unsafe fn load(at: *mut Self, order: Ordering) -> Self;
    unsafe fn store(at: *mut Self, value: Self, order: Ordering);
    unsafe fn swap(at: *mut Self, value: Self, order: Ordering) -> Self;
    unsafe fn compare_exchange(
        at: *mut Self,
        current: Self,
        new: Self,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self, Self>;

    unsafe fn load_bytes(at: *mut Self) -> Self;
    unsafe fn store_bytes(at: *mut Self, value: Self);
}

/// The atomic that an element is reached by.
///
/// # Safety
///
/// As [`Access`].
trait Place: Sized {
    type Atomic;

    unsafe fn atomic<'m>(at: *mut Self) -> &'m Self::Atomic;
}

/// How an integer is counted with. Sums wrap.
///
/// # Safety
///
/// As [`Access`].
pub trait Arithmetic: Access {
    unsafe fn fetch_add(at: *mut Self, value: Self, order: Ordering) -> Self;
    unsafe fn fetch_sub(at: *mut Self, value: Self, order: Ordering) -> Self;
    unsafe fn fetch_and(at: *mut Self, value: Self, order: Ordering) -> Self;
    unsafe fn fetch_or(at: *mut Self, value: Self, order: Ordering) -> Self;
    unsafe fn fetch_xor(at: *mut Self, value: Self, order: Ordering) -> Self;
}

/// An element that an atomic holds as `into` gives it; `from` is the way back.
macro_rules! element {
    ($type:ident, $atomic:ident, $into:expr, $from:expr) => {
        impl Place for $type {
            type Atomic = $atomic;

            #[inline]
            unsafe fn atomic<'m>(at: *mut Self) -> &'m $atomic {
                debug_assert!(
                    at.addr().is_multiple_of(size_of::<Self>()),
                    "{at:p} is no place for a {}",
                    Self::NAME
                );
                // SAFETY: mapped and aligned, says the caller; all accesses are atomic.
                unsafe { $atomic::from_ptr(at.cast()) }
            }
        }

        // An atomic is aligned to its size, and so are elements, also where the type itself is not.
        const _: () = assert!(align_of::<$atomic>() == size_of::<$type>());

        impl RawElement for $type {}

        impl Access for $type {
            const NAME: &'static str = stringify!($type);

            #[inline]
            unsafe fn load(at: *mut Self, order: Ordering) -> Self {
                // SAFETY: by the caller.
                $from(unsafe { Self::atomic(at) }.load(order))
            }

            #[inline]
            unsafe fn store(at: *mut Self, value: Self, order: Ordering) {
                // SAFETY: by the caller, mapped for writing too.
                unsafe { Self::atomic(at) }.store($into(value), order);
            }

            #[inline]
            unsafe fn swap(at: *mut Self, value: Self, order: Ordering) -> Self {
                // SAFETY: as above.
                $from(unsafe { Self::atomic(at) }.swap($into(value), order))
            }

            #[inline]
            unsafe fn compare_exchange(
                at: *mut Self,
                current: Self,
                new: Self,
                success: Ordering,
                failure: Ordering,
            ) -> Result<Self, Self> {
                // SAFETY: as above.
                let atomic = unsafe { Self::atomic(at) };
                let found = atomic.compare_exchange($into(current), $into(new), success, failure);
                found.map($from).map_err($from)
            }

            #[inline]
            unsafe fn load_bytes(at: *mut Self) -> Self {
                let bytes = at.cast::<u8>();
                Self::from_ne_bytes(array::from_fn(|byte| {
                    // SAFETY: a byte of the element, which is mapped; a byte is always aligned.
                    unsafe { u8::load(bytes.add(byte), Relaxed) }
                }))
            }

            #[inline]
            unsafe fn store_bytes(at: *mut Self, value: Self) {
                let bytes = at.cast::<u8>();
                for (byte, value) in value.to_ne_bytes().into_iter().enumerate() {
                    // SAFETY: as above, and mapped for writing.
                    unsafe { u8::store(bytes.add(byte), value, Relaxed) };
                }
            }
        }
    };
}

macro_rules! integers {
    ($($type:ident $atomic:ident,)*) => {$(
        element!($type, $atomic, std::convert::identity, std::convert::identity);

        impl RawInteger for $type {}

        impl Arithmetic for $type {
            integers!(@ fetch_add fetch_sub fetch_and fetch_or fetch_xor);
        }
    )*};
    (@ $($operation:ident)*) => {$(
        #[inline]
        unsafe fn $operation(at: *mut Self, value: Self, order: Ordering) -> Self {
            // SAFETY: by the caller, mapped for writing too.
            unsafe { Self::atomic(at) }.$operation(value, order)
        }
    )*};
}

integers! {
    u8 AtomicU8,
    u16 AtomicU16,
    u32 AtomicU32,
    u64 AtomicU64,
    usize AtomicUsize,
    i8 AtomicI8,
    i16 AtomicI16,
    i32 AtomicI32,
    i64 AtomicI64,
    isize AtomicIsize,
}
element!(f32, AtomicU32, f32::to_bits, f32::from_bits);
element!(f64, AtomicU64, f64::to_bits, f64::from_bits);
