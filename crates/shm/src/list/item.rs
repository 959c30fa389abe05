//! `Item`: what a list may hold.

/// A value in a [`SharedList`](super::SharedList): one of the six types that CPython's list takes.
///
/// Two are equal if type and value are, where Python has `1 == 1.0 == True`. `NaN` equals nothing, as in Rust and in Python.
/// Python's integers know no bounds; those of a list are 64 bits long on both sides.
///
/// ```
/// use multiproc_shm::list::Item;
///
/// assert_eq!(Item::from(7), Item::Int(7));
/// assert_eq!(Item::from("seven"), Item::Str("seven".to_owned()));
/// assert_eq!(Item::from(None::<f64>), Item::None);
/// assert_ne!(Item::from(1), Item::from(true));
/// assert_eq!(Item::try_from("seven".len())?, Item::Int(5));
/// assert!(Item::try_from(u64::MAX).is_err());
/// assert_ne!(Item::from(f64::NAN), Item::from(f64::NAN));
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Python's `int`, as far as it fits.
    Int(i64),
    /// Python's `float`.
    Float(f64),
    /// Python's `bool`.
    Bool(bool),
    /// Python's `str`. It can't end in a zero byte: [`TrailingNul`](super::ListError::TrailingNul).
    Str(String),
    /// Python's `bytes`. They can't end in a zero byte: [`TrailingNul`](super::ListError::TrailingNul).
    Bytes(Vec<u8>),
    /// Python's `None`.
    None,
}

macro_rules! from {
    ($variant:ident: $($number:ty),*) => {$(
        impl From<$number> for Item {
            fn from(value: $number) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(Int: i8, i16, i32, i64, u8, u16, u32);
from!(Float: f32, f64);
from!(Bool: bool);
from!(Str: String, &str, char, Box<str>);
from!(Bytes: Vec<u8>, &[u8], Box<[u8]>);

impl From<isize> for Item {
    fn from(value: isize) -> Self {
        Self::Int(value as i64) // of 64 bits at most, on every machine there is
    }
}

/// Those of which not every value fits: `len.try_into()?`.
macro_rules! try_from {
    ($($number:ty),*) => {$(
        impl TryFrom<$number> for Item {
            type Error = std::num::TryFromIntError;

            fn try_from(value: $number) -> Result<Self, Self::Error> {
                i64::try_from(value).map(Self::Int)
            }
        }
    )*};
}
try_from!(u64, usize, i128, u128);

impl<const LEN: usize> From<&[u8; LEN]> for Item {
    fn from(bytes: &[u8; LEN]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Item {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
