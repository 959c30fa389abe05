//! `#[main]`: the hook as the first line of a program.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::function::{Errors, Function};

const NAME: &str = "`#[multiproc::main]`";

/// `item`, with the call of `init` in `root` as its first line.
pub(crate) fn expand(args: TokenStream, item: TokenStream, root: Result<TokenStream>) -> Result<TokenStream> {
    let function = Function::parse(item, NAME)?;
    refuse(&args, &function)?;
    let root = root?;
    Ok(function.with_first_line(&quote!(#root::init();)))
}

fn refuse(args: &TokenStream, function: &Function) -> Result<()> {
    let mut errors = Errors::default();
    if !args.is_empty() {
        errors.push(args, format!("{NAME} takes no arguments"));
    }
    let sig = &function.sig;
    if sig.ident != "main" {
        errors.push(
            &sig.ident,
            format!("{NAME} belongs on `fn main`: a worker must not get past the first line of its program"),
        );
    }
    if let Some(token) = &sig.asyncness {
        errors.push(
            token,
            format!(
                "{NAME} does not take an `async fn`: the runtime would start before the hook runs; write \
                 the runtime's attribute first, `#[tokio::main]` above {NAME}"
            ),
        );
    }
    function.refuse_all_but_plain(NAME, &mut errors);
    errors.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: TokenStream) -> String {
        expand(TokenStream::new(), item, Ok(quote!(::multiproc))).unwrap().to_string()
    }

    fn refusals(args: TokenStream, item: TokenStream) -> Vec<String> {
        let errors = expand(args, item, Ok(quote!(::multiproc))).unwrap_err();
        errors.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn the_hook_comes_first_and_the_rest_stays() {
        let expansion = expanded(quote! {
            /// What it does.
            #[cfg(unix)]
            pub(crate) fn main() -> std::process::ExitCode {
                #![allow(unused_variables)]
                let x = 1;
                std::process::ExitCode::SUCCESS
            }
        });
        let expected = quote! {
            #[allow(clippy::items_after_statements)]
            /// What it does.
            #[cfg(unix)]
            pub(crate) fn main() -> std::process::ExitCode {
                #![allow(unused_variables)]
                ::multiproc::init();
                let x = 1;
                std::process::ExitCode::SUCCESS
            }
        };
        assert_eq!(expansion, expected.to_string());
    }

    #[test]
    fn what_is_wrong_in_the_body_is_left_to_the_compiler() {
        let expansion = expanded(quote!(fn main() { let x = ; }));
        assert!(expansion.ends_with(&quote!(fn main() { ::multiproc::init(); let x = ; }).to_string()));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let refusals = refusals(
            quote!(workers = 4),
            quote!(
                const async unsafe extern "C" fn start<T>(x: T)
                where
                    T: Copy,
                {
                }
            ),
        );
        let culprits = [
            "no arguments",
            "belongs on `fn main`",
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
        for item in [
            quote!(
                struct Main;
            ),
            quote!(
                fn main();
            ),
            quote!(
                mod main {}
            ),
        ] {
            assert_eq!(
                refusals(TokenStream::new(), item),
                ["`#[multiproc::main]` belongs on a function, and on nothing else"]
            );
        }
    }

    #[test]
    fn a_crate_without_the_hook_is_told_so() {
        let missing = Err(syn::Error::new(proc_macro2::Span::call_site(), "no hook"));
        let error = expand(
            TokenStream::new(),
            quote!(
                fn main() {}
            ),
            missing,
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "no hook");
    }
}
