use opentelemetry::trace::{Link, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{global, Context};
use opentelemetry_sentry::{start_new_trace, trace_data, Sentry, TraceData};

pub fn headers_for_job(sentry: &Sentry) -> TraceData {
    let scheduler = Context::current();
    let link = Link::with_context(scheduler.span().span_context().clone());
    let tracer = global::tracer("scheduler");
    let span = tracer.span_builder("send job").with_kind(SpanKind::Producer);

    let cx = start_new_trace(&scheduler);
    let cx = cx.with_span(span.with_links(vec![link]).start_with_context(&tracer, &cx));
    trace_data(&sentry.propagator(), &cx)
}
