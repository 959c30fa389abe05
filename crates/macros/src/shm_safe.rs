//! `#[derive(ShmSafe)]`: a struct field by field.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Data, DataStruct, DeriveInput, Error, GenericParam, Ident, Index, Lifetime, LifetimeParam, Member,
    Result, WherePredicate, parse_quote,
};

use crate::function::Errors;
use crate::shm_field;

pub(crate) fn expand(input: &DeriveInput, root: Result<TokenStream>) -> Result<TokenStream> {
    let data = check(input)?;
    let root = root?;
    let name = &input.ident;
    let fields: Vec<_> = data.fields.iter().map(|field| &field.ty).collect();
    let members: Vec<_> = members(data).collect();
    let labels: Vec<_> = members.iter().map(label).collect();
    let text = name.to_string();

    let mut generics = input.generics.clone();
    let parameters: Vec<_> = input.generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    let clause = generics.make_where_clause();
    clause
        .predicates
        .extend(parameters.iter().map(|name| -> WherePredicate { parse_quote!(#name: #root::ShmSafe) }));
    let mut plain = generics.clone();
    // A bound with a lifetime of its own is looked at where the trait is used, not here: a struct with a lock in it is no
    // error, and not `ShmPlain`.
    let anyone = LifetimeParam::new(Lifetime::new("'__anyone", Span::mixed_site()));
    let bounds =
        fields.iter().map(|field| -> WherePredicate { parse_quote!(for<#anyone> #field: #root::ShmPlain) });
    plain.make_where_clause().predicates.extend(bounds);
    let (impl_generics, type_generics, _) = input.generics.split_for_impl();
    let safe_clause = &generics.where_clause;
    let plain_clause = &plain.where_clause;

    let drops = format!(
        "`{text}` has a `Drop`, or something in it has: nobody knows which process would run it. Remove it, and free what it \
         holds by a method"
    );
    // In a generic struct it is known once the parameters are; the constant of the trait says it then.
    let checked_now = input.generics.params.is_empty().then(|| {
        quote!(
            const _: () = ::core::assert!(!::core::mem::needs_drop::<#name>(), #drops);
        )
    });
    Ok(quote! {
        #checked_now

        #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
        #[automatically_derived]
        // SAFETY: `repr(C)` without `Drop`, and each field is `ShmSafe`, placed and part of the layout.
        unsafe impl #impl_generics #root::ShmSafe for #name #type_generics #safe_clause {
            const LAYOUT: #root::Layout = {
                ::core::assert!(!::core::mem::needs_drop::<Self>(), #drops);
                #root::Layout::named(#text)
                    #(.with_field::<#fields>(#labels, ::core::mem::offset_of!(Self, #members)))*
            };
            const NEEDS_PLACEMENT: bool = false #(|| <#fields as #root::ShmSafe>::NEEDS_PLACEMENT)*;

            fn place(&mut self, placement: &#root::Placement) -> ::core::result::Result<(), #root::PlaceError> {
                // Names every field, should another attribute have added one after this was derived.
                let Self { #(#members: _),* } = self;
                #(<#fields as #root::ShmSafe>::place(&mut self.#members, placement)?;)*
                let _ = placement;
                ::core::result::Result::Ok(())
            }
        }

        #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
        #[automatically_derived]
        // SAFETY: each field is `ShmPlain`.
        unsafe impl #impl_generics #root::ShmPlain for #name #type_generics #plain_clause {}
    })
}

/// The struct, or all that is wrong with it.
fn check(input: &DeriveInput) -> Result<&DataStruct> {
    let name = &input.ident;
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => {
            return Err(Error::new_spanned(
                data.enum_token,
                "not every byte pattern is a variant of an enum, and a process may die halfway: derive `ShmVariants` instead, and \
                 have a `ShmEnum` of it where it is to lie",
            ));
        }
        Data::Union(data) => {
            return Err(Error::new_spanned(
                data.union_token,
                "which field of a union is valid, no other process knows: use a struct, and `u64::to_bits` and its kin",
            ));
        }
    };
    let mut errors = Errors::default();
    check_repr(input, &mut errors)?;
    for parameter in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.push(
                lifetime,
                format!(
                    "`{name}` has a lifetime, and what it borrows lies in this process alone: use an index"
                ),
            );
        }
    }
    for field in &data.fields {
        if let Some(why) = shm_field::refusal(&field.ty) {
            errors.push(&field.ty, why);
        }
    }
    errors.into_result()?;
    Ok(data)
}

fn check_repr(input: &DeriveInput, errors: &mut Errors) -> Result<()> {
    let mut laid_out = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            laid_out |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            if meta.path.is_ident("packed") {
                errors.push(
                    &meta.path,
                    "a packed struct has fields that no reference may point to: remove `packed`, padding is fine",
                );
            }
            // The number of `align(8)`, for one.
            if meta.input.peek(syn::token::Paren) {
                let number;
                syn::parenthesized!(number in meta.input);
                number.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    if !laid_out {
        let name = &input.ident;
        errors
            .push(name, format!("two builds may lay `{name}` out differently: write `#[repr(C)]` above it"));
    }
    Ok(())
}

fn members(data: &DataStruct) -> impl Iterator<Item = Member> + '_ {
    data.fields.iter().enumerate().map(|(index, field)| match &field.ident {
        Some(name) => Member::Named(name.clone()),
        None => Member::Unnamed(Index::from(index)),
    })
}

fn label(member: &Member) -> String {
    match member {
        Member::Named(name) => Ident::to_string(name),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
