//! What money is counted in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What money is counted in: one of the currencies that are sold in, all of which have hundredths.
///
/// It is stored as its code, so that the order of the variants means nothing.
///
/// ```
/// use order_processing::order::Currency;
/// assert_eq!("EUR".parse(), Ok(Currency::Eur));
/// assert_eq!(Currency::default().to_string(), "USD");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Currency {
    /// Dollars: what every order was in before there was a choice.
    #[default]
    Usd,
    /// Euros.
    Eur,
    /// Pounds.
    Gbp,
}

/// The text is no code of a currency that is sold in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be one of USD, EUR and GBP")]
pub struct CurrencyError;

impl Currency {
    const ALL: [Self; 3] = [Self::Usd, Self::Eur, Self::Gbp];

    /// Its code, as banks write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
        }
    }

    pub(super) const fn sign(self) -> char {
        match self {
            Self::Usd => '$',
            Self::Eur => '€',
            Self::Gbp => '£',
        }
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        let mut all = Self::ALL.into_iter();
        all.find(|currency| currency.code() == code).ok_or(CurrencyError)
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(code: String) -> Result<Self, CurrencyError> {
        code.parse()
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_currency_comes_back_from_its_code_and_nothing_else_is_one() {
        for currency in Currency::ALL {
            assert_eq!(currency.code().parse(), Ok(currency));
        }
        for text in ["", "usd", "JPY", "USD ", "$"] {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text:?}");
        }
    }
}
