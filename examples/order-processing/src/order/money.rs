//! Amounts of money.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Currency;

/// An amount in whole cents, or whatever the hundredths of the currency are called. Arithmetic is checked: there is none
/// that overflows in silence, and none in floats. As text it is dollars; see [`Money::of`] for others.
///
/// ```
/// use order_processing::order::Money;
///
/// let price: Money = "25.00".parse()?;
/// assert_eq!(price, Money::from_cents(2500));
/// assert_eq!(price.times(4).map(|total| total.to_string()), Some("$100.00".to_owned()));
/// assert_eq!(Money::from_cents(i64::MAX).plus(Money::from_cents(1)), None);
/// # Ok::<(), order_processing::order::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// How many cents.
    #[must_use]
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The sum, unless it is more than can be counted.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(cents) => Some(Self(cents)),
            None => None,
        }
    }

    /// The amount so many times, unless it is more than can be counted.
    #[must_use]
    pub fn times(self, quantity: u64) -> Option<Self> {
        self.0.checked_mul(i64::try_from(quantity).ok()?).map(Self)
    }

    /// The amount as text, in this currency.
    ///
    /// ```
    /// use order_processing::order::{Currency, Money};
    /// assert_eq!(Money::from_cents(-150).of(Currency::Eur).to_string(), "-€1.50");
    /// ```
    #[must_use]
    pub fn of(self, currency: Currency) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let (sign, cents) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
            write!(f, "{sign}{}{}.{:02}", currency.sign(), cents / 100, cents % 100)
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of(Currency::Usd).fmt(f)
    }
}

/// Why a text is no amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// It is not written like one.
    #[error("a price is an amount of dollars with at most two decimals, such as 25.00")]
    Malformed,
    /// It is more than can be counted in cents.
    #[error("the price is too large")]
    TooLarge,
}

/// Dollars, with a sign perhaps and at most two decimals; digits only, on both sides of the point.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (negative, amount) = match text.strip_prefix('-') {
            Some(amount) => (true, amount),
            None => (false, text),
        };
        let (dollars, cents) = amount.split_once('.').map_or((amount, "00"), |parts| parts);
        if dollars.is_empty() || !(1..=2).contains(&cents.len()) || !is_digits(dollars) || !is_digits(cents) {
            return Err(MoneyError::Malformed);
        }
        let padding = if cents.len() == 1 { "0" } else { "" };
        let sign = if negative { "-" } else { "" };
        // Digits that i64 refuses are too many digits.
        let cents = format!("{sign}{dollars}{cents}{padding}").parse();
        cents.map(Self).map_err(|_| MoneyError::TooLarge)
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_comes_back_from_its_text(cents: i64) {
            let amount = Money::from_cents(cents);
            prop_assert_eq!(amount.to_string().replace('$', "").parse(), Ok(amount));
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = text.parse::<Money>();
        }

        #[test]
        fn arithmetic_is_exact_or_refused(a: i64, b: i64, quantity: u64) {
            let exact = |sum: i128| i64::try_from(sum).ok().map(Money::from_cents);
            prop_assert_eq!(Money(a).plus(Money(b)), exact(i128::from(a) + i128::from(b)));
            // Only a factor beyond i64 is refused where the product (of 0) could be counted.
            if let Ok(factor) = i64::try_from(quantity) {
                prop_assert_eq!(Money(a).times(quantity), exact(i128::from(a) * i128::from(factor)));
            } else {
                prop_assert_eq!(Money(a).times(quantity), None);
            }
        }
    }

    #[test]
    fn dollars_have_at_most_two_decimals() {
        for (text, cents) in [
            ("25", 2500),
            ("25.0", 2500),
            ("0.05", 5),
            ("007.50", 750),
            ("-1.25", -125),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(Money(cents)), "{text}");
        }
        for text in [
            "", ".", "-", "1.", ".5", "1.234", "1,00", "1e3", "+1", "--1", "$1", "1 ", "0x1", "1.-1", "１", "NaN",
        ] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::Malformed), "{text}");
        }
        assert_eq!("92233720368547758.07".parse(), Ok(Money(i64::MAX)));
        assert_eq!("92233720368547758.08".parse::<Money>(), Err(MoneyError::TooLarge));
    }
}
