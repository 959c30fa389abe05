//! `ShmEnum`: the number of a variant. `unsafe`: its promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use multiproc_sync::shm_safe::{Layout, ShmPlain, ShmSafe};
use thiserror::Error;

/// An enum without fields whose variants have numbers, so that [`ShmEnum`] can hold it. Derive it.
///
/// Nothing that an implementation says wrongly is unsafe: a number that it does not know is an error to the reader.
#[diagnostic::on_unimplemented(
    message = "the variants of `{Self}` have no numbers for shared memory",
    label = "not `ShmVariants`",
    note = "write `#[repr(u8)]` and `#[derive(ShmVariants)]` above an enum whose variants have no fields"
)]
pub trait ShmVariants: Sized + 'static {
    /// What the numbers are, the `repr` of the enum.
    type Number: ShmPlain + Copy + Eq + Hash + Send + Sync + Into<i128>;

    /// Its name, which is part of the layout.
    const NAME: &'static str;

    /// The variants' names and numbers, which are part of the layout.
    const VARIANTS: &'static [(&'static str, i128)];

    /// The number of this variant.
    fn into_number(self) -> Self::Number;

    /// The variant of this number, if there is one.
    fn from_number(number: Self::Number) -> Option<Self>;
}

/// An enum that may lie in shared memory: the number of its variant, which may be any, and of which reading tells whether it is one.
///
/// The enum has no fields, a `repr` of a certain width, and derives [`ShmVariants`]. The names and numbers of its variants are part of
/// the layout: of two builds that have changed them, one refuses the other's segment, by
/// [`LayoutMismatch`](crate::ShmError::LayoutMismatch).
///
/// It is a plain number, to be changed behind a lock. Of zeros it is the variant with the number 0, where there is one.
///
/// # Death
///
/// One aligned store sets it: a process that dies leaves the old variant or the new one.
///
/// # Cost
///
/// That of the number; reading compares it with those of the variants.
///
/// ```
/// use multiproc_shm::{Shared, ShmEnum, ShmVariants};
/// use multiproc_sync::Mutex;
///
/// #[derive(Debug, PartialEq, ShmVariants)]
/// #[repr(u8)]
/// enum Phase {
///     Starting,
///     Running,
///     Ending = 9,
/// }
///
/// let phase = Shared::new(Mutex::new(ShmEnum::new(Phase::Starting)))?;
/// phase.lock().unwrap().set(Phase::Ending);
/// assert_eq!(phase.lock().unwrap().get()?, Phase::Ending);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct ShmEnum<E: ShmVariants> {
    number: E::Number,
    variant: PhantomData<fn() -> E>,
}

/// What stands in the place of a variant is the number of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{number} is the number of no variant of `{name}`: the memory was damaged, or is zeroed and no variant is 0; set one anew"
)]
#[non_exhaustive]
pub struct UnknownVariant {
    /// Of the enum.
    pub name: &'static str,
    /// What stands there.
    pub number: i128,
}

impl<E: ShmVariants> ShmEnum<E> {
    /// This variant.
    #[inline]
    pub fn new(value: E) -> Self {
        Self { number: value.into_number(), variant: PhantomData }
    }

    /// The variant that stands there.
    ///
    /// # Errors
    ///
    /// [`UnknownVariant`] if the number is of none.
    #[inline]
    pub fn get(&self) -> Result<E, UnknownVariant> {
        E::from_number(self.number)
            .ok_or_else(|| UnknownVariant { name: E::NAME, number: self.number.into() })
    }

    /// Puts this variant there.
    #[inline]
    pub fn set(&mut self, value: E) {
        self.number = value.into_number();
    }
}

impl<E: ShmVariants> From<E> for ShmEnum<E> {
    fn from(value: E) -> Self {
        Self::new(value)
    }
}

impl<E: ShmVariants + Default> Default for ShmEnum<E> {
    fn default() -> Self {
        Self::new(E::default())
    }
}

impl<E: ShmVariants> Clone for ShmEnum<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: ShmVariants> Copy for ShmEnum<E> {}

/// Whether the numbers are equal.
impl<E: ShmVariants> PartialEq for ShmEnum<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E: ShmVariants> Eq for ShmEnum<E> {}

impl<E: ShmVariants> Hash for ShmEnum<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<E: ShmVariants> fmt::Debug for ShmEnum<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number: i128 = self.number.into();
        match E::VARIANTS.iter().find(|(_, of_it)| *of_it == number) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "<{} {number}>", E::NAME),
        }
    }
}

// SAFETY: `repr(transparent)` over a number that is `ShmSafe`, and part of the layout.
unsafe impl<E: ShmVariants> ShmSafe for ShmEnum<E> {
    const LAYOUT: Layout = {
        let layout = Layout::named("multiproc_shm::ShmEnum/1").with::<E::Number>();
        let mut layout = layout.with_number(E::NAME, E::VARIANTS.len() as i128);
        let mut at = 0;
        while at < E::VARIANTS.len() {
            let (name, number) = E::VARIANTS[at];
            layout = layout.with_number(name, number);
            at += 1;
        }
        layout
    };
}
// SAFETY: holds no lock, as the number holds none.
unsafe impl<E: ShmVariants> ShmPlain for ShmEnum<E> {}
