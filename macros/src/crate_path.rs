//! Where the generated code finds core.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, Ident, Path, Result};

/// The facade shows core's items at its root, so either will do. An application has only the facade.
const CANDIDATES: [&str; 2] = ["composable-rust", "composable-rust-core"];

/// The path that was `given`, else the first candidate among the dependencies, under the name it has there.
pub(crate) fn resolve(given: Option<Path>) -> Result<TokenStream> {
    if let Some(path) = given {
        return Ok(path.into_token_stream());
    }
    let found = CANDIDATES
        .iter()
        .find_map(|candidate| match crate_name(candidate).ok()? {
            // Its own tests, examples and doc tests see the crate under its name, as everyone else does.
            FoundCrate::Itself => Some(candidate.replace('-', "_")),
            FoundCrate::Name(name) => Some(name),
        });
    let Some(name) = found else {
        let message = "add `composable-rust` or `composable-rust-core` to the dependencies, \
                       or say where it is: `#[event(crate = \"...\")]`";
        return Err(Error::new(Span::call_site(), message));
    };
    let name = Ident::new(&name, Span::call_site());
    Ok(quote!(::#name))
}
