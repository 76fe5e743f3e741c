//! What the compiler proves about types that the macro can't see: flattened events share no stored name with what
//! surrounds them and are written in the same encoding, and a chosen cap is one that stores accept.
//!
//! The lists of names are hidden associated constants, not a part of core's `Event`: an implementation written by hand
//! has none, and counts as having no names.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::{
    model::{EventType, Flattened},
    stored_name,
};

pub(crate) fn expand(event: &EventType) -> TokenStream {
    let cap = check_cap(event);
    let own = stored_name::all(event);
    let own = quote!(&[#(#own),*]);
    let names = if event.flattened.is_empty() {
        names_constant(event, &own)
    } else {
        join(event, &own)
    };
    quote!(#cap #names)
}

fn names_constant(EventType { ident, .. }: &EventType, names: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #ident {
            #[doc(hidden)]
            #[allow(dead_code, reason = "written by a derive, for every shape of event")]
            pub const __EVENT_NAMES: &'static [&'static ::core::primitive::str] = #names;
        }
    }
}

fn check_cap(EventType { krate, max_bytes, .. }: &EventType) -> Option<TokenStream> {
    let max_bytes = max_bytes.as_ref()?;
    let message = "`max_bytes` must be at least 1 and at most `Codec::HIGHEST_MAX_BYTES`, 16 MiB";
    Some(quote_spanned! {max_bytes.span()=>
        const _: () = {
            let max_bytes: ::core::primitive::usize = #max_bytes;
            ::core::assert!(1 <= max_bytes && max_bytes <= #krate::Codec::HIGHEST_MAX_BYTES, #message);
        };
    })
}

fn join(event: &EventType, own: &TokenStream) -> TokenStream {
    let EventType { krate, flattened, .. } = event;
    let lists = flattened
        .iter()
        .map(|Flattened { events, .. }| quote!(<#events>::__EVENT_NAMES));
    let checks = flattened
        .iter()
        .enumerate()
        .map(|(n, flattened)| check_flattened(event, flattened, n));
    let joined = names_constant(event, &quote!(&__join::<{ __count(__LISTS) }>(__LISTS)));
    let functions = functions();
    quote! {
        // Lists of hundreds of names take the compiler a moment, and may.
        #[allow(long_running_const_eval, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "written by a derive, for every shape of event")]
        const _: () = {
            type __Names = &'static [&'static str];
            #[allow(dead_code, reason = "written by a derive, for every shape of event")]
            trait __NoNames {
                const __EVENT_NAMES: __Names = &[];
            }
            impl<T: #krate::Event> __NoNames for T {}

            const __LISTS: &[__Names] = &[#own, #(#lists),*];
            #joined
            #functions
            #(#checks)*
        };
    }
}

/// The list at `n + 1` is that of the flattened type; those before it are the type's own and of those before.
fn check_flattened(
    EventType { ident, krate, .. }: &EventType,
    Flattened { events, .. }: &Flattened,
    n: usize,
) -> TokenStream {
    let inner = events.to_token_stream().to_string();
    let encoding = format!("`{inner}` is not written in the encoding of `{ident}`: give both the same `encoding`");
    let names = format!("`{inner}` shares a stored name with the other events of `{ident}`: it would be read as those");
    quote_spanned! {events.span().resolved_at(Span::mixed_site())=>
        const _: () = {
            let (inner, outer) = (<#events as #krate::Event>::ENCODING, <#ident as #krate::Event>::ENCODING);
            ::core::assert!(inner.code() == outer.code(), #encoding);
            ::core::assert!(!__shares(__LISTS, #n + 1), #names);
        };
    }
}

/// Constant evaluation has neither iterators nor `==` for strings.
fn functions() -> TokenStream {
    quote! {
        const fn __count(lists: &[__Names]) -> usize {
            let (mut count, mut n) = (0, 0);
            while n < lists.len() {
                count += lists[n].len();
                n += 1;
            }
            count
        }

        const fn __join<const N: usize>(lists: &[__Names]) -> [&'static str; N] {
            let (mut joined, mut end) = ([""; N], 0);
            let mut list = 0;
            while list < lists.len() {
                let mut name = 0;
                while name < lists[list].len() {
                    joined[end] = lists[list][name];
                    (name, end) = (name + 1, end + 1);
                }
                list += 1;
            }
            joined
        }

        const fn __shares(lists: &[__Names], list: usize) -> bool {
            let mut before = 0;
            while before < list {
                let mut name = 0;
                while name < lists[list].len() {
                    if __holds(lists[before], lists[list][name].as_bytes()) {
                        return true;
                    }
                    name += 1;
                }
                before += 1;
            }
            false
        }

        const fn __holds(names: __Names, sought: &[u8]) -> bool {
            let mut n = 0;
            while n < names.len() {
                if __same(names[n].as_bytes(), sought) {
                    return true;
                }
                n += 1;
            }
            false
        }

        const fn __same(left: &[u8], right: &[u8]) -> bool {
            let mut n = 0;
            while n < left.len() && n < right.len() && left[n] == right[n] {
                n += 1;
            }
            left.len() == right.len() && n == left.len()
        }
    }
}
