//! What the derive has understood: an event type and the ways its values are stored.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Data, DataEnum, DeriveInput, Error, Expr, Fields, Ident, LitBool, LitStr, Result, Type, Variant, spanned::Spanned,
};

use crate::{
    attribute::{self, EventAttribute, OldForm, Place},
    crate_path,
    errors::Errors,
    payload::{Payload, replace_self},
    serde_attribute::{self, Carried},
    stored_name,
};

/// An enum or a struct that derives `Event`.
pub(crate) struct EventType {
    pub(crate) ident: Ident,
    /// The path to core, or to the facade that shows core's items at its root.
    pub(crate) krate: TokenStream,
    pub(crate) encoding: Option<Ident>,
    pub(crate) max_bytes: Option<Expr>,
    pub(crate) verify_round_trip: Option<LitBool>,
    /// Stored names that mean nothing any more.
    pub(crate) skip: Vec<LitStr>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) flattened: Vec<Flattened>,
}

/// One kind of event: a variant, or the whole struct.
pub(crate) struct Kind {
    /// `Self::Placed`, or `Self`.
    pub(crate) constructor: TokenStream,
    pub(crate) is_variant: bool,
    pub(crate) name: LitStr,
    /// What it was called once, in the same bytes.
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) payload: Payload,
    pub(crate) old_forms: Vec<OldForm>,
}

impl Kind {
    /// The type that a variant holds. A struct is such a type itself: what it is made of is its own affair.
    pub(crate) fn payload_type(&self) -> Option<&TokenStream> {
        self.payload.newtype().filter(|_| self.is_variant)
    }

    /// The constructor for functions outside of the implementation, where `Self` is not known.
    pub(crate) fn constructor_outside(&self, event: &Ident) -> TokenStream {
        replace_self(self.constructor.clone(), event)
    }
}

/// A variant that holds the events of another type.
pub(crate) struct Flattened {
    pub(crate) constructor: TokenStream,
    pub(crate) events: Type,
}

impl EventType {
    pub(crate) fn parse(input: &DeriveInput) -> Result<Self> {
        let place = match input.data {
            Data::Struct(_) => Place::Struct,
            Data::Enum(_) => Place::Enum,
            Data::Union(_) => return Err(Error::new(input.ident.span(), "a union can't be an event: use an enum")),
        };
        let mut errors = Errors::default();
        errors.check(refuse_generics(input));
        let mut attribute = errors.or_default(EventAttribute::parse(&input.attrs, place));
        let mut event = Self {
            ident: input.ident.clone(),
            krate: errors.or_default(crate_path::resolve(attribute.krate.take())),
            encoding: attribute.encoding.take(),
            max_bytes: attribute.max_bytes.take(),
            verify_round_trip: attribute.verify_round_trip.take(),
            skip: std::mem::take(&mut attribute.skip),
            kinds: vec![],
            flattened: vec![],
        };
        match &input.data {
            Data::Enum(data) => event.add_variants(input, data, &mut errors),
            Data::Struct(data) => errors.check(event.add_struct(input, attribute, &data.fields)),
            Data::Union(_) => {}
        }
        stored_name::check_all(&event, &mut errors);
        event.check_compact(&mut errors);
        errors.into_result().map(|()| event)
    }

    /// In the compact encoding a field is found by its place, so none may be left out.
    fn check_compact(&self, errors: &mut Errors) {
        for kind in self.kinds.iter().filter(|_| self.is_compact()) {
            errors.check(kind.payload.refuse_gaps());
        }
    }

    /// Whether events are written in bincode.
    fn is_compact(&self) -> bool {
        self.encoding.as_ref().is_none_or(|encoding| encoding == "BINCODE")
    }

    fn add_variants(&mut self, input: &DeriveInput, data: &DataEnum, errors: &mut Errors) {
        if data.variants.is_empty() {
            errors.push(Error::new(input.ident.span(), "an event needs at least one variant"));
        }
        let carried = errors.or_default(serde_attribute::of_enum(&input.attrs));
        for variant in &data.variants {
            errors.check(self.add_variant(variant, &carried));
        }
    }

    fn add_struct(&mut self, input: &DeriveInput, attribute: EventAttribute, fields: &Fields) -> Result<()> {
        attribute::refuse_on_fields(fields)?;
        let carried = serde_attribute::of_struct(&input.attrs, self.is_compact())?;
        let name = required(attribute.name, input.ident.span())?;
        self.kinds.push(Kind {
            constructor: quote!(Self),
            is_variant: false,
            name,
            aliases: attribute.alias,
            payload: Payload::of(&input.ident, &input.ident, fields, carried)?,
            old_forms: attribute.from,
        });
        Ok(())
    }

    fn add_variant(&mut self, variant: &Variant, carried: &Carried) -> Result<()> {
        let ident = &variant.ident;
        let attribute = EventAttribute::parse(&variant.attrs, Place::Variant)?;
        attribute::refuse_on_fields(&variant.fields)?;
        let carried = serde_attribute::of_variant(&variant.attrs, carried)?;
        let constructor = quote!(Self::#ident);
        if let Some(flatten) = attribute.flatten {
            let events = flattened_type(variant, &attribute, flatten)?;
            self.flattened.push(Flattened { constructor, events });
            return Ok(());
        }
        let name = required(attribute.name, ident.span())?;
        self.kinds.push(Kind {
            constructor,
            is_variant: true,
            name,
            aliases: attribute.alias,
            payload: Payload::of(&self.ident, ident, &variant.fields, carried)?,
            old_forms: attribute.from,
        });
        Ok(())
    }
}

/// A stored name stands for one shape of bytes; a type parameter would give it several.
fn refuse_generics(input: &DeriveInput) -> Result<()> {
    if input.generics.params.is_empty() {
        return Ok(());
    }
    let message = "an event has no parameters: its stored names would each stand for bytes of several shapes";
    Err(Error::new(input.generics.params.span(), message))
}

fn required(name: Option<LitStr>, owner: Span) -> Result<LitStr> {
    name.ok_or_else(|| {
        Error::new(
            owner,
            "missing stored name: add one, such as `#[event(\"OrderPlaced.v1\")]`",
        )
    })
}

fn flattened_type(variant: &Variant, attribute: &EventAttribute, flatten: Span) -> Result<Type> {
    if attribute.name.is_some() || !attribute.alias.is_empty() || !attribute.from.is_empty() {
        let message = "`flatten` takes the stored names of the events inside: remove it, or the name";
        return Err(Error::new(flatten, message));
    }
    let mut fields = variant.fields.iter();
    match (fields.next(), fields.next()) {
        (Some(only), None) if only.ident.is_none() => {
            serde_attribute::refuse_any(&only.attrs)?;
            Ok(only.ty.clone())
        }
        _ => {
            let message = "`flatten` needs a variant with one unnamed field that is an event: `Payment(PaymentEvent)`";
            Err(Error::new(flatten, message))
        }
    }
}
