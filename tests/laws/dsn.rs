//! A DSN: valid exactly if the grammar accepts it. No part of it is shown.

use http::{HeaderValue, Uri};
use opentelemetry_sentry::{Dsn, Sentry};

use super::choices::text;
use super::{reader, sound};

pub(crate) fn check(input: &[u8]) {
    let text = text(input, |choices| choices.dsn());
    let built = Sentry::builder().dsn(text.as_str()).build();
    match (text.parse::<Dsn>(), reader::dsn(&text)) {
        (Ok(dsn), Some(expected)) => {
            check_parts(&dsn, &expected);
            assert_eq!(built.expect("settings").dsn(), Some(&dsn), "{text:?}");
        }
        (Err(error), None) => {
            sound::assert_silent(&error);
            sound::assert_silent(&built.expect_err("an error"));
        }
        (read, expected) => panic!("{text:?}: {read:?}, expected {expected:?}"),
    }
}

fn check_parts(dsn: &Dsn, expected: &reader::Dsn) {
    assert_eq!(dsn.scheme(), expected.scheme);
    assert_eq!(dsn.public_key(), expected.public_key);
    assert_eq!(dsn.host(), expected.host);
    assert_eq!(dsn.port(), expected.port);
    assert_eq!(dsn.path(), expected.path);
    assert_eq!(dsn.project_id(), expected.project_id);
    assert_eq!(dsn.org_id(), expected.org_id().as_deref());
    let shown = format!("{dsn:?}");
    let others = format!("{}{}{}{}", dsn.host(), dsn.path(), dsn.project_id(), dsn.port());
    // A short key may also be part of the host.
    assert!(
        dsn.public_key().len() < 9
            || others.contains(dsn.public_key())
            || !shown.contains(dsn.public_key())
    );

    let endpoint: Uri = dsn.otlp_traces_endpoint().parse().expect("an endpoint");
    assert_eq!(endpoint.scheme_str(), Some(dsn.scheme()));
    assert_eq!(endpoint.host(), Some(dsn.host()));
    let default = if dsn.scheme() == "https" { 443 } else { 80 };
    assert_eq!(endpoint.port_u16(), Some(dsn.port()).filter(|port| *port != default));
    let path = format!("{}/api/{}/integration/otlp/v1/traces/", expected.path, expected.project_id);
    assert_eq!(endpoint.path(), path);
    let auth = dsn.auth_header();
    assert_eq!(auth, format!("sentry sentry_key={}", expected.public_key));
    HeaderValue::from_str(&auth).expect("a header value");

    // Without the secret the DSN is the same.
    let parts = (dsn.scheme(), dsn.public_key(), dsn.host(), dsn.port(), dsn.path());
    let (scheme, key, host, port, path) = parts;
    let again = format!("{scheme}://{key}@{host}:{port}{path}/{}", dsn.project_id());
    if again.len() <= 512 {
        assert_eq!(again.parse().as_ref(), Ok(dsn));
    }
}
