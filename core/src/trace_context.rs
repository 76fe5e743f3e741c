//! Which trace something belongs to.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// The place in a distributed trace at which something happened: a
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/), as HTTP services hand it on.
///
/// It is what the headers `traceparent` and `tracestate` say, checked, and kept as it was written. A `traceparent` of a
/// version higher than 00 is accepted if its first four fields are what they are in version 00. Cheap to clone.
///
/// ```
/// use composable_rust_core::TraceContext;
///
/// let context: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(context.parent_id(), "00f067aa0ba902b7");
/// assert!(context.is_sampled());
/// # Ok::<(), composable_rust_core::TraceContextError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Headers")]
pub struct TraceContext(Arc<Headers>);

/// Behind one pointer: metadata is cloned for each event, and most has no trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Headers {
    traceparent: Box<str>,
    #[serde(default)]
    tracestate: Option<Box<str>>,
}

impl TraceContext {
    /// How it is called in JSON.
    pub(crate) const TRACEPARENT: &'static str = "traceparent";
    /// How what vendors add is called in JSON.
    pub(crate) const TRACESTATE: &'static str = "tracestate";

    /// Reads what a request carries. As the specification wants it, a `tracestate` that is not valid is left out, and does
    /// no harm to the rest.
    ///
    /// # Errors
    /// As [`TraceContext::from_str`]: go on without a trace context, and a trace begins here.
    ///
    /// ```
    /// use composable_rust_core::TraceContext;
    ///
    /// let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let context = TraceContext::from_headers(traceparent, Some("vendor=1"))?;
    /// assert_eq!(context.tracestate(), Some("vendor=1"));
    /// assert_eq!(TraceContext::from_headers(traceparent, Some("?"))?.tracestate(), None);
    /// # Ok::<(), composable_rust_core::TraceContextError>(())
    /// ```
    pub fn from_headers(traceparent: &str, tracestate: Option<&str>) -> Result<Self, TraceContextError> {
        let tracestate = tracestate.filter(|state| is_tracestate(state));
        check_traceparent(traceparent)?;
        Ok(Self::checked(traceparent, tracestate))
    }

    /// Adds what vendors say about the trace.
    ///
    /// # Errors
    /// [`TraceContextError::Tracestate`] if it is not a list of entries `key=value`: leave it out.
    pub fn with_tracestate(self, tracestate: &str) -> Result<Self, TraceContextError> {
        if !is_tracestate(tracestate) {
            return Err(TraceContextError::Tracestate);
        }
        Ok(Self::checked(&self.0.traceparent, Some(tracestate)))
    }

    fn checked(traceparent: &str, tracestate: Option<&str>) -> Self {
        Self(Arc::new(Headers {
            traceparent: traceparent.into(),
            tracestate: tracestate.map(Into::into),
        }))
    }

    /// The whole of the header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.0.traceparent
    }

    /// The header `tracestate`, if there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.0.tracestate.as_deref()
    }

    /// Which trace: 32 digits in lower-case hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.field(1)
    }

    /// Which span of it: 16 digits in lower-case hexadecimal.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        self.field(2)
    }

    /// The flags, of which the lowest bit is the only one that version 00 knows.
    #[must_use]
    pub fn flags(&self) -> u8 {
        u8::from_str_radix(self.field(3), 16).unwrap_or_default()
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags() & 1 == 1
    }

    fn field(&self, number: usize) -> &str {
        self.0.traceparent.split('-').nth(number).unwrap_or_default()
    }

    /// Takes what is a trace context out of stored metadata. What is not stays there as it is: a log may hold entries of
    /// these names from before they meant something, and a record is read whatever they say.
    pub(crate) fn take_from(stored: &mut Map<String, Value>) -> Option<Self> {
        let text = |key: &str| stored.get(key).and_then(Value::as_str);
        let traceparent = text(Self::TRACEPARENT).filter(|text| check_traceparent(text).is_ok())?;
        let tracestate = text(Self::TRACESTATE).filter(|text| is_tracestate(text));
        let context = Self::checked(traceparent, tracestate);
        stored.remove(Self::TRACEPARENT);
        if context.tracestate().is_some() {
            stored.remove(Self::TRACESTATE);
        }
        Some(context)
    }
}

fn check_traceparent(text: &str) -> Result<(), TraceContextError> {
    let mut fields = text.splitn(5, '-');
    let mut hexadecimal = |digits| fields.next().filter(|field| is_hexadecimal(field, digits));
    let is_id = |field: &&str| field.bytes().any(|digit| digit != b'0');
    let version = hexadecimal(2).filter(|version| *version != "ff");
    let version = version.ok_or(TraceContextError::Version)?;
    hexadecimal(32).filter(is_id).ok_or(TraceContextError::TraceId)?;
    hexadecimal(16).filter(is_id).ok_or(TraceContextError::ParentId)?;
    hexadecimal(2).ok_or(TraceContextError::Flags)?;
    match fields.next() {
        Some(more) if version == "00" || !more.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(TraceContextError::Trailing)
        }
        _ => Ok(()),
    }
}

fn is_hexadecimal(field: &str, digits: usize) -> bool {
    field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// At most 32 entries `key=value` between commas; entries may be empty and have white space round them.
fn is_tracestate(text: &str) -> bool {
    let entries = text.split(',').map(|entry| entry.trim_matches([' ', '\t']));
    let mut entries = entries.filter(|entry| !entry.is_empty());
    let mut some = entries.by_ref().take(32).peekable();
    some.peek().is_some() && some.all(is_entry) && entries.next().is_none()
}

fn is_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let begins = key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let of_key = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let of_value = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    let is_value = (1..=256).contains(&value.len()) && value.bytes().all(of_value);
    begins && key.len() <= 256 && key.bytes().all(of_key) && is_value
}

/// Why a text is no trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceContextError {
    /// It does not begin with a version: two digits in lower-case hexadecimal, and not `ff`.
    #[error("a traceparent must begin with a version of two digits in lower-case hexadecimal other than ff")]
    Version,
    /// There is no trace id.
    #[error("a trace id must have 32 digits in lower-case hexadecimal, not all of them zero")]
    TraceId,
    /// There is no parent id.
    #[error("a parent id must have 16 digits in lower-case hexadecimal, not all of them zero")]
    ParentId,
    /// There are no flags.
    #[error("the flags of a traceparent must have two digits in lower-case hexadecimal")]
    Flags,
    /// More follows than the version allows.
    #[error("nothing must follow the flags in version 00, and nothing but visible characters in others")]
    Trailing,
    /// It is not a list of vendors' entries.
    #[error("a tracestate must be a list of 1 to 32 entries key=value")]
    Tracestate,
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    fn from_str(traceparent: &str) -> Result<Self, Self::Err> {
        check_traceparent(traceparent)?;
        Ok(Self::checked(traceparent, None))
    }
}

impl TryFrom<Headers> for TraceContext {
    type Error = TraceContextError;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        check_traceparent(&headers.traceparent)?;
        if headers.tracestate.as_deref().is_some_and(|state| !is_tracestate(state)) {
            return Err(TraceContextError::Tracestate);
        }
        Ok(Self(Arc::new(headers)))
    }
}

/// As `traceparent`, without what vendors add.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.traceparent())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("TraceContext");
        shown.field(&self.traceparent());
        self.tracestate().map(|state| shown.field(&state));
        shown.finish()
    }
}

/// As the two headers.
impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut headers = serializer.serialize_map(None)?;
        headers.serialize_entry(Self::TRACEPARENT, self.traceparent())?;
        if let Some(tracestate) = self.tracestate() {
            headers.serialize_entry(Self::TRACESTATE, tracestate)?;
        }
        headers.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Result<TraceContext, TraceContextError> {
        text.parse()
    }

    #[test]
    fn what_is_no_traceparent_is_refused_with_the_reason() {
        let cases = [
            ("", TraceContextError::Version),
            ("0", TraceContextError::Version),
            (
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                TraceContextError::Version,
            ),
            (
                " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                TraceContextError::Version,
            ),
            ("00", TraceContextError::TraceId),
            (
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                TraceContextError::TraceId,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
                TraceContextError::TraceId,
            ),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                TraceContextError::TraceId,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                TraceContextError::ParentId,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bg-01",
                TraceContextError::ParentId,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                TraceContextError::Flags,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
                TraceContextError::Flags,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
                TraceContextError::Flags,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                TraceContextError::Trailing,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                TraceContextError::Trailing,
            ),
            (
                "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\0",
                TraceContextError::Trailing,
            ),
        ];
        for (text, reason) in cases {
            assert_eq!(parsed(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn a_higher_version_is_accepted_by_its_first_four_fields() {
        for text in [
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-the-future.will-be-like",
        ] {
            let context = parsed(text).unwrap();
            assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(context.parent_id(), "00f067aa0ba902b7");
            assert_eq!((context.flags(), context.is_sampled()), (3, true));
            assert_eq!(context.to_string(), text, "handed on as it came");
        }
        assert!(parsed("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03.more").is_err());
    }

    #[test]
    fn what_vendors_add_is_a_short_list_of_entries() {
        let context = parsed(VALID).unwrap();
        let most: Vec<_> = (0..32).map(|n| format!("v{n}=1")).collect();
        for valid in [
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            "a=b , ,\tc@d=e f",
            "1/2_3-4*=!",
            &most.join(","),
        ] {
            let with = context.clone().with_tracestate(valid).unwrap();
            assert_eq!((with.tracestate(), with.traceparent()), (Some(valid), VALID));
        }
        let key = "k".repeat(257) + "=v";
        let value = "k=".to_owned() + &"v".repeat(257);
        let many = most.join(",") + ",more=1";
        for invalid in [
            "", " ,", "a", "a=", "=b", "A=b", "_a=b", "a=b=c", "a=\u{e9}", "a=\0", &key, &value, &many,
        ] {
            let refused = context.clone().with_tracestate(invalid);
            assert_eq!(refused, Err(TraceContextError::Tracestate), "{invalid:?}");
            let lenient = TraceContext::from_headers(VALID, Some(invalid));
            assert_eq!(lenient, Ok(context.clone()), "{invalid:?}");
        }
    }

    #[test]
    fn in_json_it_is_the_two_headers() {
        let context = parsed(VALID).unwrap();
        assert_eq!(
            serde_json::to_value(&context).unwrap(),
            serde_json::json!({ "traceparent": VALID })
        );
        let context = context.with_tracestate("a=b").unwrap();
        let json = serde_json::json!({ "traceparent": VALID, "tracestate": "a=b" });
        assert_eq!(serde_json::to_value(&context).unwrap(), json);
        assert_eq!(serde_json::from_value::<TraceContext>(json).unwrap(), context);
        for invalid in [
            serde_json::json!({ "traceparent": "00" }),
            serde_json::json!({ "tracestate": "a=b" }),
            serde_json::json!({ "traceparent": VALID, "tracestate": "" }),
        ] {
            assert!(serde_json::from_value::<TraceContext>(invalid).is_err());
        }
    }

    #[test]
    fn it_is_a_pointer() {
        assert_eq!(size_of::<Option<TraceContext>>(), size_of::<usize>());
    }

    proptest! {
        #[test]
        fn every_trace_context_is_written_as_it_was_read(
            version in 0..=0xfe_u8, trace in 1..=u128::MAX, parent in 1..=u64::MAX, flags: u8, more in "(-[!-~]{0,9})?",
        ) {
            let more = if version == 0 { "" } else { &more };
            let text = format!("{version:02x}-{trace:032x}-{parent:016x}-{flags:02x}{more}");
            let context = parsed(&text).unwrap();
            prop_assert_eq!(context.to_string(), text);
            prop_assert_eq!(u128::from_str_radix(context.trace_id(), 16), Ok(trace));
            prop_assert_eq!(u64::from_str_radix(context.parent_id(), 16), Ok(parent));
            prop_assert_eq!(context.flags(), flags);
            let json = serde_json::to_string(&context).unwrap();
            prop_assert_eq!(serde_json::from_str::<TraceContext>(&json).unwrap(), context);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), nearly in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,3}") {
            for text in [text, nearly] {
                if let Ok(context) = TraceContext::from_headers(&text, Some(&text)) {
                    prop_assert_eq!((context.trace_id().len(), context.parent_id().len()), (32, 16));
                }
            }
        }
    }
}
