//! The device page that is served now: a demo starts without one, and gets it when it is built.

use std::sync::{Arc, PoisonError, RwLock};

use super::served::ServedPage;

/// A place for one page, shared by the provider and its routes. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct CurrentPage(Arc<RwLock<Option<Arc<ServedPage>>>>);

impl CurrentPage {
    /// The page; `None` where there is none.
    pub(crate) fn get(&self) -> Option<Arc<ServedPage>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves this page from the next request on.
    pub(crate) fn set(&self, page: ServedPage) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(page));
    }
}
