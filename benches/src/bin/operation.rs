//! Runs one row's operation, for callgrind to count: `operation <row> <times>`.

use std::process::ExitCode;

use benches::{carrier, measured, Idle, Operation, SCENARIOS};

/// Allocates per-thread state first, such as the random number generator.
const WARM_UP: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [row, times] = arguments.as_slice() else {
        eprintln!("usage: operation <row, or idle> <times>");
        return ExitCode::FAILURE;
    };
    let operation: Box<dyn Operation> = match row.as_str() {
        "idle" => Box::new(Idle),
        row => SCENARIOS[row.parse::<usize>().expect("the number of a row")].prepare(),
    };
    let times: usize = times.parse().expect("a number of times");
    for _ in 0..WARM_UP {
        operation.run(&mut carrier());
    }
    for _ in 0..times {
        measured(&*operation, carrier());
    }
    ExitCode::SUCCESS
}
