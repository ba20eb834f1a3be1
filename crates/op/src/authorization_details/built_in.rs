//! Built-in types of authorization details (`schemas/*.json`), compiled once.

use std::sync::{Arc, LazyLock};

use super::DetailType;

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
    NAMES.into_iter().zip(schemas).map(|(name, schema)| compiled(name, schema)).collect()
});

/// The built-in type of this name: one of [`NAMES`], or any with Auth0's prefix.
pub(crate) fn built_in(name: &str) -> Option<Arc<DetailType>> {
    if name.strip_prefix(AUTH0).is_some_and(|rest| !rest.is_empty()) {
        return Some(compiled(name, include_str!("schemas/auth0.json")));
    }
    TYPES.iter().find(|kind| kind.name() == name).cloned()
}

fn compiled(name: &str, schema: &str) -> Arc<DetailType> {
    let schema = serde_json::from_str(schema).expect("a schema file of this program is JSON; its test reads it");
    let kind = DetailType::new(name, &schema, None, None);
    Arc::new(kind.expect("a schema file of this program is a schema; its test compiles it"))
}
