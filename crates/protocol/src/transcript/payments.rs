//! Amount and payee of each payment in a request, for comparing requests.

use super::LineValue;
use super::details::ElementLines;
use super::role::Role;
use crate::challenge::VerifiedChallenge;

/// A payment as a known type of details names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payment {
    /// The amount without needless zeros after the point: `4.2`.
    pub amount: String,
    /// The currency code (ISO 4217).
    pub currency: String,
    /// The payee, escaped.
    pub payee: String,
}

/// The payments that a request asks for, in the order of its details. Empty for anything else.
pub fn payments(challenge: &VerifiedChallenge) -> Vec<Payment> {
    let elements = challenge.details().map_or(&[][..], |details| details.elements());
    let read = elements.iter().enumerate().filter_map(|(at, element)| {
        let mut lines = Vec::new();
        ElementLines::add(&mut lines, at, element);
        let of_role = |role| lines.iter().find(move |line| line.role == role).map(|line| &line.value);
        match (of_role(Role::Amount)?, of_role(Role::Payee)?) {
            (LineValue::Money(money), LineValue::Text(payee)) => Some(Payment {
                amount: without_needless_zeros(&money.amount).to_owned(),
                currency: money.currency.clone(),
                payee: payee.clone(),
            }),
            _ => None,
        }
    });
    read.collect()
}

fn without_needless_zeros(amount: &str) -> &str {
    if amount.contains('.') { amount.trim_end_matches('0').trim_end_matches('.') } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_equal_compare_equal() {
        for (amount, short) in [("4.20", "4.2"), ("80.00", "80"), ("1200", "1200"), ("0.50", "0.5"), ("100", "100")] {
            assert_eq!(without_needless_zeros(amount), short);
        }
    }
}
