//! Parts of a grant that requests, store and tokens share.

pub(crate) mod resource;
