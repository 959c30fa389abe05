//! The macros of multiproc: its entry hook as an attribute, [`#[main]`](macro@main) for programs and
//! [`#[test]`](macro@test) for tests; and [`#[derive(ShmSafe)]`](derive@ShmSafe) for what lies in shared memory, with
//! [`#[derive(ShmVariants)]`](derive@ShmVariants) for enums there.
//!
//! A child of multiproc is the same program, started anew. It must enter the hook before it does anything else, or it
//! would do its parent's work a second time. The attributes write the hook into the first line of a function, and
//! refuse what would let something else come first. The function's body is left alone: `return`, `?`, line numbers
//! and compile errors stay as they are.
//!
//! They work with `multiproc` and with `multiproc-pool` alone, under whatever name Cargo.toml gives to the one that
//! the crate depends on; `multiproc` is preferred where both are there.
#![forbid(unsafe_code)]

mod function;
mod main_fn;
mod root;
mod shm_enum;
mod shm_field;
mod shm_safe;
mod test_fn;

use proc_macro::TokenStream;

/// Puts the entry hook, `multiproc::init()`, in the first line of `fn main`.
///
/// In a program that the user has started the hook does nothing. In a worker process it never returns: nothing
/// below it runs there.
///
/// # Together with other attributes
///
/// Attributes are applied from the first to the last. What starts a runtime is written above, so that the hook comes
/// before the runtime:
///
/// ```ignore
/// #[tokio::main]
/// #[multiproc::main]
/// async fn main() {}
/// ```
///
/// # When to call `init()` by hand
///
/// If something must come before it (which then runs in every worker as well), or if `main` is not a Rust function.
///
/// # Examples
///
/// ```
/// use multiproc_pool::Process;
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// #[multiproc_macros::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let process = Process::spawn(square, 12)?;
///     assert_eq!(process.join()?, 144);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    expanded(main_fn::expand, args, item)
}

/// A test of the ordinary harness that may start processes.
///
/// It takes the place of `#[test]` and goes with `#[ignore]`, `#[should_panic]` and tests that return `Result`. A
/// worker process is the test binary, told to run this one test, whose first line it never gets past.
///
/// An `async` test needs its runtime started inside the function: what comes before the function's first line would
/// run in every worker.
///
/// # Examples
///
/// ```test_harness
/// use multiproc_pool::Process;
///
/// #[multiproc_macros::test]
/// fn squares_are_computed_elsewhere() -> Result<(), Box<dyn std::error::Error>> {
///     let process = Process::spawn(|n: u64| (n * n, std::process::id()), 12)?;
///     let (square, pid) = process.join()?;
///     assert_eq!(square, 144);
///     assert_ne!(pid, std::process::id());
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    expanded(test_fn::expand, args, item)
}

/// Says that a struct may lie in shared memory: `ShmSafe`, and `ShmPlain` too if all of its fields are.
///
/// The struct is `#[repr(C)]` or `#[repr(transparent)]`, has no `Drop`, and each field is `ShmSafe` itself: a number, an
/// atomic, a lock, an array of such, a struct with this derive. Padding is fine. Type parameters get the bound `ShmSafe`.
///
/// What it refuses has bytes that are no value, or that mean nothing in another process:
///
/// | refused | instead |
/// |---|---|
/// | `bool` | `ShmBool`, `AtomicU8` |
/// | `char` | `ShmChar` |
/// | enums | `ShmEnum`, with [`#[derive(ShmVariants)]`](derive@ShmVariants) above the enum |
/// | `Option` | `ShmOption` |
/// | `NonZero` | the plain number |
/// | references, pointers, `Box`, `Vec`, `String` | an index; an array of a fixed length |
/// | tuples | a struct |
///
/// The derive writes `unsafe impl`s, which it checks; a crate that forbids `unsafe_code` (rather than denies it) has its shared
/// types elsewhere.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicU32;
/// use multiproc_shm::{Shared, ShmSafe};
/// use multiproc_sync::Mutex;
///
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Pair<T> {
///     left: T,
///     right: T,
/// }
///
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Board {
///     players: AtomicU32,
///     score: Mutex<Pair<u64>>,
/// }
///
/// let score = Mutex::new(Pair { left: 1, right: 2 });
/// let board = Shared::new(Board { players: AtomicU32::new(2), score })?;
/// let mut score = board.score.lock().unwrap();
/// score.left += score.right;
/// assert_eq!(score.left, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A generic struct with a `Drop` is found out where it is used:
///
/// ```compile_fail,E0080
/// # use multiproc_shm::{Shared, ShmSafe};
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Drops<T: ShmSafe>(T);
///
/// impl<T: ShmSafe> Drop for Drops<T> {
///     fn drop(&mut self) {}
/// }
///
/// let refused = Shared::new(Drops(7_u64));
/// ```
#[proc_macro_derive(ShmSafe)]
pub fn derive_shm_safe(item: TokenStream) -> TokenStream {
    let expansion = syn::parse(item).and_then(|input| shm_safe::expand(&input, root::shm_safe()));
    expansion.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Numbers the variants of an enum, so that `ShmEnum` may hold it in shared memory.
///
/// The enum has no fields and no parameters, and is `#[repr(u8)]`, or of another number that is as wide everywhere: `u16`, `u32`, `u64`,
/// `i8`, `i16`, `i32`, `i64`. The names and numbers of its variants become part of the layout, so that two builds that have other ones do
/// not take one variant for another.
///
/// # Examples
///
/// ```
/// use multiproc_shm::{Shared, ShmEnum, ShmSafe, ShmVariants};
/// use multiproc_sync::Mutex;
///
/// #[derive(Debug, PartialEq, ShmVariants)]
/// #[repr(u8)]
/// enum State {
///     Waiting,
///     Running,
///     Done,
/// }
///
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Job {
///     number: u64,
///     state: ShmEnum<State>,
/// }
///
/// let job = Shared::new(Mutex::new(Job { number: 7, state: State::Waiting.into() }))?;
/// job.lock().unwrap().state.set(State::Done);
/// assert_eq!(job.lock().unwrap().state.get(), Ok(State::Done));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[proc_macro_derive(ShmVariants)]
pub fn derive_shm_variants(item: TokenStream) -> TokenStream {
    let expansion = syn::parse(item).and_then(|input| shm_enum::expand(&input, root::shm_variants()));
    expansion.unwrap_or_else(syn::Error::into_compile_error).into()
}

type Expand = fn(
    proc_macro2::TokenStream,
    proc_macro2::TokenStream,
    syn::Result<proc_macro2::TokenStream>,
) -> syn::Result<proc_macro2::TokenStream>;

/// What `expand` gives; or its errors, and the item as it was, so that what names it still resolves.
fn expanded(expand: Expand, args: TokenStream, item: TokenStream) -> TokenStream {
    match expand(args.into(), item.clone().into(), root::root()) {
        Ok(expansion) => expansion.into(),
        Err(errors) => {
            let mut output = TokenStream::from(errors.into_compile_error());
            output.extend(item);
            output
        }
    }
}

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
