//! Types of the server that the driver does not know: transaction ids, and JSON that stays text.

use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef, types::Oid},
};

const XID8: Oid = Oid(5069);
const XID8_ARRAY: Oid = Oid(271);
const JSON: Oid = Oid(114);
const JSONB: Oid = Oid(3802);

/// The version of the binary format of JSONB: a byte before the text.
const JSONB_VERSION: u8 = 1;

/// A transaction id with its epoch: 64 bits that never wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Xid8(pub(crate) u64);

impl Type<Postgres> for Xid8 {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(XID8)
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        found.oid() == Some(XID8)
    }
}

impl PgHasArrayType for Xid8 {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(XID8_ARRAY)
    }
}

impl Decode<'_, Postgres> for Xid8 {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(match value.format() {
            PgValueFormat::Binary => u64::from_be_bytes(value.as_bytes()?.try_into()?),
            PgValueFormat::Text => value.as_str()?.parse()?,
        }))
    }
}

impl Encode<'_, Postgres> for Xid8 {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// The text of a JSON value, borrowed from the row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonText<'r>(pub(crate) &'r str);

impl Type<Postgres> for JsonText<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(JSONB)
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        matches!(found.oid(), Some(JSON | JSONB))
    }
}

impl<'r> Decode<'r, Postgres> for JsonText<'r> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = value.as_str()?;
        let is_binary = value.format() == PgValueFormat::Binary;
        Ok(Self(
            text.strip_prefix(char::from(JSONB_VERSION))
                .filter(|_| is_binary)
                .unwrap_or(text),
        ))
    }
}
