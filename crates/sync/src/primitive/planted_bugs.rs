//! Bugs that are planted where models, and kills at every instruction, must find them.

/// Declares the bugs of a crate, an enum `Bug`, and `planted(bug)`, which the line that would have the bug asks.
///
/// In an ordinary build `planted` is a constant `false`. Under the model checker a process has the bug that its environment names by
/// `VARIABLE`; under the cfg `multiproc_planted` the one that it has chosen by `plant`, and its forks too.
#[doc(hidden)]
#[macro_export]
macro_rules! planted_bugs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A bug that a line of this crate would have if it were written wrongly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code)] // some are for models only, others for kills
        pub(crate) enum Bug {
            $($(#[$doc])+ $name,)+
        }

        #[cfg(any(multiproc_loom, multiproc_planted))]
        #[allow(dead_code)] // of the tests
        impl Bug {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|bug| format!("{bug:?}") == name).copied()
            }
        }

        /// Whether the program is to behave as if it had this bug.
        #[cfg(not(any(multiproc_loom, multiproc_planted)))]
        #[inline(always)]
        pub(crate) const fn planted(_: Bug) -> bool {
            false
        }

        /// One more than the number of the bug that was chosen; 0: none.
        #[cfg(all(multiproc_planted, not(multiproc_loom)))]
        static CHOSEN: $crate::primitive::AtomicU32 = $crate::primitive::AtomicU32::new(0);

        /// Whether this bug was chosen.
        #[cfg(all(multiproc_planted, not(multiproc_loom)))]
        #[inline(always)]
        pub(crate) fn planted(bug: Bug) -> bool {
            CHOSEN.load(::std::sync::atomic::Ordering::Relaxed) == bug as u32 + 1
        }

        /// Has this process, and its forks, behave from now on as if it had the bug of this name.
        ///
        /// # Panics
        ///
        /// If there is none of this name.
        #[cfg(all(multiproc_planted, not(multiproc_loom)))]
        #[allow(dead_code, unreachable_pub)] // only some crates are killed
        pub fn plant(name: &str) {
            let bug = Bug::named(name).unwrap_or_else(|| panic!("there is no bug `{name}`"));
            CHOSEN.store(bug as u32 + 1, ::std::sync::atomic::Ordering::Relaxed);
        }

        /// Names the bug that a process is to have.
        #[cfg(multiproc_loom)]
        #[allow(dead_code)] // of the tests
        pub(crate) const VARIABLE: &str = "MULTIPROC_PLANTED";

        /// Whether the environment asks for this bug.
        #[cfg(multiproc_loom)]
        pub(crate) fn planted(bug: Bug) -> bool {
            static CHOSEN: ::std::sync::LazyLock<Option<Bug>> = ::std::sync::LazyLock::new(|| {
                // Another crate's models plant bugs of their own by the same variable.
                Bug::named(&::std::env::var(VARIABLE).ok()?)
            });
            *CHOSEN == Some(bug)
        }
    };
}
