//! Checks the trace of a request.

use opentelemetry::trace::SpanId;
use opentelemetry_sentry::{
    DynamicSamplingContext, SentryTrace, BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER,
};

use crate::services::{Hop, Observed, CART, CHAIN};
use crate::Request;

/// Everything that was lost; empty if the trace is whole.
pub(crate) fn problems(request: &Request, observed: &Observed) -> Vec<String> {
    let [_, storefront, inventory, payments] = observed.hops.as_slice() else {
        return vec![format!("the request made {} hops, not 4", observed.hops.len())];
    };
    let (Some(first), Some(last)) = (storefront.sentry_trace(), payments.sentry_trace()) else {
        return vec!["a Sentry service sent no valid sentry-trace".to_owned()];
    };
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };

    let trace_id = first.trace_id().to_string();
    let caller = observed.hops[0].sentry_trace();
    expect(
        caller.is_none_or(|caller| caller.trace_id() == first.trace_id()),
        "the caller's trace was not continued",
    );
    expect(last.trace_id() == first.trace_id(), "payments is in another trace");
    for hop in [storefront, inventory, payments] {
        let traceparent = hop.header(TRACEPARENT_HEADER).unwrap_or_default();
        let flag = if request.sampled { "01" } else { "00" };
        let whole = traceparent.starts_with(&format!("00-{trace_id}-"))
            && traceparent.ends_with(&format!("-{flag}"));
        expect(whole, &format!("{} saw another trace or decision in traceparent", hop.to));
        let tracestate = hop.header("tracestate").unwrap_or_default();
        expect(!tracestate.contains("sentry"), &format!("{} saw our trace state", hop.to));
        let cart = hop.members().contains(&"cart=7%20apples");
        expect(cart, &format!("{} saw no {} in baggage", hop.to, CART.0));
    }
    let decision = Some(request.sampled);
    expect(first.sampled() == decision, "the storefront sent another decision");
    expect(last.sampled() == decision, "payments sent another decision");

    let caller = caller.map_or(SpanId::INVALID, |caller| caller.span_id());
    expect(is_one_chain(request, observed, caller), "the exported spans are not one chain");

    let sent = storefront.sampling_context();
    if let Some((_, baggage)) = request.headers.iter().find(|(name, _)| *name == BAGGAGE_HEADER) {
        let caller = DynamicSamplingContext::parse(baggage);
        expect(sent == caller, "the storefront changed the caller's sampling context");
    } else {
        let release = sent.get("release");
        expect(release.as_deref() == Some("storefront@1.4.0+b9"), "the storefront is not the head");
    }
    expect(sent.len() > 6, "the sampling context is not complete");
    // The stock propagator decodes the values, encodes them in its own way and keeps no order.
    let passed_on = payments.sampling_context();
    let same = |(key, _): (&str, &str)| passed_on.get(key) == sent.get(key);
    expect(
        passed_on.len() == sent.len() && sent.iter().all(same),
        "payments passed on another sampling context",
    );
    problems
}

/// Each span is the child of the one before it, through all three services; none where the trace
/// is not sampled.
fn is_one_chain(request: &Request, observed: &Observed, caller: SpanId) -> bool {
    let mut parent = caller;
    let mut spans = 0;
    while let Some((service, span)) =
        observed.spans.iter().find(|(_, span)| span.parent_span_id == parent)
    {
        if *service != CHAIN[spans / 2].name {
            return false;
        }
        parent = span.span_context.span_id();
        spans += 1;
    }
    spans == observed.spans.len() && spans == if request.sampled { 2 * CHAIN.len() } else { 0 }
}

impl Hop {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        value.filter(|value| !value.is_empty() && values.next().is_none())
    }

    fn sentry_trace(&self) -> Option<SentryTrace> {
        self.header(SENTRY_TRACE_HEADER)?.parse().ok()
    }

    /// The members of `baggage`.
    pub(crate) fn members(&self) -> Vec<&str> {
        self.header(BAGGAGE_HEADER).unwrap_or_default().split(',').collect()
    }

    /// Sentry's part of `baggage`.
    pub(crate) fn sampling_context(&self) -> DynamicSamplingContext<'_> {
        DynamicSamplingContext::parse(self.header(BAGGAGE_HEADER).unwrap_or_default())
    }
}
