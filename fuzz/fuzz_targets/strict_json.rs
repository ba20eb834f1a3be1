//! The strict JSON reader: never panics, and what it accepts serde_json reads to the same value.
#![no_main]

use countersign_jose::json::{self, Json, Strictness};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(strict) = json::read(bytes, Strictness::with_depth(8)) else { return };
    let lenient: Value = serde_json::from_slice(bytes).expect("what the strict reader accepts is JSON");
    assert!(same(&strict, &lenient), "{strict:?} is not {lenient:?}");
});

fn same(strict: &Json, lenient: &Value) -> bool {
    match (strict, lenient) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Bool(b)) => a == b,
        (Json::Number(a), Value::Number(b)) => is_near(a, b.as_f64()),
        (Json::String(a), Value::String(b)) => a == b,
        (Json::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// serde_json's floats may be off by the last bit; ours are literals.
fn is_near(literal: &str, float: Option<f64>) -> bool {
    let (Ok(exact), Some(float)) = (literal.parse::<f64>(), float) else { return false };
    (exact - float).abs() <= exact.abs() * 1e-12
}
