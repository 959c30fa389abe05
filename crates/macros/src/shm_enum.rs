//! `#[derive(ShmVariants)]`: an enum variant by variant.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Error, Fields, Ident, Result, token};

use crate::function::Errors;

/// What a variant's number may be: as wide in every build, and a safe value in shared memory.
const NUMBERS: &[&str] = &["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// Numbers that it may not be.
const OTHERS: &[&str] = &["usize", "isize", "u128", "i128"];

pub(crate) fn expand(input: &DeriveInput, root: Result<TokenStream>) -> Result<TokenStream> {
    let (data, number) = check(input)?;
    let root = root?;
    let name = &input.ident;
    let text = name.unraw().to_string();
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let labels = variants.iter().map(|variant| variant.unraw().to_string());
    let number = quote!(::core::primitive::#number);
    Ok(quote! {
        #[automatically_derived]
        impl #root::ShmVariants for #name {
            type Number = #number;

            const NAME: &'static ::core::primitive::str = #text;

            const VARIANTS: &'static [(&'static ::core::primitive::str, ::core::primitive::i128)] =
                &[#((#labels, Self::#variants as #number as ::core::primitive::i128)),*];

            fn into_number(self) -> #number {
                self as #number
            }

            fn from_number(number: #number) -> ::core::option::Option<Self> {
                #(
                    if number == Self::#variants as #number {
                        return ::core::option::Option::Some(Self::#variants);
                    }
                )*
                ::core::option::Option::None
            }
        }
    })
}

/// The enum and what its numbers are, or all that is wrong with it.
fn check(input: &DeriveInput) -> Result<(&DataEnum, Ident)> {
    let name = &input.ident;
    let data = match &input.data {
        Data::Enum(data) => data,
        Data::Struct(data) => return Err(no_enum(data.struct_token)),
        Data::Union(data) => return Err(no_enum(data.union_token)),
    };
    let mut errors = Errors::default();
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics,
            format!("`{name}` has parameters, of which a number can tell nothing: remove them"),
        );
    }
    if data.variants.is_empty() {
        errors.push(name, format!("`{name}` has no variants, so that no number is a value: add one"));
    }
    for variant in data.variants.iter().filter(|variant| !matches!(variant.fields, Fields::Unit)) {
        let of_it = &variant.ident;
        errors.push(
            variant,
            format!(
                "`{of_it}` is more than a number: put its fields beside the `ShmEnum`, in a `#[repr(C)]` struct with \
                 `#[derive(ShmSafe)]`"
            ),
        );
    }
    let number = number(input);
    if let Err(error) = &number {
        errors.add(error.clone());
    }
    errors.into_result()?;
    Ok((data, number?))
}

fn no_enum(keyword: impl quote::ToTokens) -> Error {
    Error::new_spanned(
        keyword,
        "`ShmVariants` is for enums, whose variants it numbers: for a struct there is `#[derive(ShmSafe)]`",
    )
}

/// What the enum's `repr` says that its numbers are, or why they cannot be that.
fn number(input: &DeriveInput) -> Result<Ident> {
    let name = &input.ident;
    let wanting = format!("two builds may give `{name}` another width: write `#[repr(u8)]` above it");
    let mut number = Err(Error::new_spanned(name, wanting));
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            let is_one_of = |words: &[&str]| words.iter().any(|word| meta.path.is_ident(word));
            if let Some(word) = meta.path.get_ident() {
                if is_one_of(NUMBERS) {
                    number = Ok(word.clone());
                } else if is_one_of(OTHERS) {
                    let why = format!(
                        "`{word}` is not as wide, or not known, in every build: write `u64` or `i64`"
                    );
                    number = Err(Error::new_spanned(word, why));
                }
            }
            // The number of `align(8)`, for one.
            if meta.input.peek(token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                inside.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    number
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn refusals(input: &DeriveInput) -> Vec<String> {
        let errors = expand(input, Ok(quote!(::multiproc_shm))).unwrap_err();
        errors.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = refusals(&parse_quote!(
            enum Colour<T> {
                Red,
                Grey(u8),
                Mixed { first: T },
            }
        ));
        assert_eq!(told.len(), 4, "{told:#?}");
        let all = told.join("\n");
        for culprit in ["parameters", "`Grey` is more", "`Mixed` is more", "`#[repr(u8)]`"] {
            assert!(all.contains(culprit), "{all}");
        }
    }

    #[test]
    fn a_width_that_is_not_the_same_everywhere_is_refused() {
        for width in ["usize", "isize", "u128", "i128"] {
            let width = Ident::new(width, proc_macro2::Span::call_site());
            let told = refusals(&parse_quote!(
                #[repr(#width)]
                enum Colour {
                    Red,
                }
            ));
            assert!(told.len() == 1 && told[0].contains(&format!("`{width}`")), "{told:#?}");
        }
        assert_eq!(
            refusals(&parse_quote!(
                #[repr(C)]
                enum Colour {
                    Red,
                }
            ))
            .len(),
            1
        );
    }

    #[test]
    fn names_are_written_without_their_marks() {
        let input: DeriveInput = parse_quote!(
            #[repr(u8, align(8))]
            enum r#type {
                r#match,
            }
        );
        let expansion = expand(&input, Ok(quote!(::multiproc_shm))).unwrap().to_string();
        assert!(expansion.contains("\"type\"") && expansion.contains("\"match\""), "{expansion}");
        assert!(expansion.contains("Self :: r#match"), "{expansion}");
    }
}
