//! Which of serde's attributes reach the stored form.
//!
//! An enum is not stored as serde would store it: its variants are encoded alone. What serde is told about the tag
//! (`tag`, `rename_all`, `rename` of a variant) has no place in the stored form, and is left to the enum's own
//! `Serialize`, if it has one. What it is told about fields is kept, and what can't be kept is refused.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprLit, ExprPath, Ident, Lit, Meta, MetaNameValue, Result, Token, parse_quote,
    punctuated::Punctuated,
};

use crate::errors::Errors;

/// Entries for the private structs that stand for a payload, such as `rename_all = "camelCase"`.
pub(crate) type Carried = Vec<Meta>;

pub(crate) fn of_enum(attributes: &[Attribute]) -> Result<Carried> {
    let mut carried = vec![];
    for mut meta in entries(attributes)? {
        if meta.path().is_ident("rename_all_fields") {
            rename_path(&mut meta);
            carried.push(meta);
        } else if meta.path().is_ident("deny_unknown_fields") {
            carried.push(meta);
        }
    }
    Ok(carried)
}

pub(crate) fn of_variant(attributes: &[Attribute], of_enum: &Carried) -> Result<Carried> {
    let mut carried = of_enum.clone();
    for meta in entries(attributes)? {
        if meta.path().is_ident("rename_all") {
            carried.retain(|general| !general.path().is_ident("rename_all"));
            carried.push(meta);
        } else if is_one_of(&meta, &["with", "serialize_with", "deserialize_with"]) {
            return Err(refused(&meta, "put it on the field"));
        }
    }
    Ok(carried)
}

pub(crate) fn of_struct(attributes: &[Attribute], is_compact: bool) -> Result<Carried> {
    let mut carried = vec![];
    for meta in entries(attributes)? {
        if is_compact && meta.path().is_ident("default") {
            return Err(positional(&meta));
        }
        if is_one_of(&meta, &["rename_all", "deny_unknown_fields"]) {
            carried.push(meta);
        } else if !is_one_of(&meta, &["rename", "crate", "expecting", "bound"]) {
            return Err(refused(
                &meta,
                "put it on the fields, or make the struct the payload of an enum's variant",
            ));
        }
    }
    Ok(carried)
}

/// A flattened event is stored as if it stood alone.
pub(crate) fn refuse_any(attributes: &[Attribute]) -> Result<()> {
    entries(attributes)?.first().map_or(Ok(()), |meta| {
        Err(refused(meta, "a flattened event is stored as its own type says"))
    })
}

/// Refuses what makes the place of a field depend on its value, or on whether the field was known when it was written.
pub(crate) fn refuse_gaps(field: &[Meta]) -> Result<()> {
    let is_skipped = has(field, "skip") || (has(field, "skip_serializing") && has(field, "skip_deserializing"));
    let gaps: &[&str] = if is_skipped {
        &["flatten"] // a skipped field has no place, and takes its value from `default`
    } else {
        &[
            "default",
            "flatten",
            "skip_serializing_if",
            "skip_serializing",
            "skip_deserializing",
        ]
    };
    let mut errors = Errors::default();
    for meta in field.iter().filter(|meta| is_one_of(meta, gaps)) {
        errors.push(positional(meta));
    }
    errors.into_result()
}

/// The attribute does not suit bincode.
fn positional(meta: &Meta) -> Error {
    let path = meta.path();
    let advice = if path.is_ident("default") {
        "an event that was stored without the field can't be read. Give the event a new version that has the field, and \
         read the old one by an upcast, `#[event(\"OrderPlaced.v2\", from(\"OrderPlaced.v1\" = OrderPlacedV1))]`; or \
         choose `encoding = \"json\"`"
    } else {
        "remove it, or choose `encoding = \"json\"`"
    };
    let message = format!(
        "serde's `{}` does not suit bincode, which finds a field by its place: {advice}",
        quote!(#path)
    );
    Error::new_spanned(meta, message)
}

fn has(field: &[Meta], name: &str) -> bool {
    field.iter().any(|meta| meta.path().is_ident(name))
}

/// The entries of all `#[serde(...)]`, one by one.
pub(crate) fn entries(attributes: &[Attribute]) -> Result<Vec<Meta>> {
    let mut all = vec![];
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        all.extend(attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?);
    }
    Ok(all)
}

/// A field's entries where the field is a reference to it.
pub(crate) struct Written {
    pub(crate) entries: Vec<Meta>,
    pub(crate) functions: TokenStream,
}

impl Written {
    /// The functions that a user names are written for `&T` and would get `&&T`, which is enough for some and not for
    /// others (`serde_with::As` is one): each gets one between.
    pub(crate) fn of(field: &[Meta], binding: &Ident, ty: &TokenStream, serde: &TokenStream) -> Self {
        let mut functions = TokenStream::new();
        let entries = field.iter().map(|meta| match named_function(meta) {
            Some((Use::Serialize, function)) => {
                let between = format_ident!("__serialize_{binding}");
                functions.extend(quote! {
                    fn #between<__Serializer: #serde::Serializer>(
                        value: &&#ty,
                        serializer: __Serializer,
                    ) -> ::core::result::Result<__Serializer::Ok, __Serializer::Error> {
                        #function(*value, serializer)
                    }
                });
                entry("serialize_with", &between)
            }
            Some((Use::Skip, function)) => {
                let between = format_ident!("__skip_{binding}");
                functions.extend(quote! {
                    fn #between(value: &&#ty) -> ::core::primitive::bool {
                        #function(*value)
                    }
                });
                entry("skip_serializing_if", &between)
            }
            None => meta.clone(),
        });
        Self {
            entries: entries.collect(),
            functions,
        }
    }
}

enum Use {
    Serialize,
    Skip,
}

/// A function that takes a reference to the field. What is not a path is left to serde, which says so.
fn named_function(meta: &Meta) -> Option<(Use, ExprPath)> {
    let Meta::NameValue(MetaNameValue {
        path,
        value: Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }),
        ..
    }) = meta
    else {
        return None;
    };
    let mut function: ExprPath = text.parse().ok()?;
    if path.is_ident("with") {
        function.path.segments.push(Ident::new("serialize", text.span()).into());
        return Some((Use::Serialize, function));
    }
    let usage = if path.is_ident("serialize_with") {
        Use::Serialize
    } else {
        Use::Skip
    };
    (is_one_of(meta, &["serialize_with", "skip_serializing_if"])).then_some((usage, function))
}

fn entry(key: &str, function: &Ident) -> Meta {
    let key = Ident::new(key, Span::call_site());
    let function = function.to_string();
    parse_quote!(#key = #function)
}

fn is_one_of(meta: &Meta, names: &[&str]) -> bool {
    names.iter().any(|name| meta.path().is_ident(name))
}

fn refused(meta: &Meta, advice: &str) -> Error {
    let path = meta.path();
    let message = format!(
        "serde's `{}` can't reach the stored form from here: {advice}",
        quote!(#path)
    );
    Error::new_spanned(meta, message)
}

fn rename_path(meta: &mut Meta) {
    let path = parse_quote!(rename_all);
    match meta {
        Meta::Path(old) => *old = path,
        Meta::List(list) => list.path = path,
        Meta::NameValue(pair) => pair.path = path,
    }
}
