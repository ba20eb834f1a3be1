//! What is measured, one file per question.

pub mod in_process;
pub mod size;
pub mod soak;
pub mod with_device;
