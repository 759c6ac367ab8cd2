//! The last service. It answers with the headers that it received.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value};

pub(crate) async fn start() -> io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/", get(headers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn headers(headers: HeaderMap) -> Json<Map<String, Value>> {
    let mut found = Map::new();
    for name in ["sentry-trace", "baggage"] {
        let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        let lines: Vec<&str> = lines.collect();
        if !lines.is_empty() {
            found.insert(name.to_owned(), lines.join(",").into());
        }
    }
    Json(found)
}
