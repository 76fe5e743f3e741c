//! The implementation of `Event` that the derive writes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    model::{EventType, Flattened, Kind},
    names, upcast,
};

pub(crate) fn expand(event: &EventType) -> TokenStream {
    let EventType { ident, krate, .. } = event;
    let constants = constants(event);
    let event_type = event_type(event);
    let encode = encode(event);
    let decode = decode(event);
    let names = names::expand(event);
    quote! {
        #[automatically_derived]
        impl #krate::Event for #ident {
            #constants
            #event_type
            #encode
            #decode
        }
        #names
    }
}

fn constants(event: &EventType) -> TokenStream {
    let EventType { krate, .. } = event;
    let encoding = event.encoding.iter();
    let max_bytes = event.max_bytes.iter();
    let verify_round_trip = event.verify_round_trip.iter();
    quote! {
        #(const ENCODING: #krate::Encoding = #krate::Encoding::#encoding;)*
        #(const MAX_BYTES: ::core::primitive::usize = #max_bytes;)*
        #(const VERIFY_ROUND_TRIP: ::core::primitive::bool = #verify_round_trip;)*
    }
}

fn event_type(
    EventType {
        krate,
        kinds,
        flattened,
        ..
    }: &EventType,
) -> TokenStream {
    let own = kinds
        .iter()
        .map(|Kind { constructor, name, .. }| quote!(#constructor { .. } => #name));
    let inner = flattened
        .iter()
        .map(|Flattened { constructor, .. }| quote!(#constructor(events) => #krate::Event::event_type(events)));
    quote! {
        fn event_type(&self) -> &'static ::core::primitive::str {
            match self { #(#own,)* #(#inner,)* }
        }
    }
}

fn encode(
    EventType {
        krate,
        kinds,
        flattened,
        ..
    }: &EventType,
) -> TokenStream {
    let own = kinds.iter().map(|kind| {
        let Kind {
            constructor, payload, ..
        } = kind;
        let bindings = payload.bindings();
        let encode = payload.encode(krate);
        quote!(#constructor #bindings => #encode)
    });
    let inner = flattened
        .iter()
        .map(|Flattened { constructor, .. }| quote!(#constructor(events) => #krate::Event::encode(events)));
    let codec = codec(krate, kinds, &quote!(<Self as #krate::Event>::ENCODING));
    quote! {
        fn encode(&self) -> ::core::result::Result<::std::vec::Vec<::core::primitive::u8>, #krate::EventError> {
            #codec
            match self { #(#own,)* #(#inner,)* }
        }
    }
}

fn decode(event: &EventType) -> TokenStream {
    let EventType { krate, kinds, skip, .. } = event;
    let codec = codec(krate, kinds, &quote!(stored.encoding));
    let own = kinds.iter().map(|kind| decode_kind(krate, kind));
    let (upcasts, old) = upcast::expand(event);
    let otherwise = decode_flattened(event);
    quote! {
        fn decode(
            stored: #krate::EncodedEvent<'_>,
        ) -> ::core::result::Result<#krate::Decoded<Self>, #krate::EventError> {
            #codec
            #upcasts
            match stored.event_type {
                #(#own)*
                #old
                #(#skip => ::core::result::Result::Ok(#krate::Decoded::Nothing),)*
                _ => { #otherwise }
            }
        }
    }
}

fn decode_kind(
    krate: &TokenStream,
    Kind {
        constructor,
        name,
        aliases,
        payload,
        ..
    }: &Kind,
) -> TokenStream {
    let event = payload.decode(krate, constructor);
    quote!(#name #(| #aliases)* => #event.map(#krate::Decoded::One),)
}

/// Names that are not the type's own are offered to the events it includes, in their order.
fn decode_flattened(EventType { krate, flattened, .. }: &EventType) -> TokenStream {
    let attempts = flattened.iter().map(|Flattened { constructor, events }| {
        quote! {
            match <#events as #krate::Event>::decode(stored) {
                ::core::result::Result::Err(#krate::EventError::UnknownType { .. }) => {}
                decoded => return decoded.map(|events| events.map(#constructor)),
            }
        }
    });
    quote! {
        #(#attempts)*
        ::core::result::Result::Err(#krate::EventError::unknown_type(stored))
    }
}

/// None where every variant leaves its encoding to the events inside.
fn codec(krate: &TokenStream, kinds: &[Kind], encoding: &TokenStream) -> Option<TokenStream> {
    let codec = quote! {
        let codec = #krate::Codec::new(#encoding).with_max_bytes(<Self as #krate::Event>::MAX_BYTES);
    };
    (!kinds.is_empty()).then_some(codec)
}
