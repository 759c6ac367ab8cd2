//! With plain OTel: an event, a panic, logs and metrics belong to the trace of the active span.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;

use opentelemetry::trace::{FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::Context;
use sentry::protocol::{Event, TraceContext};
use sentry::{capture_event, capture_message, Hub, Level, SentryFutureExt};
use sentry_events::{
    captured, event_ids, ids_of, log_ids, metric_ids, options, span, Captured, Ids,
};

/// Captures one item of each kind.
fn capture() {
    capture_message("out of stock", Level::Error);
    sentry::logger_info!("looked up");
    sentry::metrics::counter("orders", 1).capture();
}

#[track_caller]
fn assert_all(captured: &Captured, expected: &Ids) {
    let events: Vec<Ids> = captured.events.iter().map(event_ids).collect();
    assert_eq!(events, slice::from_ref(expected), "events");
    let logs: Vec<Ids> = captured.logs.iter().map(log_ids).collect();
    assert_eq!(logs, slice::from_ref(expected), "logs");
    let metrics: Vec<Ids> = captured.metrics.iter().map(metric_ids).collect();
    assert_eq!(metrics, slice::from_ref(expected), "metrics");
}

#[test]
fn an_event_a_log_and_a_metric() {
    let cx = span();
    let captured = captured(options(), || {
        let _active = cx.clone().attach();
        capture();
    });
    assert_all(&captured, &ids_of(&cx));
}

#[test]
fn below_a_remote_parent_alone() {
    let remote = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        <_>::default(),
    );
    let cx = Context::new().with_remote_span_context(remote);
    let captured = captured(options(), || {
        let _active = cx.clone().attach();
        capture();
    });
    assert_all(&captured, &ids_of(&cx));
}

/// The hub's own trace context stays, with and without the integration.
#[test]
fn without_an_active_span() {
    let captured = captured(options(), || {
        capture();
        capture();
    });
    let [one, two] = [&captured.events[0], &captured.events[1]].map(event_ids);
    assert_eq!(one, two, "the hub's own trace");
    for log in &captured.logs {
        assert_eq!(log_ids(log), (one.0.clone(), String::new()));
    }
    for metric in &captured.metrics {
        assert_eq!(metric_ids(metric), (one.0.clone(), String::new()));
    }
    assert_eq!((captured.logs.len(), captured.metrics.len()), (2, 2));
}

/// The hook runs before the stack unwinds, so the span is still active.
#[test]
fn a_panic() {
    let cx = span();
    let options = options().add_integration(sentry::integrations::panic::PanicIntegration::new());
    let captured = captured(options, || {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _active = cx.clone().attach();
            panic!("out of stock");
        }));
        assert!(result.is_err());
    });
    let [event] = &captured.events[..] else { panic!("{} events", captured.events.len()) };
    assert_eq!(event_ids(event), ids_of(&cx));
    assert_eq!(event.level, Level::Fatal);
}

/// A task moves between threads. Context and hub move with it.
#[test]
fn across_an_await() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().unwrap();
    let contexts = [span(), span(), span()];
    let captured = captured(options(), || {
        let tasks = contexts.clone().map(|cx| {
            let task = async {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                capture_message("out of stock", Level::Error);
                tokio::task::yield_now().await;
                sentry::logger_info!("looked up");
            };
            let hub = std::sync::Arc::new(Hub::new_from_top(Hub::current()));
            runtime.spawn(task.with_context(cx).bind_hub(hub))
        });
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
    let sorted = |ids: &mut dyn Iterator<Item = Ids>| {
        let mut ids: Vec<Ids> = ids.collect();
        ids.sort();
        ids
    };
    let expected = sorted(&mut contexts.iter().map(ids_of));
    assert_eq!(sorted(&mut captured.events.iter().map(event_ids)), expected);
    assert_eq!(sorted(&mut captured.logs.iter().map(log_ids)), expected);
}

fn of_user() -> TraceContext {
    TraceContext { trace_id: [1; 16].into(), span_id: [2; 8].into(), ..TraceContext::default() }
}

#[test]
fn a_trace_context_that_the_user_set_stays() {
    let expected = ("01".repeat(16), "02".repeat(8));
    let captured = captured(options(), || {
        let _active = span().attach();
        let mut event = Event { message: Some("own".to_owned()), ..Event::default() };
        event.contexts.insert("trace".to_owned(), of_user().into());
        capture_event(event);
        sentry::configure_scope(|scope| scope.set_context("trace", of_user()));
        capture_message("scope", Level::Error);
    });
    let events: Vec<Ids> = captured.events.iter().map(event_ids).collect();
    assert_eq!(events, [expected.clone(), expected]);
}

/// A recorded Sentry span is in Sentry. One that is not recorded, as with tracing off, is not.
#[test]
fn a_span_of_the_sentry_crate() {
    for (options, stays) in [(options().traces_sample_rate(1.0), true), (options(), false)] {
        let cx = span();
        let mut own = None;
        let captured = captured(options, || {
            let _active = cx.clone().attach();
            let transaction = sentry::TransactionContext::new("GET /cart", "http.server");
            let transaction = sentry::start_transaction(transaction);
            let trace = transaction.get_trace_context();
            own = Some((trace.trace_id.to_string(), trace.span_id.to_string()));
            sentry::configure_scope(|scope| scope.set_span(Some(transaction.into())));
            capture();
        });
        let own = own.unwrap();
        let active = ids_of(&cx);
        let expected = if stays { &own } else { &active };
        assert_eq!(event_ids(&captured.events[0]), *expected);
        assert_eq!(log_ids(&captured.logs[0]).0, expected.0);
        assert_eq!(metric_ids(&captured.metrics[0]), *expected);
        let span_of_core = &captured.logs[0].attributes["parent_span_id"].0;
        assert_eq!(span_of_core.as_str(), Some(&*expected.1));
    }
}

/// The user's callbacks see the final ids and still decide.
#[test]
fn callbacks_see_the_ids() {
    let cx = span();
    let trace_id = ids_of(&cx).0;
    let (of_log, of_metric) = (trace_id.clone(), trace_id);
    let options = options()
        .before_send_log(move |log| {
            assert_eq!(log.trace_id.map(|id| id.to_string()), Some(of_log.clone()));
            (log.body != "secret").then_some(log)
        })
        .before_send_metric(move |metric| {
            assert_eq!(metric.trace_id.to_string(), of_metric);
            None
        });
    let captured = captured(options, || {
        let _active = cx.clone().attach();
        capture();
        sentry::logger_info!("secret");
    });
    assert_eq!(captured.logs.len(), 1);
    assert!(captured.metrics.is_empty());
}

/// A log with a span that the user chose is unchanged.
#[test]
fn a_log_that_names_its_span_stays() {
    let captured = captured(options(), || {
        let _active = span().attach();
        sentry::logger_info!(sentry.trace.parent_span_id = "0202020202020202", "own");
    });
    assert_eq!(log_ids(&captured.logs[0]).1, "02".repeat(8));
}
