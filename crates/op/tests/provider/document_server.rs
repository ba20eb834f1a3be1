//! An HTTP server for one document, as a client's `jwks_uri` needs it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

/// A document on a port of this machine, and how often it was fetched. Stops with the test.
pub(crate) struct Document {
    pub(crate) address: String,
    fetched: Arc<AtomicUsize>,
    text: Arc<Mutex<Option<String>>>,
}

impl Document {
    pub(crate) async fn serve(text: String) -> Document {
        let (fetched, text) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Some(text))));
        let (count, shown) = (fetched.clone(), text.clone());
        let answer = async move || {
            count.fetch_add(1, Ordering::SeqCst);
            shown.lock().expect("the text").clone().ok_or(StatusCode::NOT_FOUND)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let router = Router::new().route("/jwks", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Document { address, fetched, text }
    }

    pub(crate) fn becomes(&self, text: Option<String>) {
        *self.text.lock().expect("the text") = text;
    }

    pub(crate) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}
