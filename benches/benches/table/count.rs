//! Counts allocations in this process and instructions under callgrind.

use std::alloc::System;
use std::error::Error;
use std::io;
use std::process::Command;
use std::thread;

use benches::{carrier, Operation, Scenario, SCENARIOS};
use serde::{Deserialize, Serialize};
use stats_alloc::{Region, StatsAlloc, INSTRUMENTED_SYSTEM};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough runs to average out hashing and random ids.
const TIMES: u64 = 400;

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Counts {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
    pub(crate) reallocations: u64,
}

pub(crate) type Counted = Vec<(&'static Scenario, Counts)>;

pub(crate) fn count(rows: &[&'static Scenario]) -> Result<Counted, Box<dyn Error>> {
    // Must come first: no other thread allocates yet.
    let allocations: Vec<[u64; 2]> = rows.iter().map(|row| allocations(&*row.prepare())).collect();
    let idle = instructions("idle")?;
    let instructions = all_instructions(rows)?;
    let counts = instructions.into_iter().zip(allocations).map(
        |(instructions, [allocations, reallocations])| Counts {
            instructions: (instructions - idle + TIMES / 2) / TIMES,
            allocations,
            reallocations,
        },
    );
    Ok(rows.iter().copied().zip(counts).collect())
}

/// Allocations and reallocations of one operation: what two of three runs have. The stock propagator
/// writes its baggage in a random order, and one order in hundreds costs less.
fn allocations(operation: &dyn Operation) -> [u64; 2] {
    let count = || {
        let mut carrier = carrier();
        let region = Region::new(ALLOCATOR);
        operation.run(&mut carrier);
        let stats = region.change();
        [stats.allocations as u64, stats.reallocations as u64]
    };
    count();
    let mut counts = [count(), count(), count()];
    counts.sort_unstable();
    assert!(counts[0] == counts[1] || counts[1] == counts[2], "allocations that vary: {counts:?}");
    counts[1]
}

/// Runs on every core: other processes don't change the counts.
fn all_instructions(rows: &[&'static Scenario]) -> Result<Vec<u64>, Box<dyn Error>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let chunk = rows.len().div_ceil(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = rows
            .chunks(chunk)
            .map(|rows| {
                scope.spawn(move || {
                    rows.iter().map(|row| instructions(&number(row))).collect::<Result<Vec<_>, _>>()
                })
            })
            .collect();
        let mut counted = Vec::with_capacity(rows.len());
        for worker in workers {
            counted.extend(worker.join().expect("a worker does not panic")?);
        }
        Ok(counted)
    })
}

fn number(row: &Scenario) -> String {
    let number = SCENARIOS.iter().position(|it| it.is(row)).expect("a row of the table");
    number.to_string()
}

/// The instructions of this many runs of `measured`, without everything else.
fn instructions(row: &str) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=benches::measured")
        .arg(env!("CARGO_BIN_EXE_operation"))
        .args([row, &TIMES.to_string()])
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                "valgrind is not installed, and it counts the instructions".to_owned()
            }
            _ => format!("valgrind: {error}"),
        })?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let collected = stderr
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok())
        .filter(|count| *count > 0 && output.status.success());
    collected.ok_or_else(|| format!("row {row}, {}: {stderr}", output.status))
}

/// The compiler and the machine for which absolute counts are valid.
pub(crate) fn toolchain() -> Result<String, Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    let version = String::from_utf8(output.stdout)?;
    Ok(format!("{}, {}", version.trim(), std::env::consts::ARCH))
}
