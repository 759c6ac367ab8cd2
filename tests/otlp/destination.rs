//! Endpoint, auth header and resource attributes come only from the settings.

use opentelemetry_sentry::{Dsn, Sentry, SENTRY_AUTH_HEADER};

const PATH: &str = "/integration/otlp/v1";

#[test]
fn the_endpoint_of_each_dsn() {
    for (dsn, base) in [
        ("https://key@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42"),
        ("https://key@o1.ingest.us.sentry.io:443/42", "https://o1.ingest.us.sentry.io/api/42"),
        ("https://key:secret@Sentry.Example/7", "https://sentry.example/api/7"),
        ("https://key@sentry.example:8443/7", "https://sentry.example:8443/api/7"),
        ("http://key@localhost:9000/1", "http://localhost:9000/api/1"),
        ("http://key@localhost:80/1", "http://localhost/api/1"),
        ("http://key@localhost:443/1", "http://localhost:443/api/1"),
        ("https://key@sentry.example/a/path/7", "https://sentry.example/a/path/api/7"),
        ("http://key@[::1]:9000/1", "http://[::1]:9000/api/1"),
        ("http://key@[::1]/1", "http://[::1]/api/1"),
    ] {
        let dsn: Dsn = dsn.parse().expect(dsn);
        assert_eq!(dsn.otlp_traces_endpoint(), format!("{base}{PATH}/traces/"));
        assert_eq!(dsn.otlp_logs_endpoint(), format!("{base}{PATH}/logs/"));
        assert_eq!(dsn.auth_header(), "sentry sentry_key=key");
        assert!(dsn.otlp_traces_endpoint().parse::<http::Uri>().is_ok());
    }
    let dsn: Dsn = "https://a-Key_9@sentry.example/7".parse().unwrap();
    assert_eq!(dsn.auth_header(), "sentry sentry_key=a-Key_9");
    assert_eq!(http::HeaderName::from_static(SENTRY_AUTH_HEADER), "x-sentry-auth");
}

#[test]
fn the_dsn_of_settings() {
    let sentry = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").build().unwrap();
    assert_eq!(sentry.dsn().map(Dsn::project_id), Some("42"));
    assert!(Sentry::default().dsn().is_none());
}

#[test]
fn resource_attributes_agree_with_the_dsc() {
    let attributes = |sentry: &Sentry| -> Vec<(String, String)> {
        let attributes = sentry.resource_attributes().into_iter();
        attributes.map(|kv| (kv.key.to_string(), kv.value.to_string())).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let environment = "deployment.environment.name";
    let none = Sentry::default();
    assert_eq!(attributes(&none), pairs(&[(environment, "production")]));
    let both = Sentry::builder().environment("staging é").release("shop@1.2.3+7").build().unwrap();
    let expected = [(environment, "staging é"), ("service.version", "shop@1.2.3+7")];
    assert_eq!(attributes(&both), pairs(&expected));
}
