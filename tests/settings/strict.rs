//! `strict_trace_continuation` needs the service's own organization, but `build` cannot require it.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::Context;
use opentelemetry_sentry::{Sentry, SentryBuilder, SentryPropagator};

use crate::common::warnings::{assert_one, warnings};
use crate::common::{headers, sentry_trace};

const SELF_HOSTED: &str = "https://key@sentry.example/42";

/// A propagator's warnings for some requests that arrive three times each.
fn warned(propagator: &impl TextMapPropagator, lists: &[&str]) -> Vec<String> {
    warnings(|| {
        for list in lists.iter().cycle().take(3 * lists.len()) {
            let came = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", list)]);
            propagator.extract_with_context(&Context::new(), &came);
        }
    })
}

fn strict() -> SentryBuilder {
    Sentry::builder().dsn(SELF_HOSTED).strict_trace_continuation(true)
}

#[test]
fn without_an_organization_one_warning() {
    const NONE: &str = "sentry-release=x";
    const SOME: &str = "sentry-org_id=1";
    for lists in [&[NONE][..], &[SOME], &["sentry-org_id="], &[NONE, SOME], &[""]] {
        let propagator = || strict().build().unwrap().propagator();
        let expected =
            "strict_trace_continuation is on but this service's organization is not known";
        assert_one(&warned(&propagator(), lists), expected);
        assert_one(&warned(&propagator().wrap(SentryPropagator::new()), lists), expected);
    }
    let known = strict().org_id("1").build().unwrap();
    let lenient = Sentry::builder().dsn(SELF_HOSTED).build().unwrap();
    for sentry in [known, lenient] {
        assert_eq!(warned(&sentry.propagator(), &[NONE, SOME]), [""; 0], "{sentry:?}");
    }
}

/// `continue_decision` gives no warning, and neither does a request without a trace.
#[test]
fn only_extracted_traces_warn() {
    let propagator = strict().build().unwrap().propagator();
    let warned = warnings(|| {
        let came = headers([("sentry-trace", &*sentry_trace("-1"))]);
        assert!(propagator.continue_decision(&Context::new(), &came).is_continued());
        propagator.extract(&headers([("baggage", "sentry-release=x")]));
    });
    assert!(warned.is_empty(), "{warned:?}");
}
