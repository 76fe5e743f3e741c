//! Stored names: chosen, stored for ever, and each meaning one thing.

use std::collections::HashSet;

use syn::{Error, LitStr, Result};

use crate::{errors::Errors, model::EventType};

/// The most bytes of a stored name that every store takes: core's `Limit::BytesPerEventType`, held equal by a test.
const MAX_BYTES: usize = 256;

/// All names of the type itself: what is written now, what was written once, what is skipped.
pub(crate) fn all(event: &EventType) -> impl Iterator<Item = &LitStr> {
    let current = event.kinds.iter().map(|kind| &kind.name);
    let aliases = event.kinds.iter().flat_map(|kind| &kind.aliases);
    let old = event
        .kinds
        .iter()
        .flat_map(|kind| &kind.old_forms)
        .map(|form| &form.name);
    current.chain(aliases).chain(old).chain(&event.skip)
}

pub(crate) fn check_all(event: &EventType, errors: &mut Errors) {
    let mut taken = HashSet::new();
    for name in all(event) {
        errors.check(check(name));
        if !taken.insert(name.value()) {
            let message = format!("{:?} already stands for another event of this type", name.value());
            errors.push(Error::new(name.span(), message));
        }
    }
}

fn check(name: &LitStr) -> Result<()> {
    let value = name.value();
    let mistake = if value.is_empty() {
        "a stored name must not be empty".to_owned()
    } else if value.contains('\0') {
        "a stored name must not hold a NUL character: databases refuse it".to_owned()
    } else if value.len() > MAX_BYTES {
        format!(
            "this stored name has {} bytes: at most {MAX_BYTES} are allowed",
            value.len()
        )
    } else {
        return Ok(());
    };
    Err(Error::new(name.span(), mistake))
}
