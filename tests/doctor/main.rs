//! `examples/doctor`: it explains every row of `tests/vectors` and agrees with the crate.

#[allow(dead_code, reason = "the example's own command line is tried as a process")]
#[path = "../../examples/doctor/arguments.rs"]
mod arguments;

#[path = "../../examples/doctor/advice.rs"]
mod advice;
#[path = "../../examples/doctor/cors.rs"]
mod cors;
#[path = "../../examples/doctor/curl.rs"]
mod curl;
#[path = "../../examples/doctor/dump.rs"]
mod dump;
#[path = "../../examples/doctor/explain.rs"]
mod explain;
#[path = "../../examples/doctor/grammar.rs"]
mod grammar;
#[path = "../../examples/doctor/report.rs"]
mod report;
#[allow(dead_code, reason = "some of it is for the command line")]
#[path = "../../examples/doctor/request.rs"]
mod request;
#[path = "../../examples/doctor/rows.rs"]
mod rows;
#[path = "../../examples/doctor/sampling.rs"]
mod sampling;
#[path = "../../examples/doctor/text.rs"]
mod text;

#[path = "../vectors/text.rs"]
mod vector_text;

mod cases;
mod process;
mod situations;
mod vector_rows;
