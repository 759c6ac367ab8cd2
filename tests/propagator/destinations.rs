//! The URL that a caller adds to the context, and its effect on the headers.

use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryBuilder};

use crate::common::{inject, remote, DSN};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).propagate_traceparent(true)
}

fn api() -> SentryBuilder {
    shop().trace_propagation_targets(["https://api.myecommerce.com", "/internal/"])
}

/// Whether headers are sent. Without a target list every URL except Sentry's own is allowed.
#[test]
fn the_outgoing_url_decides() {
    const API: &str = "https://api.myecommerce.com/cart";
    const OTHER: &str = "https://tracker.example/";
    let strict = || api().deny_unknown_urls(true);
    let rows = [
        ("no targets", shop(), Some(OTHER), true),
        ("no targets, unknown", shop(), None, true),
        ("listed", api(), Some(API), true),
        ("listed, part of the URL", api(), Some("http://10.0.0.1/internal/x"), true),
        ("not listed", api(), Some(OTHER), false),
        ("another case", api(), Some("https://API.myecommerce.com/cart"), true),
        ("unknown", api(), None, true),
        ("unknown, denied", strict(), None, false),
        ("known, with unknown URLs denied", strict(), Some(API), true),
        ("not listed, with unknown URLs denied", strict(), Some(OTHER), false),
        ("known, no targets", shop().deny_unknown_urls(true), Some(OTHER), true),
        ("nowhere", shop().trace_propagation_targets([""; 0]), Some(API), false),
        ("an empty URL", api(), Some(""), false),
    ];
    for (name, builder, url, allowed) in rows {
        let cx = Context::new().with_remote_span_context(remote(true, ""));
        let cx = url.map_or(cx.clone(), |url| cx.with_outgoing_url(url));
        let sent = inject(&builder.build().unwrap().propagator(), &cx);
        assert_eq!(sent.len(), if allowed { 3 } else { 0 }, "{name}: {sent:?}");
    }
}

/// Regardless of the targets. The port distinguishes two services on one host.
#[test]
fn sentry_itself_never_gets_headers() {
    let ip = "http://key@[::1]:9000/7";
    let local = "https://key@sentry.local:9443/prefix/7";
    for (dsn, url, allowed) in [
        (DSN, "https://o1.ingest.sentry.io/api/42/envelope/", false),
        (DSN, "https://o1.ingest.sentry.io", false),
        (DSN, "https://o1.ingest.sentry.io?x", false),
        (DSN, "https://o1.ingest.sentry.io:443/", false),
        (DSN, "HTTPS://O1.Ingest.SENTRY.io/", false),
        (DSN, "https://o1.ingest.sentry.io./", false),
        (DSN, "https://user:pw@o1.ingest.sentry.io/", false),
        (DSN, "https://us er@o1.ingest.sentry.io/", false),
        (DSN, "https://usér@o1.ingest.sentry.io/", false),
        (DSN, "https://user/@o1.ingest.sentry.io/", true),
        (DSN, "https://example.com?@o1.ingest.sentry.io/", true),
        (DSN, " https://o1.ingest.sentry.io/ ", false),
        (DSN, "https://o1.ingest.sentry.io\\@example.com/", false),
        (DSN, "wss://o1.ingest.sentry.io/", false),
        (DSN, "http://o1.ingest.sentry.io:443/", false),
        (DSN, "http://o1.ingest.sentry.io/", true),
        (DSN, "https://o1.ingest.sentry.io:8443/", true),
        (DSN, "https://o2.ingest.sentry.io/", true),
        (DSN, "https://o1.ingest.sentry.io.example/", true),
        (DSN, "https://example.com/o1.ingest.sentry.io/", true),
        (DSN, "https://example.com/?u=https://o1.ingest.sentry.io/", true),
        (DSN, "https://o1.ingest.sentry.io@example.com/", true),
        (local, "https://sentry.local:9443/prefix/api/7/envelope/", false),
        (local, "https://sentry.local:9443/elsewhere", false),
        (local, "https://sentry.local/", true),
        (ip, "http://[::1]:9000/api/7/envelope/", false),
        (ip, "http://[::1]/", true),
    ] {
        for targets in [None, Some("://")] {
            let builder = Sentry::builder().dsn(dsn);
            let builder = match targets {
                Some(target) => builder.trace_propagation_targets([target]),
                None => builder,
            };
            let cx = Context::new().with_remote_span_context(remote(true, ""));
            let propagator = builder.build().unwrap().propagator();
            let sent = inject(&propagator, &cx.with_outgoing_url(url));
            assert_eq!(sent.len(), if allowed { 2 } else { 0 }, "{url}: {sent:?}");
        }
    }
}

/// The last value counts, and a context without a URL is unchanged.
#[test]
fn the_last_outgoing_url_counts() {
    let propagator = api().build().unwrap().propagator();
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let denied = cx.with_outgoing_url("https://tracker.example/");
    let allowed = denied.with_outgoing_url(String::from("https://api.myecommerce.com/"));
    let sent = [&cx, &denied, &allowed].map(|cx| inject(&propagator, cx).len());
    assert_eq!(sent, [3, 0, 3]);
}
