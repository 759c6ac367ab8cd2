//! The server of the page, and of the page that shows its trace.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::Router;
use tokio::net::TcpListener;

use crate::html;
use crate::trace::Trace;

const INDEX: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Shop</title>\
    <link rel=\"icon\" href=\"data:,\"><style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;\
    margin:3rem auto;padding:0 1rem}</style><div id=\"app\"></div><script src=\"/main.js\"></script></html>";

/// The traces that the site shows, oldest first.
pub(crate) type Shown = Arc<Mutex<Vec<Trace>>>;

pub(crate) async fn serve(port: u16, bundle: Vec<u8>, shown: Shown) -> Result<(), String> {
    let script = move || async move { ([(CONTENT_TYPE, "text/javascript")], bundle) };
    let router = Router::new()
        .route("/", get(|| async { Html(INDEX) }))
        .route("/main.js", get(script))
        .route("/trace", get(trace))
        .with_state(shown);
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|error| format!("port {port}: {error}"))?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn trace(State(shown): State<Shown>) -> impl IntoResponse {
    Html(html::page(&shown.lock().unwrap_or_else(PoisonError::into_inner)))
}
