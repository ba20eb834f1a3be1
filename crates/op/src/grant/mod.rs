//! Grant parameters shared by requests, store and tokens: resources and sender constraint.

pub(crate) mod confirmation;
pub(crate) mod resource;
