//! Built-in types of authorization details (`schemas/*.json`), compiled once.

use std::sync::{Arc, LazyLock};

use super::schema::ValueCheck;
use super::{DetailType, values};

/// Prefix of Auth0's types; the operator lists each accepted one.
const AUTH0: &str = "urn:auth0:schemas:authorization-details:v1:";

/// Types that are accepted without an entry in the configuration.
pub(crate) const NAMES: [&str; 3] = ["payment_initiation", "account_information", "generic"];

static TYPES: LazyLock<Vec<Arc<DetailType>>> = LazyLock::new(|| {
    let schemas = [
        include_str!("schemas/payment_initiation.json"),
        include_str!("schemas/account_information.json"),
        include_str!("schemas/generic.json"),
    ];
    let checks: [ValueCheck; 3] = [values::check_payment, values::check_accounts, values::check_generic];
    let types = NAMES.into_iter().zip(schemas).zip(checks);
    types.map(|((name, schema), check)| compiled(name, schema, check)).collect()
});

/// The built-in type of this name: one of [`NAMES`], or any with Auth0's prefix.
pub(crate) fn built_in(name: &str) -> Option<Arc<DetailType>> {
    if name.strip_prefix(AUTH0).is_some_and(|rest| !rest.is_empty()) {
        return Some(compiled(name, include_str!("schemas/auth0.json"), values::check_auth0));
    }
    TYPES.iter().find(|kind| kind.name() == name).cloned()
}

fn compiled(name: &str, schema: &str, check: ValueCheck) -> Arc<DetailType> {
    let schema = serde_json::from_str(schema).expect("a schema file of this program is JSON; its test reads it");
    let kind = DetailType::new(name, &schema, None, None);
    Arc::new(kind.expect("a schema file of this program is a schema; its test compiles it").with_values(check))
}
