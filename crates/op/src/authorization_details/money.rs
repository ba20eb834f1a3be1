//! Amounts of money: decimal strings, compared exactly.

use std::cmp::Ordering;

/// An amount in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// Never negative.
    pub amount: Amount,
}

impl Money {
    /// Parses `50.00 EUR`; `None` for any other form.
    pub fn parse(text: &str) -> Option<Money> {
        let (amount, currency) = text.split_once(' ')?;
        let letters = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        Some(Money { amount: Amount::parse(amount)?, currency: letters.then(|| currency.to_owned())? })
    }
}

/// A decimal number of at most 13 digits before and 5 after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// In units of 10⁻⁵.
    hundred_thousandths: u64,
}

impl Amount {
    /// Parses digits with at most one point between them.
    pub fn parse(text: &str) -> Option<Amount> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 13 || fraction.len() > 5 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<5}").parse().ok()?;
        Some(Amount { hundred_thousandths: whole * 100_000 + fraction })
    }
}

impl PartialOrd for Money {
    /// Amounts of different currencies can't be compared.
    fn partial_cmp(&self, other: &Money) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.amount.cmp(&other.amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_compare_by_value_and_not_by_their_digits() {
        let amount = |text| Amount::parse(text).expect(text);
        assert!(amount("9.99") < amount("10"));
        assert_eq!(amount("4.2"), amount("4.20"));
        assert!(amount("50.00001") > amount("50"));
    }

    #[test]
    fn malformed_amounts_are_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,50", "12345678901234", "0.000001", "٣"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        for text in ["50.00", "50.00 eur", "50.00  EUR", "EUR 50.00", "50.00 EURO"] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_of_different_currencies_are_not_compared() {
        let euro = Money::parse("50.00 EUR").expect("an amount");
        let franc = Money::parse("50.00 CHF").expect("an amount");
        assert_eq!(euro.partial_cmp(&franc), None);
    }
}
