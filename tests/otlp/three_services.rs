//! The spans of the example's three services arrive in one trace.

use std::collections::HashSet;
use std::error::Error;

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::Sentry;

use crate::endpoint::Endpoint;
use crate::profile::{Profile, CHAIN, PUBLIC_KEY};
use crate::requests::{self, Expected, Request};
use crate::services::{Observed, Shop};

/// Exports a service's spans as its own provider would.
async fn export(dsn: String, profile: &Profile, spans: Vec<SpanData>) {
    let builder = Sentry::builder().dsn(dsn).release(profile.release);
    let sentry = builder.environment(profile.environment).build().unwrap();
    let resource = Resource::builder()
        .with_service_name(profile.name)
        .with_attributes(sentry.resource_attributes());
    let exporter = sentry.span_exporter().unwrap();
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    processor.set_resource(&resource.build());
    for span in spans {
        processor.on_end(span);
    }
    tokio::task::spawn_blocking(move || processor.shutdown()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_all_three_services_arrive_in_one_trace() -> Result<(), Box<dyn Error>> {
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let endpoint = tokio::task::spawn_blocking(Endpoint::start).await??;
    let shop = Shop::open().await?;
    for request in requests::all()? {
        let observed = shop.serve(&request).await?;
        for profile in &CHAIN {
            let own = observed.spans.iter().filter(|(service, _)| *service == profile.name);
            let own: Vec<SpanData> = own.map(|(_, span)| span.clone()).collect();
            if !own.is_empty() {
                export(endpoint.dsn(PUBLIC_KEY), profile, own).await;
            }
        }
        check(&endpoint, &request, &observed);
    }
    tokio::task::spawn_blocking(move || drop(endpoint)).await?;
    Ok(())
}

fn check(endpoint: &Endpoint, request: &Request, observed: &Observed) {
    let received = endpoint.take();
    let exported = request.expected != (Expected::Continued { sampled: false });
    assert_eq!(observed.hops.len(), CHAIN.len());
    assert_eq!(received.len(), if exported { CHAIN.len() } else { 0 }, "{}", request.about);
    let trace_ids: HashSet<TraceId> =
        observed.spans.iter().map(|(_, span)| span.span_context.trace_id()).collect();
    for (arrived, profile) in received.iter().zip(&CHAIN) {
        assert_eq!(arrived.path, "/api/42/integration/otlp/v1/traces/");
        assert_eq!(arrived.auth.as_deref(), Some(&*format!("sentry sentry_key={PUBLIC_KEY}")));
        assert!(!arrived.gzip && arrived.content_type.is_some());
        for span in &arrived.spans {
            assert!(trace_ids.iter().all(|trace_id| trace_id.to_string() == span.trace_id));
            assert_eq!(span.resource["service.name"], profile.name);
            assert_eq!(span.resource["service.version"], profile.release);
            assert_eq!(span.resource["deployment.environment.name"], profile.environment);
            assert_eq!(span.attributes["sentry.release"], profile.release);
            assert_eq!(span.attributes["sentry.environment"], profile.environment);
            assert!(span.name.starts_with("GET"), "{}", span.name);
            assert!(span.trace_state.contains("sentry="), "{}", span.trace_state);
        }
    }
    assert_eq!(trace_ids.len(), usize::from(exported), "one trace");
}
