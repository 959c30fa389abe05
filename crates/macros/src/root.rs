//! Where things are: the path, in the crate that is compiled, of the crate of ours that has them.

use proc_macro_crate::{Error, FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// What a macro looks for.
struct Sought {
    /// The packages that have it, in order of preference, and the module in each.
    packages: &'static [(&'static str, Option<&'static str>)],
    /// What to do if Cargo.toml cannot be understood.
    instead: &'static str,
    /// What to do if none of the packages is there.
    missing: &'static str,
}

const HOOKS: Sought = Sought {
    packages: &[("multiproc", None), ("multiproc-pool", None)],
    instead: "Instead of `#[multiproc::main]`, call `multiproc::init()` in the first line of `main`",
    missing: "this crate depends neither on `multiproc` nor on `multiproc-pool`: add one to [dependencies] in its \
              Cargo.toml, as `cargo add multiproc` does",
};

const SHM_SAFE: Sought = Sought {
    packages: &[("multiproc", Some("shm")), ("multiproc-shm", None), ("multiproc-sync", Some("shm_safe"))],
    instead: "Instead of `#[derive(ShmSafe)]`, implement the trait by hand",
    missing: "this crate depends on none of `multiproc`, `multiproc-shm` and `multiproc-sync`: add one to \
              [dependencies] in its Cargo.toml, as `cargo add multiproc` does",
};

const SHM_VARIANTS: Sought = Sought {
    packages: &[("multiproc", Some("shm")), ("multiproc-shm", None)],
    instead: "Instead of `#[derive(ShmVariants)]`, implement the trait by hand",
    missing: "this crate depends neither on `multiproc` nor on `multiproc-shm`: add one to [dependencies] in its \
              Cargo.toml, as `cargo add multiproc` does",
};

/// The path of the crate with the hooks, or what to do so that there is one.
pub(crate) fn root() -> syn::Result<TokenStream> {
    find(&HOOKS, crate_name)
}

/// The path of the module with `ShmSafe`, or what to do so that there is one.
pub(crate) fn shm_safe() -> syn::Result<TokenStream> {
    find(&SHM_SAFE, crate_name)
}

/// The path of the module with `ShmVariants`, or what to do so that there is one.
pub(crate) fn shm_variants() -> syn::Result<TokenStream> {
    find(&SHM_VARIANTS, crate_name)
}

fn find(sought: &Sought, look_up: impl Fn(&str) -> Result<FoundCrate, Error>) -> syn::Result<TokenStream> {
    for (package, module) in sought.packages {
        let name = match look_up(package) {
            Ok(FoundCrate::Name(name)) => name,
            // The crate's own tests, examples and doctests; its unit tests have `extern crate self as …`.
            Ok(FoundCrate::Itself) => package.replace('-', "_"),
            Err(Error::CrateNotFound { .. }) => continue,
            Err(other) => {
                let instead = sought.instead;
                return Err(refusal(&format!(
                    "cannot tell by which name this crate knows `multiproc`: {other} {instead}"
                )));
            }
        };
        if syn::parse_str::<Ident>(&name).is_err() {
            return Err(refusal(&format!(
                "Cargo.toml calls `{package}` `{name}`, by which no path can name it: choose another name"
            )));
        }
        let name = Ident::new(&name, Span::call_site());
        let module = module.map(|module| Ident::new(module, Span::call_site())).into_iter();
        return Ok(quote!(::#name #(::#module)*));
    }
    Err(refusal(sought.missing))
}

fn refusal(message: &str) -> syn::Error {
    syn::Error::new(Span::call_site(), message)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn missing(package: &str) -> Result<FoundCrate, Error> {
        Err(Error::CrateNotFound { crate_name: package.to_owned(), path: PathBuf::from("Cargo.toml") })
    }

    fn found(path: TokenStream) -> String {
        path.to_string()
    }

    #[test]
    fn the_facade_is_preferred() {
        let root = find(&HOOKS, |package| Ok(FoundCrate::Name(package.replace('-', "_")))).unwrap();
        assert_eq!(found(root), found(quote!(::multiproc)));
    }

    #[test]
    fn the_pool_alone_is_enough_and_may_be_renamed() {
        let root = find(&HOOKS, |package| match package {
            "multiproc-pool" => Ok(FoundCrate::Name("procs".to_owned())),
            other => missing(other),
        })
        .unwrap();
        assert_eq!(found(root), found(quote!(::procs)));
    }

    #[test]
    fn the_pool_itself_goes_by_its_outer_name() {
        let root = find(&HOOKS, |package| match package {
            "multiproc-pool" => Ok(FoundCrate::Itself),
            other => missing(other),
        })
        .unwrap();
        assert_eq!(found(root), found(quote!(::multiproc_pool)));
    }

    #[test]
    fn a_crate_with_neither_is_told_what_to_add() {
        let error = find(&HOOKS, missing).unwrap_err().to_string();
        assert!(error.contains("`cargo add multiproc`"), "{error}");
    }

    #[test]
    fn the_trait_is_found_in_each_of_its_crates() {
        for (package, path) in [
            ("multiproc", quote!(::mp::shm)),
            ("multiproc-shm", quote!(::mp)),
            ("multiproc-sync", quote!(::mp::shm_safe)),
        ] {
            let root = find(&SHM_SAFE, |asked| {
                if asked == package { Ok(FoundCrate::Name("mp".to_owned())) } else { missing(asked) }
            });
            assert_eq!(found(root.unwrap()), found(path));
        }
        assert!(find(&SHM_SAFE, missing).unwrap_err().to_string().contains("`multiproc-sync`"));
    }

    #[test]
    fn the_trait_of_enums_is_found_in_each_of_its_crates() {
        for (package, path) in [("multiproc", quote!(::mp::shm)), ("multiproc-shm", quote!(::mp))] {
            let root = find(&SHM_VARIANTS, |asked| {
                if asked == package { Ok(FoundCrate::Name("mp".to_owned())) } else { missing(asked) }
            });
            assert_eq!(found(root.unwrap()), found(path));
        }
        let alone = find(&SHM_VARIANTS, |asked| match asked {
            "multiproc-sync" => Ok(FoundCrate::Itself),
            other => missing(other),
        });
        assert!(alone.unwrap_err().to_string().contains("`multiproc-shm`"), "sync has no such trait");
    }

    #[test]
    fn another_failure_is_passed_on() {
        let error = find(&HOOKS, |_| Err(Error::CargoManifestDirNotSet)).unwrap_err().to_string();
        assert!(error.contains("CARGO_MANIFEST_DIR"), "{error}");
    }

    #[test]
    fn a_name_that_is_no_identifier_is_refused() {
        let error = find(&HOOKS, |_| Ok(FoundCrate::Name("2procs".to_owned()))).unwrap_err().to_string();
        assert!(error.contains("`2procs`"), "{error}");
    }
}
