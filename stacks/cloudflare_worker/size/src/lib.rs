//! A worker that passes a request on: alone, with the propagator, or with the SDK and the sampler.

use worker::{event, Env, Fetch, Headers, Request, RequestInit, Response, Result};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _: worker::Context) -> Result<Response> {
    let to = env.var("TO")?.to_string();
    let headers = Headers::new();
    #[cfg(feature = "propagator")]
    for (name, value) in traced::headers(&env, request.headers())? {
        headers.set(&name, &value)?;
    }
    #[cfg(not(feature = "propagator"))]
    for (name, value) in request.headers().entries() {
        headers.set(&name, &value)?;
    }
    let mut init = RequestInit::new();
    init.with_headers(headers);
    Fetch::Request(Request::new_with_init(&to, &init)?).send().await
}

#[cfg(feature = "propagator")]
mod traced {
    use opentelemetry_sentry::{continue_trace, trace_data, Sentry, TraceData};
    use worker::{Env, Headers, Result};

    pub(super) fn headers(env: &Env, incoming: &Headers) -> Result<TraceData> {
        let sentry = Sentry::builder()
            .env_from(|name| env.var(name).ok().map(|value| value.to_string()))
            .build()
            .map_err(|error| error.to_string())?;
        let propagator = sentry.propagator();
        let headers: TraceData = incoming.entries().collect();
        let cx = continue_trace(&propagator, &headers);
        #[cfg(feature = "sampler")]
        let cx = {
            use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
            use opentelemetry_sdk::trace::SdkTracerProvider;

            let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
            cx.with_span(provider.tracer("size").start_with_context("GET", &cx))
        };
        Ok(trace_data(&propagator, &cx))
    }
}
