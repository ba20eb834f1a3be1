//! Errors of the device's operations: one enum each, every variant with a stable `code()` that user interfaces and
//! scripts switch on.

mod answer;
mod enroll;
mod export;
mod open;
mod own_call;
mod unenroll;
mod wake;

pub use answer::AnswerError;
pub use enroll::EnrollError;
pub use export::ExportError;
pub use open::OpenError;
pub use own_call::OwnCallError;
pub use unenroll::UnenrollError;
pub use wake::WakeError;
