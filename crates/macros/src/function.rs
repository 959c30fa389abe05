//! A function as an attribute sees it: the signature is parsed, the body is carried over token by token.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Result, Signature, Visibility, braced, token};

/// A function whose body nobody looked into.
///
/// An unparsed body keeps every span, and leaves what is wrong in it to the compiler.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    vis: Visibility,
    pub(crate) sig: Signature,
    brace: token::Brace,
    inner_attrs: Vec<Attribute>,
    body: TokenStream,
}

impl Function {
    /// `item` as a function, for the attribute called `name`.
    pub(crate) fn parse(item: TokenStream, name: &str) -> Result<Self> {
        // The compiler has parsed the item before, so what fails here is something else than a function.
        parse_function.parse2(item).map_err(|error| {
            Error::new(error.span(), format!("{name} belongs on a function, and on nothing else"))
        })
    }

    /// The function with `hook` before everything that it does.
    ///
    /// The body is neither wrapped nor given other braces: both make errors point at the attribute, or
    /// take the body out of coverage reports. Items at its head come after a statement now, which is
    /// no fault of the user's.
    pub(crate) fn with_first_line(self, hook: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, brace, inner_attrs, body } = self;
        let mut function = quote!(#[allow(clippy::items_after_statements)] #(#attrs)* #vis #sig);
        brace.surround(&mut function, |block| {
            block.extend(quote!(#(#inner_attrs)* #hook #body));
        });
        function
    }

    /// What stands in the signature of this function, but must not, for the attribute called `name`.
    pub(crate) fn refuse_all_but_plain(&self, name: &str, errors: &mut Errors) {
        let sig = &self.sig;
        if let Some(token) = &sig.constness {
            errors.push(token, format!("{name} does not take a `const fn`: remove `const`"));
        }
        if let Some(token) = &sig.unsafety {
            errors.push(
                token,
                format!("{name} does not take an `unsafe fn`: use `unsafe` blocks in its body instead"),
            );
        }
        if let Some(abi) = &sig.abi {
            errors.push(abi, format!("{name} does not take an `extern` function: remove `{}`", quote!(#abi)));
        }
        if !sig.generics.params.is_empty() {
            errors.push(&sig.generics, format!("{name} does not take a generic function"));
        }
        if let Some(clause) = &sig.generics.where_clause {
            errors.push(clause, format!("{name} does not take a function with a `where` clause"));
        }
        if !sig.inputs.is_empty() || sig.variadic.is_some() {
            errors.push(
                quote_inputs(sig),
                format!("{name} does not take a function with parameters: nobody would pass them"),
            );
        }
    }
}

fn parse_function(input: ParseStream<'_>) -> Result<Function> {
    let block;
    Ok(Function {
        attrs: input.call(Attribute::parse_outer)?,
        vis: input.parse()?,
        sig: input.parse()?,
        brace: braced!(block in input),
        inner_attrs: block.call(Attribute::parse_inner)?,
        body: block.parse()?,
    })
}

/// Everything wrong with one function, so that it is told at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, at: impl ToTokens, message: impl std::fmt::Display) {
        self.add(Error::new_spanned(at, message));
    }

    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn quote_inputs(sig: &Signature) -> TokenStream {
    let (inputs, variadic) = (&sig.inputs, &sig.variadic);
    quote!(#inputs #variadic)
}
