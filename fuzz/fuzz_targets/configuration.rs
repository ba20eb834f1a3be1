//! A provider's configuration file: read, or refused with lines that are in it.
#![no_main]

use std::path::Path;

use countersign_op::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A folder that does not exist: what the file names as a secret's file is looked for, and never found.
    if let Err(errors) = Config::parse(text, Path::new("/nowhere")) {
        assert!(!errors.is_empty(), "a refusal says why");
        let lines = text.lines().count().max(1);
        for error in errors {
            assert!((1..=lines + 1).contains(&error.line), "line {} of {lines}: {}", error.line, error.message);
        }
    }
});
