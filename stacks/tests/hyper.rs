//! The example, with every row of requests.

// `main` is not called here.
#[allow(dead_code)]
#[path = "../examples/hyper.rs"]
mod example;

#[tokio::test]
async fn one_trace_and_one_decision() {
    let telemetry = stacks::Telemetry::register().unwrap();
    let proof = stacks::prove(&telemetry, example::STACK, example::serve).await;
    proof.unwrap_or_else(|problems| panic!("{problems}"));
}
