use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::Sentry;
use otlp_export::Collector;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple() {
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let collector = Collector::start().unwrap();
    let sentry = Sentry::builder().dsn(collector.dsn()).traces_sample_rate(1.0).build().unwrap();
    let p = SdkTracerProvider::builder().with_sampler(sentry.sampler()).with_simple_exporter(sentry.span_exporter().unwrap()).build();
    let p2 = p.clone();
    let r = tokio::spawn(async move { drop(p2.tracer("x").start("a")) }).await;
    println!("RESULT {r:?} arrived {}", collector.take().len());
    std::thread::spawn(move || drop(collector)).join().unwrap();
}
