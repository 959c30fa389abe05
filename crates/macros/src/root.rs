//! Where the hooks are: the path of `multiproc`, or of `multiproc-pool`, in the crate that is compiled.

use proc_macro_crate::{Error, FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The packages that have the hooks, in order of preference.
const PACKAGES: [&str; 2] = ["multiproc", "multiproc-pool"];

/// The path of the crate with the hooks, or what to do so that there is one.
pub(crate) fn root() -> syn::Result<TokenStream> {
    find(crate_name)
}

fn find(look_up: impl Fn(&str) -> Result<FoundCrate, Error>) -> syn::Result<TokenStream> {
    for package in PACKAGES {
        let name = match look_up(package) {
            Ok(FoundCrate::Name(name)) => name,
            // The crate's own tests, examples and doctests; its unit tests have `extern crate self as …`.
            Ok(FoundCrate::Itself) => package.replace('-', "_"),
            Err(Error::CrateNotFound { .. }) => continue,
            Err(other) => {
                return Err(refusal(&format!(
                    "cannot tell by which name this crate knows `multiproc`: {other} Instead of \
                     `#[multiproc::main]`, call `multiproc::init()` in the first line of `main`"
                )));
            }
        };
        if syn::parse_str::<Ident>(&name).is_err() {
            return Err(refusal(&format!(
                "Cargo.toml calls `{package}` `{name}`, by which no path can name it: choose another name"
            )));
        }
        let name = Ident::new(&name, Span::call_site());
        return Ok(quote!(::#name));
    }
    Err(refusal(
        "this crate depends neither on `multiproc` nor on `multiproc-pool`: add one to [dependencies] in its \
         Cargo.toml, as `cargo add multiproc` does",
    ))
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
        let root = find(|package| Ok(FoundCrate::Name(package.replace('-', "_")))).unwrap();
        assert_eq!(found(root), found(quote!(::multiproc)));
    }

    #[test]
    fn the_pool_alone_is_enough_and_may_be_renamed() {
        let root = find(|package| match package {
            "multiproc-pool" => Ok(FoundCrate::Name("procs".to_owned())),
            other => missing(other),
        })
        .unwrap();
        assert_eq!(found(root), found(quote!(::procs)));
    }

    #[test]
    fn the_pool_itself_goes_by_its_outer_name() {
        let root = find(|package| match package {
            "multiproc-pool" => Ok(FoundCrate::Itself),
            other => missing(other),
        })
        .unwrap();
        assert_eq!(found(root), found(quote!(::multiproc_pool)));
    }

    #[test]
    fn a_crate_with_neither_is_told_what_to_add() {
        let error = find(missing).unwrap_err().to_string();
        assert!(error.contains("`cargo add multiproc`"), "{error}");
    }

    #[test]
    fn another_failure_is_passed_on() {
        let error = find(|_| Err(Error::CargoManifestDirNotSet)).unwrap_err().to_string();
        assert!(error.contains("CARGO_MANIFEST_DIR"), "{error}");
    }

    #[test]
    fn a_name_that_is_no_identifier_is_refused() {
        let error = find(|_| Ok(FoundCrate::Name("2procs".to_owned()))).unwrap_err().to_string();
        assert!(error.contains("`2procs`"), "{error}");
    }
}
