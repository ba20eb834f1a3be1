//! What is measured, one file per measurement.

pub mod disk;
pub mod existence;
pub mod hostile;
pub mod in_process;
pub mod push;
pub mod size;
pub mod soak;
pub mod streams;
pub mod with_device;
