//! From a server to the browser, as an HTML parser reads the page.

use html5gum::{Token, Tokenizer};
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, SentryPropagator, TraceData};

use crate::common::sentry_trace;
use crate::common::service::Service;
#[cfg(feature = "sdk")]
use crate::common::{span_context, DSN, TRACE_ID};

/// The names and contents of a page's `<meta>` tags, and the number of other tags.
fn parse(page: &str) -> (TraceData, usize) {
    let mut others = 0;
    let mut pairs = Vec::new();
    for Ok(token) in Tokenizer::new(page) {
        match token {
            Token::StartTag(tag) if tag.name.0 == b"meta" => {
                let attribute = |name: &str| {
                    let value = &tag.attributes[name.as_bytes()].value.0;
                    String::from_utf8(value.clone()).unwrap()
                };
                assert_eq!(tag.attributes.len(), 2, "{page}");
                pairs.push((attribute("name"), attribute("content")));
            }
            Token::StartTag(_) => others += 1,
            _ => {}
        }
    }
    (pairs.into_iter().collect(), others)
}

fn page(tags: &str) -> String {
    format!("<!doctype html>\n<html><head>\n{tags}\n</head><body></body></html>")
}

/// Quotes, `<` and `&` in the name of the transaction.
#[cfg(feature = "sdk")]
#[test]
fn a_browser_continues_the_trace_of_its_page() {
    let sentry = Sentry::builder().dsn(DSN).release("a&b<c>\"'").traces_sample_rate(1.0);
    let sentry = sentry.build().unwrap();
    let service = Service::of(&sentry);
    let name = r#""><script>alert('&amp;')</script>"#.replace('/', "");
    let cx = service.server(&Context::new(), &name);
    let data = trace_data(&sentry.propagator(), &cx);

    let (read, others) = parse(&page(&data.to_meta_tags()));
    assert_eq!(others, 3, "html, head, body");
    assert_eq!(read, data);
    let browser = continue_trace(&SentryPropagator::new(), &read);
    assert_eq!(span_context(&browser).trace_id().to_string(), TRACE_ID);
    assert_eq!(span_context(&browser).span_id(), span_context(&cx).span_id());
    let dsc = opentelemetry_sentry::DynamicSamplingContext::parse(read.get("baggage").unwrap());
    assert_eq!(dsc.get("transaction").as_deref(), Some(&*name));
    assert_eq!(dsc.get("release").as_deref(), Some("a&b<c>\"'"));
}

/// A caller's bytes are forwarded unchanged. Some of them are special in HTML.
#[test]
fn incoming_bytes_stay_inside_the_attribute() {
    let baggage = "sentry-transaction=a'b<c>&amp,sentry-sample_rand=0.5,sentry-x=&#34&quot<!--";
    let incoming =
        TraceData::from([("sentry-trace", sentry_trace("-1").as_str()), ("baggage", baggage)]);
    let cx = continue_trace(&SentryPropagator::new(), &incoming);
    let service = Service::new(&Sentry::default(), Sampler::AlwaysOn);
    let cx = service.start(&cx, SpanKind::Server, "GET /", &[]);
    let data = trace_data(&SentryPropagator::new(), &cx);
    assert_eq!(data.get("baggage"), Some(baggage));

    let tags = data.to_meta_tags();
    let (read, others) = parse(&page(&tags));
    assert_eq!((read, others), (data, 3), "{tags}");
    assert_eq!(tags.lines().count(), 2);
}

/// Values that the user set.
#[test]
fn every_text_survives() {
    for text in ["", "\"", "'", "<", ">", "&", "&lt;", "\"><b>", "ü\u{1f980}", "a b", "--><!--"] {
        let data = TraceData::from([("sentry-trace", text), ("bagg\"age<", text)]);
        assert_eq!(parse(&page(&data.to_meta_tags())), (data, 3), "{text:?}");
    }
    assert_eq!(TraceData::default().to_meta_tags(), "");
    assert!(!Context::new().has_active_span());
}
