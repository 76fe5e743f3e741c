//! What an event carries, and the code that writes and reads it alone.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Error, Fields, Ident, LitStr, Member, Meta, Result, Type, ext::IdentExt};

use crate::{
    errors::Errors,
    serde_attribute::{self, Carried, Written},
};

/// What one kind of event carries.
pub(crate) struct Payload {
    shape: Shape,
    fields: Vec<Field>,
    /// The variant's name, for the messages of serde's errors.
    label: LitStr,
    carried: Carried,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No payload: written as `()`.
    Nothing,
    /// One unnamed field that serde was told nothing about: it is the payload.
    Newtype,
    /// Unnamed fields: written as a tuple.
    Tuple,
    /// Named fields: written as a struct.
    Struct,
}

struct Field {
    member: Member,
    /// What the field is called in generated code, where its own name could be taken.
    binding: Ident,
    ty: TokenStream,
    /// What serde was told about it.
    serde: Vec<Meta>,
}

impl Payload {
    pub(crate) fn of(owner: &Ident, kind: &Ident, fields: &Fields, carried: Carried) -> Result<Self> {
        let shape = match fields {
            Fields::Named(_) => Shape::Struct,
            Fields::Unit => Shape::Nothing,
            Fields::Unnamed(_) if fields.is_empty() => Shape::Nothing,
            Fields::Unnamed(_) => Shape::Tuple,
        };
        let fields = fields.iter().zip(fields.members()).enumerate();
        let fields = fields
            .map(|(n, (field, member))| Field::of(owner, n, field, member))
            .collect::<Result<Vec<_>>>()?;
        let is_newtype = matches!((shape, fields.as_slice()), (Shape::Tuple, [only]) if only.serde.is_empty());
        Ok(Self {
            shape: if is_newtype { Shape::Newtype } else { shape },
            fields,
            label: LitStr::new(&kind.unraw().to_string(), kind.span()),
            carried,
        })
    }

    /// The payload's type, where it has one that a user can name.
    pub(crate) fn newtype(&self) -> Option<&TokenStream> {
        match (self.shape, self.fields.as_slice()) {
            (Shape::Newtype, [only]) => Some(&only.ty),
            _ => None,
        }
    }

    /// Refuses fields that serde would leave out or take from elsewhere, and names all of them.
    pub(crate) fn refuse_gaps(&self) -> Result<()> {
        let mut errors = Errors::default();
        for field in &self.fields {
            errors.check(serde_attribute::refuse_gaps(&field.serde));
        }
        errors.into_result()
    }

    /// `{ order_id: field_0, lines: field_1 }`: takes a value apart, or puts it together. Fits every shape of variant.
    pub(crate) fn bindings(&self) -> TokenStream {
        let fields = self
            .fields
            .iter()
            .map(|Field { member, binding, .. }| quote!(#member: #binding));
        quote!({ #(#fields),* })
    }

    /// An expression that writes the fields, which [`Payload::bindings`] has bound by reference.
    pub(crate) fn encode(&self, krate: &TokenStream) -> TokenStream {
        match (self.shape, self.fields.as_slice()) {
            (Shape::Nothing, _) => quote!(codec.encode(&())),
            // The type is said, so that what serde misses is missed where the type stands.
            (Shape::Newtype, [Field { binding, ty, .. }]) => quote!(codec.encode::<#ty>(#binding)),
            _ => self.encode_struct(krate),
        }
    }

    /// An expression that reads the fields and puts the event together.
    pub(crate) fn decode(&self, krate: &TokenStream, constructor: &TokenStream) -> TokenStream {
        let bindings = self.bindings();
        match (self.shape, self.fields.as_slice()) {
            (Shape::Nothing, _) => quote!(codec.decode(stored.data).map(|()| #constructor #bindings)),
            (Shape::Newtype, [Field { binding, ty, .. }]) => {
                quote!(codec.decode::<#ty>(stored.data).map(|#binding| #constructor #bindings))
            }
            _ => self.decode_struct(krate, constructor),
        }
    }

    fn encode_struct(&self, krate: &TokenStream) -> TokenStream {
        let serde = quote!(#krate::__private::serde);
        let written: Vec<_> = self.fields.iter().map(|field| field.written(&serde)).collect();
        let functions = written.iter().map(|written| &written.functions);
        let fields = self.fields.iter().zip(&written).map(|(field, written)| {
            let ty = &field.ty;
            field.declaration(&written.entries, &quote!(&'__event #ty))
        });
        let lifetime = (!self.fields.is_empty()).then(|| quote!(<'__event>));
        let stored = self.stored_struct(&serde, "Serialize", lifetime.as_ref(), fields);
        let bindings = self
            .fields
            .iter()
            .map(|Field { member, binding, .. }| quote!(#member: #binding));
        quote! {{
            #(#functions)*
            #stored
            codec.encode(&__Stored { #(#bindings),* })
        }}
    }

    fn decode_struct(&self, krate: &TokenStream, constructor: &TokenStream) -> TokenStream {
        let fields = self
            .fields
            .iter()
            .map(|field| field.declaration(&field.serde, &field.ty));
        let stored = self.stored_struct(&quote!(#krate::__private::serde), "Deserialize", None, fields);
        let bindings = self.bindings();
        quote! {{
            #stored
            codec.decode(stored.data).map(|__Stored #bindings| #constructor #bindings)
        }}
    }

    /// The struct whose serde implementation is the stored form.
    fn stored_struct(
        &self,
        serde: &TokenStream,
        derive: &str,
        lifetime: Option<&TokenStream>,
        fields: impl Iterator<Item = TokenStream>,
    ) -> TokenStream {
        let Self { label, carried, .. } = self;
        let derive = Ident::new(derive, Span::call_site());
        let path = LitStr::new(&serde.to_string(), Span::call_site());
        let fields = if self.shape == Shape::Struct {
            quote!({ #(#fields),* })
        } else {
            quote!((#(#fields),*);)
        };
        quote! {
            #[derive(#serde::#derive)]
            #[serde(crate = #path, rename = #label, #(#carried),*)]
            #[allow(dead_code, reason = "written by a derive, for every shape of event")]
            struct __Stored #lifetime #fields
        }
    }
}

impl Field {
    fn of(owner: &Ident, n: usize, field: &syn::Field, member: Member) -> Result<Self> {
        if let Type::Reference(reference) = &field.ty {
            return Err(Error::new_spanned(
                reference,
                "an event owns what it says: use an owned type",
            ));
        }
        Ok(Self {
            member,
            binding: format_ident!("field_{n}"),
            ty: replace_self(field.ty.to_token_stream(), owner),
            serde: serde_attribute::entries(&field.attrs)?,
        })
    }

    fn written(&self, serde: &TokenStream) -> Written {
        Written::of(&self.serde, &self.binding, &self.ty, serde)
    }

    fn declaration(&self, entries: &[Meta], ty: &TokenStream) -> TokenStream {
        let serde = (!entries.is_empty()).then(|| quote!(#[serde(#(#entries),*)]));
        let name = match &self.member {
            Member::Named(name) => Some(quote!(#name:)),
            Member::Unnamed(_) => None,
        };
        quote!(#serde #name #ty)
    }
}

/// A clone, since a name that is a keyword (`r#type`) can't be made of its text.
fn at(span: Span, name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(span);
    name
}

/// `Self` means the event, also in the private structs.
pub(crate) fn replace_self(tokens: TokenStream, owner: &Ident) -> TokenStream {
    let replace = |tree| match tree {
        TokenTree::Ident(ident) if ident == "Self" => at(ident.span(), owner).into(),
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), replace_self(group.stream(), owner));
            replaced.set_span(group.span());
            replaced.into()
        }
        other => other,
    };
    tokens.into_iter().map(replace).collect()
}
