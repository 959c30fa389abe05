//! `#[test]`: the hook as the first line of a test, and the test's path for it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Result};

use crate::function::{Errors, Function};

const NAME: &str = "`#[multiproc::test]`";

/// `item` as a test of the ordinary harness, with the call of `entry::test` in `root` as its first line.
pub(crate) fn expand(args: TokenStream, item: TokenStream, root: Result<TokenStream>) -> Result<TokenStream> {
    let function = Function::parse(item, NAME)?;
    refuse(&args, &function)?;
    let hook = hook(&function.sig.ident, &root?);
    let function = function.with_first_line(&hook);
    // By its full path: a plain `#[test]` could be this very macro, imported.
    Ok(quote!(#[::core::prelude::v1::test] #function))
}

/// The call of the hook with the path by which the harness lists the test, the crate's name in front.
fn hook(test: &Ident, root: &TokenStream) -> TokenStream {
    if test.unraw() == *test {
        return quote! {
            #root::entry::test(::core::concat!(::core::module_path!(), "::", ::core::stringify!(#test)));
        };
    }
    // The harness drops `r#` before what is no keyword in the crate's edition, `stringify!` never does;
    // the path of a module is written as the harness writes the path of a test.
    quote! {
        {
            mod #test {
                pub(super) const PATH: &::core::primitive::str = ::core::module_path!();
            }
            #root::entry::test(#test::PATH);
        }
    }
}

fn refuse(args: &TokenStream, function: &Function) -> Result<()> {
    let mut errors = Errors::default();
    if !args.is_empty() {
        errors.push(args, format!("{NAME} takes no arguments"));
    }
    for attr in function.attrs.iter().filter(|attr| makes_a_test(attr)) {
        errors.push(attr, format!("{NAME} makes this function a test already: remove this attribute"));
    }
    if let Some(token) = &function.sig.asyncness {
        errors.push(
            token,
            format!(
                "{NAME} does not take an `async fn`: remove `async` and start the runtime inside the test"
            ),
        );
    }
    function.refuse_all_but_plain(NAME, &mut errors);
    errors.into_result()
}

/// Whether `attr` is `#[test]`, by whatever path: the standard one, this one, a runtime's.
fn makes_a_test(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: TokenStream) -> String {
        expand(TokenStream::new(), item, Ok(quote!(::multiproc_pool))).unwrap().to_string()
    }

    fn refusals(args: TokenStream, item: TokenStream) -> Vec<String> {
        let errors = expand(args, item, Ok(quote!(::multiproc_pool))).unwrap_err();
        errors.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn the_hook_comes_first_and_the_rest_stays() {
        let expansion = expanded(quote! {
            /// What it shows.
            #[ignore = "slow"]
            #[should_panic(expected = "x")]
            fn sums() -> Result<(), Error> {
                check()?;
                Ok(())
            }
        });
        let expected = quote! {
            #[::core::prelude::v1::test]
            #[allow(clippy::items_after_statements)]
            /// What it shows.
            #[ignore = "slow"]
            #[should_panic(expected = "x")]
            fn sums() -> Result<(), Error> {
                ::multiproc_pool::entry::test(
                    ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sums))
                );
                check()?;
                Ok(())
            }
        };
        assert_eq!(expansion, expected.to_string());
    }

    #[test]
    fn a_raw_name_is_written_by_the_compiler() {
        let expansion = expanded(quote!(
            fn r#type() {}
        ));
        assert!(expansion.contains("mod r#type {"), "{expansion}");
        assert!(!expansion.contains("stringify"), "{expansion}");
    }

    #[test]
    fn every_other_test_attribute_is_refused() {
        for attr in
            [quote!(#[test]), quote!(#[core::prelude::v1::test]), quote!(#[tokio::test(flavor = "x")])]
        {
            assert_eq!(
                refusals(TokenStream::new(), quote!(#[ignore] #attr fn sums() {})),
                ["`#[multiproc::test]` makes this function a test already: remove this attribute"]
            );
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let refusals = refusals(
            quote!(4),
            quote!(
                #[test]
                const async unsafe extern "C" fn start<T>(x: T)
                where
                    T: Copy,
                {
                }
            ),
        );
        let culprits = [
            "no arguments",
            "a test already",
            "`async fn`",
            "`const fn`",
            "`unsafe fn`",
            "`extern \"C\"`",
            "generic",
            "`where`",
            "parameters",
        ];
        assert_eq!(refusals.len(), culprits.len(), "{refusals:#?}");
        for (refusal, culprit) in refusals.iter().zip(culprits) {
            assert!(refusal.contains(culprit), "{refusal:?} does not speak of {culprit}");
        }
    }

    #[test]
    fn only_functions_with_a_body_are_taken() {
        assert_eq!(
            refusals(
                TokenStream::new(),
                quote!(
                    struct Sums;
                )
            ),
            ["`#[multiproc::test]` belongs on a function, and on nothing else"]
        );
    }
}
