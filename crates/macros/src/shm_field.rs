//! Types that cannot lie in shared memory, by the names that they go by, and what to use instead.
//!
//! This is for the message only. A type that hides behind another name is refused by its missing `ShmSafe`.

use syn::{Type, TypePath};

/// Why a field of this type is refused, if that can be told from its name.
pub(crate) fn refusal(field: &Type) -> Option<String> {
    let why = match field {
        Type::Reference(_) => "a reference means nothing in another process: use an index into shared memory",
        Type::Ptr(_) => "a pointer means nothing in another process: use an index into shared memory",
        Type::BareFn(_) => {
            "a function's address means nothing in another process: use a number that stands for it"
        }
        Type::Tuple(tuple) if !tuple.elems.is_empty() => {
            "the layout of a tuple is nobody's promise: use a `#[repr(C)]` struct with `#[derive(ShmSafe)]`"
        }
        Type::Array(array) => return refusal(&array.elem),
        Type::Paren(inner) => return refusal(&inner.elem),
        Type::Group(inner) => return refusal(&inner.elem),
        Type::Path(TypePath { qself: None, path }) => {
            let name = path.segments.last()?.ident.to_string();
            let of_std = path.segments.len() > 1 && path.segments.first()?.ident == "std";
            return if of_std {
                refusal_of_std(&name).or_else(|| refusal_of(&name))
            } else {
                refusal_of(&name)
            };
        }
        _ => return None,
    };
    Some(why.to_string())
}

fn refusal_of(name: &str) -> Option<String> {
    let why = match name {
        "bool" => {
            "not every byte is a `bool`, and a process may die halfway: use `ShmBool`, or `AtomicU8`, where 0 is false"
        }
        "AtomicBool" => {
            "not every byte is a `bool`, and a process may die halfway: use `AtomicU8`, where 0 is false"
        }
        "char" => "not every number is a `char`: use `ShmChar`",
        "Option" => "not every byte pattern is one of its variants: use `ShmOption`",
        "Result" => {
            "not every byte pattern is one of its variants: use a struct with a `ShmEnum` that says which it is"
        }
        "Box" | "Vec" | "String" | "Rc" | "Arc" | "HashMap" | "BTreeMap" | "VecDeque" | "PathBuf"
        | "OsString" => "what it owns lies in this process alone: use an array of a fixed length",
        "str" => "it has no length of its own in shared memory: use `[u8; N]`",
        "AtomicPtr" | "NonNull" => {
            "a pointer means nothing in another process: use an index into shared memory"
        }
        "RefCell" | "UnsafeCell" => {
            "it knows nothing of other processes: use an atomic, or `Mutex` of `multiproc-sync`"
        }
        name if name.starts_with("NonZero") => {
            "zero would be no value, and a process may die halfway: use the plain number"
        }
        _ => return None,
    };
    Some(format!("`{name}` cannot lie in shared memory: {why}"))
}

/// Of names that `multiproc-sync` has as well, those that say where they are from.
fn refusal_of_std(name: &str) -> Option<String> {
    matches!(name, "RwLock" | "Once" | "OnceLock").then(|| {
        format!(
            "`std::sync::{name}` cannot lie in shared memory: it knows nothing of other processes: use `{name}` of `multiproc-sync`"
        )
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_hides_in_an_array_is_found() {
        assert!(refusal(&parse_quote!([[bool; 2]; 3])).unwrap().contains("`AtomicU8`"));
        assert!(refusal(&parse_quote!(std::num::NonZeroU8)).unwrap().contains("plain number"));
        assert!(refusal(&parse_quote!(*const u8)).is_some());
        assert_eq!(refusal(&parse_quote!([u64; 2])), None);
        assert_eq!(refusal(&parse_quote!(Condvar)), None, "there is one of `multiproc-sync`");
        assert_eq!(refusal(&parse_quote!(Mine<bool>)), None, "the traits tell");
        let of_std = refusal(&parse_quote!(std::sync::OnceLock<u8>)).unwrap();
        assert!(of_std.contains("use `OnceLock` of `multiproc-sync`"), "{of_std}");
        assert!(refusal(&parse_quote!(::std::sync::Once)).is_some());
        assert_eq!(refusal(&parse_quote!(sync::OnceLock<u8>)), None, "the traits tell whose it is");
        assert_eq!(refusal(&parse_quote!(RwLock<u8>)), None, "as well");
        assert!(refusal(&parse_quote!(std::sync::RwLock<u8>)).unwrap().contains("use `RwLock` of"));
        assert!(
            refusal(&parse_quote!(std::cell::RefCell<u8>)).is_some(),
            "and all others of the standard library"
        );
    }
}
