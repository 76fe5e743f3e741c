//! Old stored forms and the way they take to the present: `From`, the nearest hop first.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Ident, Type, spanned::Spanned};

use crate::{
    attribute::OldForm,
    model::{EventType, Kind},
};

/// Functions that upcast, and the match arms that call them.
pub(crate) fn expand(event: &EventType) -> (TokenStream, TokenStream) {
    let mut functions = TokenStream::new();
    let mut arms = TokenStream::new();
    for (k, kind) in event.kinds.iter().enumerate() {
        for (n, OldForm { name, payload }) in kind.old_forms.iter().enumerate() {
            let upcast = function_name(k, n);
            functions.extend(function(event, k, n, payload, &hops(event, k, kind, n)));
            arms.extend(quote!(#name => codec.decode::<#payload>(stored.data).map(#upcast),));
        }
    }
    let probe = (!arms.is_empty()).then(|| probe(event));
    (quote!(#probe #functions), arms)
}

/// What hops are looked up on; the last one leads nowhere and says so.
fn probe(EventType { ident, krate, .. }: &EventType) -> TokenStream {
    let message = format!("`{{Self}}` has no way to become `{ident}`");
    let note = "write `From` for a form that `from(...)` lists after it (oldest first), for the payload, for the event or \
                for a `Vec` of it";
    quote! {
        struct __OldForm<__Old>(::core::marker::PhantomData<__Old>);

        #[diagnostic::on_unimplemented(message = #message, label = "there is no `From` of this type", note = #note)]
        trait __Upcast {}

        #[allow(dead_code, reason = "written by a derive, for every shape of event")]
        trait __Nowhere<__Old> {
            fn upcast(&self) -> fn(__Old) -> #krate::Decoded<#ident>
            where
                __Old: __Upcast;
        }
        impl<__Old> __Nowhere<__Old> for __OldForm<__Old> {
            fn upcast(&self) -> fn(__Old) -> #krate::Decoded<#ident>
            where
                __Old: __Upcast,
            {
                |_| #krate::Decoded::Nothing
            }
        }
    }
}

fn function_name(kind: usize, form: usize) -> Ident {
    format_ident!("__upcast_{kind}_{form}")
}

/// Where an old form may go, and what becomes of it there.
struct Hop {
    target: TokenStream,
    /// A function of the target.
    arrive: TokenStream,
}

/// Nearest first: the later old forms, the payload of today, the event, several events.
fn hops(event: &EventType, k: usize, kind: &Kind, form: usize) -> Vec<Hop> {
    let EventType { ident, krate, .. } = event;
    let later = kind.old_forms.iter().enumerate().skip(form + 1);
    let later = later.map(|(n, OldForm { payload, .. })| {
        let arrive = function_name(k, n).into_token_stream();
        Hop {
            target: quote!(#payload),
            arrive,
        }
    });
    let constructor = kind.constructor_outside(ident);
    let today = kind.payload_type().map(|target| Hop {
        target: target.clone(),
        arrive: quote!(|payload| #krate::Decoded::One(#constructor(payload))),
    });
    let one = Hop {
        target: quote!(#ident),
        arrive: quote!(#krate::Decoded::One),
    };
    let several = Hop {
        target: quote!(::std::vec::Vec<#ident>),
        arrive: quote!(#krate::Decoded::Many),
    };
    later.chain(today).chain([one, several]).collect()
}

/// Rust has no "the first of these that it converts into", but looks methods up reference by reference: each hop is
/// a trait for one reference less than the hop before, so that the nearest one that exists is found.
fn function(event: &EventType, k: usize, n: usize, old: &Type, hops: &[Hop]) -> TokenStream {
    let EventType { ident, krate, .. } = event;
    let name = function_name(k, n);
    let traits = hops.iter().enumerate().map(|(place, Hop { target, arrive })| {
        let hop = format_ident!("__Hop{place}");
        let references = vec![quote!(&); hops.len() - place];
        quote! {
            trait #hop<__Old> {
                fn upcast(&self) -> fn(__Old) -> #krate::Decoded<#ident>;
            }
            impl<__Old: ::core::convert::Into<#target>> #hop<__Old> for #(#references)* __OldForm<__Old> {
                fn upcast(&self) -> fn(__Old) -> #krate::Decoded<#ident> {
                    |old| (#arrive)(<__Old as ::core::convert::Into<#target>>::into(old))
                }
            }
        }
    });
    let references = vec![quote!(&); hops.len() + 1];
    let probe = quote_spanned!(old.span()=> (#(#references)* __OldForm::<#old>(::core::marker::PhantomData)).upcast());
    quote! {
        #[allow(dead_code, clippy::needless_borrow, reason = "written by a derive, for every shape of event")]
        fn #name(old: #old) -> #krate::Decoded<#ident> {
            #(#traits)*
            #probe(old)
        }
    }
}
