//! Typed values in and out of columns: ids and hashes by their text, enumerations by their name on the wire.

use std::error::Error;
use std::str::FromStr;

use countersign_jose::clock::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, RowIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Indexes of columns, one after another in the order of their SELECT: to find each by its name costs more than to read it.
#[derive(Default)]
pub(crate) struct ColumnCursor(usize);

impl ColumnCursor {
    /// The next column's index.
    pub(crate) fn next(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }
}

/// A value kept as its own text.
pub(crate) fn text<T>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(damaged)
}

/// A value kept as its own text, or nothing.
pub(crate) fn optional_text<T>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str_or_null()?.map(|text| text.parse().map_err(damaged)).transpose()
}

/// A time in milliseconds.
pub(crate) fn time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millis(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0)))
}

/// A time in milliseconds, or nothing.
pub(crate) fn optional_time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(|millis| Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))))
}

/// A time as a column keeps it.
pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

/// An enumeration by its name on the wire.
pub(crate) fn name<T: DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T> {
    from_name(row.get_ref(column)?.as_str()?).map_err(damaged)
}

/// An enumeration by its name on the wire, or nothing.
pub(crate) fn optional_name<T: DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<T>> {
    row.get_ref(column)?.as_str_or_null()?.map(|text| from_name(text).map_err(damaged)).transpose()
}

/// A value kept as JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(damaged)
}

/// A value kept as JSON, or nothing.
pub(crate) fn optional_json<T: DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<T>> {
    row.get_ref(column)?.as_str_or_null()?.map(|text| serde_json::from_str(text).map_err(damaged)).transpose()
}

/// The name of an enumeration's value on the wire.
pub(crate) fn name_of<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("an enumeration without data is a JSON string, not {other:?}"),
    }
}

/// A value as JSON.
pub(crate) fn as_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types are representable in JSON")
}

fn from_name<T: DeserializeOwned>(text: &str) -> Result<T, serde::de::value::Error> {
    T::deserialize(serde::de::value::StrDeserializer::new(text))
}

fn damaged(error: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}
