//! Accepted types of authorization details (RFC 9396): `authorization_details_types`, and `[[authorization_details]]` for the
//! operator's own.

use std::path::Path;
use std::sync::Arc;

use countersign_private_files::read_settings;
use serde_json::Value;

use super::section::{Found, Section};
use crate::authorization_details::{DetailType, DetailTypes, built_in};

/// Accepted by default.
const DEFAULT: [&str; 2] = ["payment_initiation", "account_information"];

/// The largest schema file, in bytes.
const SCHEMA_BYTES: u64 = 256 * 1024;

/// Reads both. The operator's types come first: one may replace a built-in type of the same name.
pub(super) fn read(top: &Section<'_>, folder: &Path) -> DetailTypes {
    let sections = top.sections("authorization_details", " in [[authorization_details]]");
    let own: Vec<Arc<DetailType>> = sections.into_iter().filter_map(|section| own_type(section, folder)).collect();
    let Some(named) = top.strings("authorization_details_types") else {
        return DetailTypes::new(own.into_iter().chain(DEFAULT.into_iter().filter_map(built_in)));
    };
    let mut types = Vec::new();
    for found in &named {
        let name = found.value;
        match own.iter().find(|kind| kind.name() == name).cloned().or_else(|| built_in(name)) {
            Some(kind) => types.push(kind),
            None => top.report(&found.at, format!("`authorization_details_types` can't be \"{name}\": it is none of \"payment_initiation\", \"account_information\", \"generic\" and \"urn:auth0:schemas:authorization-details:v1:...\"; describe it in an [[authorization_details]]")),
        }
    }
    DetailTypes::new(types.into_iter().chain(own))
}

/// `None` if an error was reported.
fn own_type(section: Section<'_>, folder: &Path) -> Option<Arc<DetailType>> {
    let name = section.required_string("type", "deletion");
    let schema = schema(&section, folder);
    let max_bytes = section.number("max_bytes", 64..=6144);
    let max_count = section.number("max_count", 1..=50);
    let made = name.zip(schema).and_then(|(name, schema)| {
        let size = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok());
        match DetailType::new(name.value, &schema.value, size(max_bytes), size(max_count)) {
            Ok(kind) => Some(Arc::new(kind)),
            Err(why) => {
                section.report(&schema.at, format!("the type \"{}\" can't be used: {why}", name.value));
                None
            }
        }
    });
    section.finish();
    made
}

fn schema(section: &Section<'_>, folder: &Path) -> Option<Found<Value>> {
    let (inline, file) = (section.json("schema"), section.string("schema_file"));
    match (section.has("schema"), section.has("schema_file")) {
        (true, true) => {
            section.report(section.at(), "a type has one of `schema` and `schema_file`; remove the other");
            None
        }
        (false, false) => {
            section.report(section.at(), "a type needs a JSON Schema (2020-12): add `schema_file` or `schema`");
            None
        }
        (true, false) => inline,
        (false, true) => {
            let file = file?;
            let path = folder.join(file.value);
            let shown = path.display();
            let report = |why: String| {
                section.report(&file.at, format!("the schema's file {shown} can't be used: {why}"));
                None
            };
            match std::fs::metadata(&path) {
                Ok(data) if data.len() > SCHEMA_BYTES => return report("it is larger than 256 KiB".to_owned()),
                Ok(_) => {}
                Err(error) => {
                    return report(format!(
                        "{error}; check the path (relative paths begin at the configuration's folder)"
                    ));
                }
            }
            match read_settings(&path).map(|text| serde_json::from_slice(&text)) {
                Ok(Ok(value)) => Some(Found { value, at: file.at }),
                Ok(Err(error)) => report(format!("it is not JSON: {error}")),
                Err(error) => report(error.to_string()),
            }
        }
    }
}
