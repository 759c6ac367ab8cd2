//! One list of the inner propagator's members, the context's baggage, and the DSC.

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::BaggagePropagator;
use opentelemetry_sentry::OutgoingUrlExt;

use super::inner::{
    bare, headers, inject, sampled, sentry, Raw, Writes, ALLOWED, DENIED, SPAN, TRACE,
};

/// A member of the context's own baggage: key, value, metadata.
type Own = (&'static str, &'static str, &'static str);

struct Row {
    name: &'static str,
    inner: &'static str,
    own: Option<Own>,
    out: &'static str,
    /// A URL outside the targets.
    denied: &'static str,
}

const CART: Option<Own> = Some(("cart", "3 items", ""));

const fn row(name: &'static str, inner: &'static str, own: Option<Own>, out: &'static str) -> Row {
    Row { name, inner, own, out, denied: out }
}

impl Row {
    const fn denied(self, denied: &'static str) -> Self {
        Row { denied, ..self }
    }
}

const FOREIGN: &str = "a=%C3%a9;p=%20x;q,b==c=d,k = v,e=";

const ROWS: [Row; 21] = [
    row("nothing at all", "", None, ""),
    row("others' members, byte for byte", FOREIGN, None, FOREIGN),
    // W3C's grammar rejects both as members, and some readers reject the whole list for one of
    // them.
    row("no value", "a=1,no-value,b=2", None, "a=1,b=2"),
    row("no key", "a=1,=x,b=2", None, "a=1,b=2"),
    row("a space in a value", "a=x y;p=\"1\",b=2", None, "a=x%20y;p=%221%22,b=2"),
    row("no key of a property", "a=1;=x;q,b=2", None, "a=1;q,b=2"),
    row("an empty property", "a=1;,b=2", None, "a=1,b=2"),
    row("empty members", " a=1 ,\t,,b=2 ", None, "a=1,b=2"),
    row("the context's, missing in the inner list", "a=1", CART, "a=1,cart=3%20items")
        .denied("a=1"),
    row("only the context's", "", CART, "cart=3%20items").denied(""),
    row("the context's wins, in place", "a=1,cart=4+items,b=2", CART, "a=1,cart=3%20items,b=2"),
    row("spaces around its key", "a=1, cart = 4 ,b=2", CART, "a=1,cart=3%20items,b=2"),
    row("its properties go with its value", "cart=4;p=stock", CART, "cart=3%20items"),
    row("properties", "c=4;p=raw", Some(("c", "é", "p=a,b;q")), "c=%C3%A9;p=a%2Cb;q"),
    row(
        "a key that the inner propagator encoded",
        "a%25b=100%",
        Some(("a%b", "100%", "")),
        "a%25b=100%25",
    ),
    row("a key that it did not encode", "a%b=100%", Some(("a%b", "100%", "")), "a%25b=100%25"),
    row(
        "twice in the inner list, once in the context",
        "cart=4,a=1,cart=5",
        CART,
        "cart=3%20items,a=1",
    ),
    row("another case, another key", "Cart=4", CART, "Cart=4,cart=3%20items").denied("Cart=4"),
    row("sentry members of the inner list", "sentry-release=rival,a=1, sentry-x=1;p", None, "a=1"),
    row("the context's sentry members", "a=1", Some(("sentry-release", "stray", "")), "a=1"),
    row(
        "a key similar to sentry's",
        "Sentry-a=1,sentry=2,sentry_x=3",
        None,
        "Sentry-a=1,sentry=2,sentry_x=3",
    ),
];

fn context(own: Option<Own>) -> Context {
    let mut baggage = Baggage::new();
    if let Some((key, value, metadata)) = own {
        let _ = baggage.insert_with_metadata(key, value, metadata);
        assert_eq!(baggage.len(), 1, "{key}");
    }
    Context::new().with_baggage(baggage).with_remote_span_context(sampled())
}

#[test]
fn one_list_is_written() {
    for row in ROWS {
        let wrapped = bare().wrap(Writes::new([("baggage", row.inner)]));
        let sent = inject(&wrapped, &context(row.own));
        assert_eq!(sent.get("baggage").map_or("", String::as_str), row.out, "{}", row.name);
        assert!(sent.contains_key("sentry-trace"), "{}", row.name);
    }
}

/// The DSC always comes last.
#[test]
fn the_dsc_comes_last() {
    const DSC: &str = "sentry-release=a%2cb,sentry-sample_rand=0.500000";
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    for row in ROWS {
        let wrapped = bare().wrap(Writes::new([("baggage", row.inner)]));
        let incoming = headers([("sentry-trace", &*sentry_trace), ("baggage", DSC)]);
        let cx = wrapped.extract_with_context(&Context::new(), &incoming);
        let own = context(row.own);
        let sent =
            inject(&wrapped, &own.with_remote_span_context(cx.span().span_context().clone()));
        let comma = if row.out.is_empty() { "" } else { "," };
        assert_eq!(sent["baggage"], format!("{}{comma}{DSC}", row.out), "{}", row.name);
    }
}

/// For a denied URL only the inner propagator's list is sent, with the context's values in our
/// encoding.
#[test]
fn denied_requests_get_no_added_members() {
    for row in ROWS {
        let wrapped = sentry().propagator().wrap(Writes::new([("baggage", row.inner)]));
        let cx = context(row.own);
        for cx in [
            cx.with_outgoing_url(DENIED),
            cx.with_telemetry_suppressed(),
            cx.with_remote_span_context(SpanContext::NONE),
        ] {
            let mut sent = inject(&wrapped, &cx);
            assert_eq!(sent.remove("baggage").unwrap_or_default(), row.denied, "{}", row.name);
            assert!(sent.is_empty(), "{}: {sent:?}", row.name);
        }
        let sent = inject(&wrapped, &cx.with_outgoing_url(ALLOWED));
        assert!(sent.contains_key("sentry-trace"), "{}", row.name);
    }
}

/// Values that no header can hold, from a propagator that does not encode them.
#[test]
fn the_list_is_always_a_valid_header_value() {
    for inner in [
        "a=x\ny,b=2",
        "a=\u{e9},b=2",
        "a=1;p=x\r\nsentry-trace: 1,b=2",
        "\0=1,b=2",
        "a\u{7f}b=1,b=2",
    ] {
        let wrapped = sentry().propagator().wrap(Writes::new([("baggage", inner)]));
        for url in [ALLOWED, DENIED] {
            let sent = inject(&wrapped, &context(None).with_outgoing_url(url));
            assert_valid(&sent["baggage"]);
            assert!(
                sent["baggage"].split(',').any(|member| member == "b=2"),
                "{inner:?}: {sent:?}"
            );
        }
    }
}

/// The stock propagator decodes properties and does not re-encode them, so a client's property
/// could become separate members.
#[test]
fn a_clients_encoded_newline_stays_encoded() {
    for member in ["k=v;p=one%0Atwo", "k=v;p=1%2Cx=%0Ay", "k=v;p=1%2Cx%0D%0Asentry-trace:%201=y"] {
        let wrapped = sentry().propagator().wrap(BaggagePropagator::new());
        let incoming = headers([("baggage", member)]);
        let cx = wrapped.extract_with_context(&Context::new(), &incoming);
        let cx = cx.with_remote_span_context(sampled());
        for url in [ALLOWED, DENIED] {
            let sent = inject(&wrapped, &cx.with_outgoing_url(url));
            assert_valid(&sent["baggage"]);
        }
    }
}

#[track_caller]
fn assert_valid(value: &str) {
    assert!(http::HeaderValue::from_str(value).is_ok(), "{value:?}");
}

#[test]
fn within_the_limits_the_dsc_is_kept() {
    let members = |count: usize, len: usize| {
        let members: Vec<String> =
            (0..count).map(|i| format!("k{i:02}={}", "v".repeat(len - 4))).collect();
        members.join(",")
    };
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let incoming = headers([
        ("sentry-trace", &*sentry_trace),
        ("baggage", "sentry-a=1,sentry-sample_rand=0.5"),
    ]);
    for (count, len, kept) in
        [(64, 10, 62), (63, 10, 62), (62, 10, 62), (62, 200, 40), (2, 8200, 0)]
    {
        let wrapped = bare().wrap(Writes::new([("baggage", &*members(count, len))]));
        let cx = wrapped.extract_with_context(&Context::new(), &incoming);
        let sent = inject(&wrapped, &cx);
        let (others, dsc): (Vec<&str>, Vec<&str>) =
            sent["baggage"].split(',').partition(|member| member.starts_with('k'));
        assert_eq!(dsc, ["sentry-a=1", "sentry-sample_rand=0.5"], "{count} of {len}");
        assert_eq!(others.len(), kept, "{count} of {len}");
        assert!(others.iter().all(|member| member.len() == len), "{count} of {len}");
        assert!(sent["baggage"].len() <= 8192, "{count} of {len}");
    }
}

#[test]
fn without_baggage_and_dsc_there_is_no_header() {
    let sent = inject(&bare().wrap(Raw), &Context::new().with_remote_span_context(sampled()));
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["sentry-trace"]);
}

#[test]
fn the_inner_propagator_is_given_nothing_that_can_be_misread() {
    for (value, metadata, given) in [
        ("3 items", "", "cart=3 items;"),
        ("é", "p=1;q", "cart=é;p=1;q"),
        ("a,b", "", "cart=a%2Cb;"),
        ("a;b", "p=1", "cart=a%3Bb;p=1"),
        ("a=b", "", "cart=a%3Db;"),
        ("a\"b", "", "cart=a%22b;"),
        ("a\\b", "", "cart=a%5Cb;"),
        ("a\u{7f}b", "", "cart=a%7Fb;"),
        ("a", "p=x,y", "cart=a;p=x%2Cy"),
        ("a", " p = 1 ; no key=2 ; q ", "cart=a;p=1;q"),
    ] {
        let mut own = Baggage::new();
        let _ = own.insert_with_metadata("cart", value, metadata);
        let sent = inject(&bare().wrap(Raw), &Context::new().with_baggage(own));
        assert_eq!(sent["x-raw"], given, "{value:?}, {metadata:?}");
    }
}
