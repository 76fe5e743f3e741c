//! A child's action inside its parent's.

/// How a parent's action holds a child's: plain function pointers, so that any variant of an enum fits and compiler
/// errors stay readable. Built by [`prism!`](crate::prism).
///
/// ```
/// use composable_rust_core::{Prism, prism};
/// enum App { Cart(u32), Quit }
/// const CART: Prism<App, u32> = prism!(App::Cart);
/// assert_eq!(CART.extract(&App::Cart(7)), Some(&7));
/// assert_eq!(CART.extract(&App::Quit), None);
/// ```
pub struct Prism<A, C> {
    extract: fn(&A) -> Option<&C>,
    embed: fn(C) -> A,
}

impl<A, C> Prism<A, C> {
    /// From the two directions: out of the parent's action, and into it.
    #[must_use]
    pub const fn new(extract: fn(&A) -> Option<&C>, embed: fn(C) -> A) -> Self {
        Self { extract, embed }
    }

    /// The child's action, if it is one.
    #[must_use]
    pub fn extract<'a>(&self, action: &'a A) -> Option<&'a C> {
        (self.extract)(action)
    }

    pub(super) const fn embedding(&self) -> fn(C) -> A {
        self.embed
    }
}

/// How a parent's action holds that of one of many children, beside its key. Built by [`prism!`](crate::prism).
///
/// ```
/// use composable_rust_core::{RowPrism, prism};
/// enum App { Row(u64, &'static str) }
/// const ROW: RowPrism<App, u64, &'static str> = prism!(App::Row[key]);
/// assert_eq!(ROW.extract(&App::Row(7, "edit")), Some((&7, &"edit")));
/// ```
pub struct RowPrism<A, K, C> {
    extract: fn(&A) -> Option<(&K, &C)>,
    embed: fn(K, C) -> A,
}

impl<A, K, C> RowPrism<A, K, C> {
    /// From the two directions: out of the parent's action, and into it.
    #[must_use]
    pub const fn new(extract: fn(&A) -> Option<(&K, &C)>, embed: fn(K, C) -> A) -> Self {
        Self { extract, embed }
    }

    /// The key and the child's action, if it is one.
    #[must_use]
    pub fn extract<'a>(&self, action: &'a A) -> Option<(&'a K, &'a C)> {
        (self.extract)(action)
    }

    pub(super) const fn embedding(&self) -> fn(K, C) -> A {
        self.embed
    }
}

/// The prism of an enum's variant: `prism!(App::Cart)` for a variant that holds a child's action,
/// `prism!(App::Row[key])` for one that holds a key and a child's action.
#[macro_export]
macro_rules! prism {
    ($first:ident $(:: $rest:ident)+) => {
        $crate::Prism::new(
            |action| {
                #[allow(unreachable_patterns, reason = "an enum may have just this variant")]
                match action {
                    $first $(:: $rest)+(child) => ::core::option::Option::Some(child),
                    _ => ::core::option::Option::None,
                }
            },
            $first $(:: $rest)+,
        )
    };
    ($first:ident $(:: $rest:ident)+ [$key:ident]) => {
        $crate::RowPrism::new(
            |action| {
                #[allow(unreachable_patterns, reason = "an enum may have just this variant")]
                match action {
                    $first $(:: $rest)+($key, child) => ::core::option::Option::Some(($key, child)),
                    _ => ::core::option::Option::None,
                }
            },
            $first $(:: $rest)+,
        )
    };
}
