//! What `#[event(...)]` says, and what it may say where.

use proc_macro2::{Span, TokenTree};
use syn::{
    Attribute, Error, Expr, Fields, Ident, LitBool, LitStr, Path, Result, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Enum,
    Struct,
    Variant,
}

impl Place {
    /// What may be said there, for a person who said something else.
    fn takes(self) -> &'static str {
        match self {
            Self::Enum => {
                "an enum takes `encoding`, `max_bytes`, `verify_round_trip`, `skip` and `crate`, and its variants the stored names"
            }
            Self::Struct => {
                "a struct takes a stored name such as \"OrderPlaced.v1\", `alias`, `from`, `encoding`, `max_bytes`, \
                 `verify_round_trip`, `skip` and `crate`"
            }
            Self::Variant => {
                "a variant takes a stored name such as \"OrderPlaced.v1\" with `alias` and `from`, or `flatten`"
            }
        }
    }

    fn check(self, span: Span, entry: &Entry) -> Result<()> {
        let mistake = match entry {
            Entry::Unknown(key) => format!("unknown key `{key}`"),
            _ if self.allows(entry) => return Ok(()),
            _ => "not in this place".to_owned(),
        };
        Err(Error::new(span, format!("{mistake}: {}", self.takes())))
    }

    fn allows(self, entry: &Entry) -> bool {
        match entry {
            Entry::Name(_) | Entry::Alias(_) | Entry::From(..) => self != Self::Enum,
            Entry::Flatten => self == Self::Variant,
            Entry::Encoding(_) | Entry::MaxBytes(_) | Entry::VerifyRoundTrip(_) | Entry::Crate(_) | Entry::Skip(_) => {
                self != Self::Variant
            }
            Entry::Unknown(_) => false,
        }
    }
}

/// All `#[event(...)]` attributes of one place together.
#[derive(Default)]
pub(crate) struct EventAttribute {
    pub(crate) name: Option<LitStr>,
    pub(crate) flatten: Option<Span>,
    pub(crate) encoding: Option<Ident>,
    pub(crate) max_bytes: Option<Expr>,
    pub(crate) verify_round_trip: Option<LitBool>,
    pub(crate) krate: Option<Path>,
    pub(crate) skip: Vec<LitStr>,
    pub(crate) alias: Vec<LitStr>,
    pub(crate) from: Vec<OldForm>,
}

/// A stored name of the past, with the type of its payload.
pub(crate) struct OldForm {
    pub(crate) name: LitStr,
    pub(crate) payload: Type,
}

enum Entry {
    Name(LitStr),
    Flatten,
    Encoding(LitStr),
    MaxBytes(Expr),
    VerifyRoundTrip(LitBool),
    Crate(Path),
    Skip(Punctuated<LitStr, Token![,]>),
    Alias(Punctuated<LitStr, Token![,]>),
    From(Punctuated<OldForm, Token![,]>),
    Unknown(String),
}

impl EventAttribute {
    pub(crate) fn parse(attributes: &[Attribute], place: Place) -> Result<Self> {
        let mut all = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            for Spanned { span, entry } in attribute.parse_args_with(Punctuated::<_, Token![,]>::parse_terminated)? {
                place.check(span, &entry)?;
                all.add(span, entry)?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, span: Span, entry: Entry) -> Result<()> {
        let is_first = match entry {
            Entry::Name(name) => self.name.replace(name).is_none(),
            Entry::Flatten => self.flatten.replace(span).is_none(),
            Entry::Encoding(name) => self.encoding.replace(encoding(&name)?).is_none(),
            Entry::MaxBytes(most) => self.max_bytes.replace(most).is_none(),
            Entry::VerifyRoundTrip(is_on) => self.verify_round_trip.replace(is_on).is_none(),
            Entry::Crate(path) => self.krate.replace(path).is_none(),
            Entry::Skip(names) => {
                self.skip.extend(names);
                true
            }
            Entry::Alias(names) => {
                self.alias.extend(names);
                true
            }
            Entry::From(forms) => {
                self.from.extend(forms);
                true
            }
            Entry::Unknown(_) => true,
        };
        if is_first {
            return Ok(());
        }
        Err(Error::new(span, "said twice: keep one of them"))
    }
}

/// There it would change nothing, where its author expects a change.
pub(crate) fn refuse_on_fields(fields: &Fields) -> Result<()> {
    let mut attributes = fields.iter().flat_map(|field| &field.attrs);
    attributes
        .find(|attribute| attribute.path().is_ident("event"))
        .map_or(Ok(()), |misplaced| {
            let message = "a field takes no `event`: put it on the variant or the struct";
            Err(Error::new_spanned(misplaced, message))
        })
}

/// The name of the constant in core's `Encoding`.
fn encoding(name: &LitStr) -> Result<Ident> {
    match name.value().as_str() {
        "bincode" => Ok(Ident::new("BINCODE", name.span())),
        "json" => Ok(Ident::new("JSON", name.span())),
        other => {
            let message = format!("unknown encoding {other:?}: there are \"bincode\", the default, and \"json\"");
            Err(Error::new(name.span(), message))
        }
    }
}

struct Spanned {
    span: Span,
    entry: Entry,
}

impl Parse for Spanned {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let span = input.span();
        let entry = if input.peek(LitStr) {
            Entry::Name(input.parse()?)
        } else {
            let key = Ident::parse_any(input).map_err(|_| Error::new(span, "expected a stored name or a key"))?;
            Entry::parse(&key.to_string(), input)?
        };
        Ok(Self { span, entry })
    }
}

impl Entry {
    fn parse(key: &str, input: ParseStream<'_>) -> Result<Self> {
        match key {
            "flatten" => Ok(Self::Flatten),
            "encoding" => value(input, "encoding = \"json\"").map(Self::Encoding),
            "max_bytes" => value(input, "max_bytes = 1024").map(Self::MaxBytes),
            "verify_round_trip" => value(input, "verify_round_trip = false").map(Self::VerifyRoundTrip),
            "crate" => value::<LitStr>(input, "crate = \"path\"")?.parse().map(Self::Crate),
            "skip" => list(input, "skip(\"OrderViewed.v1\")").map(Self::Skip),
            "alias" => list(input, "alias(\"OrderBought.v1\")").map(Self::Alias),
            "from" => list(input, "from(\"OrderPlaced.v1\" = OrderPlacedV1)").map(Self::From),
            _ => skip_to_comma(input).map(|()| Self::Unknown(key.to_owned())),
        }
    }
}

/// `= value`
fn value<T: Parse>(input: ParseStream<'_>, example: &str) -> Result<T> {
    let value = |input: ParseStream<'_>| {
        input.parse::<Token![=]>()?;
        input.parse()
    };
    value(input).map_err(|error| with_example(&error, example))
}

/// `(element, element)`
fn list<T: Parse>(input: ParseStream<'_>, example: &str) -> Result<Punctuated<T, Token![,]>> {
    let list = |input: ParseStream<'_>| {
        let elements;
        syn::parenthesized!(elements in input);
        Punctuated::parse_terminated(&elements)
    };
    list(input).map_err(|error| with_example(&error, example))
}

/// syn says what it expected, not what to write.
fn with_example(error: &Error, example: &str) -> Error {
    Error::new(error.span(), format!("{error}: write `{example}`"))
}

/// So that the error for an unknown key can say what its place takes.
fn skip_to_comma(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

impl Parse for OldForm {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            name: input.parse()?,
            payload: {
                input.parse::<Token![=]>()?;
                input.parse()?
            },
        })
    }
}
