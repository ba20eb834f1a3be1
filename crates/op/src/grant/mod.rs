//! Parts of a grant that requests, store and tokens share.

pub(crate) mod confirmation;
pub(crate) mod resource;
