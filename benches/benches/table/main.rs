//! One table: each operation's instructions, allocations and bound, and its ratio to the stock
//! propagators.
//!
//! ```sh
//! cargo bench --bench table                # all rows
//! cargo bench --bench table -- 'inject'    # rows with this in their name
//! cargo bench --bench table -- --check     # against the kept table
//! cargo bench --bench table -- --bless     # write the kept table
//! ```

mod count;
mod kept;
mod report;

use std::error::Error;
use std::process::ExitCode;

use benches::{Scenario, SCENARIOS};
use clap::Parser;

use kept::Kept;
use report::Report;

#[derive(Parser)]
struct Arguments {
    /// Only operations whose name contains this text
    filter: Option<String>,
    /// Fail if the counts differ from the kept table
    #[arg(long, conflicts_with_all = ["bless", "filter"])]
    check: bool,
    /// Write the kept table
    #[arg(long, conflicts_with = "filter")]
    bless: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let rows = selected(arguments.filter.as_deref());
    if rows.is_empty() {
        return Err("no operation has such a name".into());
    }
    let toolchain = count::toolchain()?;
    let report = Report::new(count::count(&rows)?);
    println!("{toolchain}\n{}", report.table());
    for row in report.misses() {
        println!("over its bound: {row}");
    }
    if arguments.bless {
        Kept::write(&toolchain, &report)?;
    }
    if arguments.check {
        Kept::read()?.check(&toolchain, &report)?;
        println!("equal to the kept table");
    }
    Ok(())
}

/// Rows by name, and the rows with which they are compared.
fn selected(filter: Option<&str>) -> Vec<&'static Scenario> {
    let wanted = |row: &Scenario| filter.is_none_or(|filter| row.name().contains(filter));
    let needed = |row: &Scenario| {
        SCENARIOS.iter().filter(|it| wanted(it)).any(|it| it.needs().iter().any(|it| it.is(row)))
    };
    SCENARIOS.iter().filter(|row| wanted(row) || needed(row)).collect()
}
