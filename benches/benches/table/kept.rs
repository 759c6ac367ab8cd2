//! The kept table: `benches/table.tsv`, whose first line names the toolchain, and its copy in
//! `docs/performance.md`.

use std::error::Error;
use std::fs;

use benches::SCENARIOS;
use csv::{ReaderBuilder, WriterBuilder};
use serde::{Deserialize, Serialize};

use crate::count::Counts;
use crate::report::Report;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/table.tsv");

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
const PAGE_START: &str = "<!-- table: written by --bless -->\n";
const PAGE_END: &str = "<!-- end of table -->";

/// The tolerance for ratios, and for counts under the same toolchain.
const TOLERANCE: f64 = 0.05;

#[derive(Deserialize, Serialize)]
struct Row {
    operation: String,
    by: String,
    instructions: u64,
    allocations: u64,
    reallocations: u64,
}

pub(crate) struct Kept {
    toolchain: String,
    pub(crate) report: Report,
}

impl Kept {
    pub(crate) fn read() -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        let (toolchain, rows) = text
            .split_once('\n')
            .and_then(|(first, rows)| Some((first.strip_prefix("# ")?, rows)))
            .ok_or_else(|| format!("{PATH}: the first line does not name the toolchain"))?;
        let mut reader = ReaderBuilder::new().delimiter(b'\t').from_reader(rows.as_bytes());
        let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>()?;
        if rows.len() != SCENARIOS.len() {
            return Err(format!("{PATH}: {} rows of {}", rows.len(), SCENARIOS.len()).into());
        }
        let rows = SCENARIOS.iter().zip(rows).map(|(scenario, row)| {
            if (row.operation.as_str(), row.by.as_str()) != (&scenario.name(), scenario.by()) {
                return Err(format!("{PATH}: {} is out of order", row.operation));
            }
            let Row { instructions, allocations, reallocations, .. } = row;
            Ok((scenario, Counts { instructions, allocations, reallocations }))
        });
        let report = Report::new(rows.collect::<Result<_, _>>()?);
        Ok(Self { toolchain: toolchain.to_owned(), report })
    }

    pub(crate) fn write(toolchain: &str, report: &Report) -> Result<(), Box<dyn Error>> {
        let mut writer = WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
        for (scenario, counts) in &report.rows {
            let Counts { instructions, allocations, reallocations } = *counts;
            writer.serialize(Row {
                operation: scenario.name(),
                by: scenario.by().to_owned(),
                instructions,
                allocations,
                reallocations,
            })?;
        }
        let rows = String::from_utf8(writer.into_inner()?)?;
        fs::write(PATH, format!("# {toolchain}\n{rows}"))?;
        let [before, _, after] = page()?;
        fs::write(PAGE, before + &shown(toolchain, report) + &after)?;
        Ok(())
    }

    /// Allocations must be equal and ratios near. Instructions are compared, and bounds held, only
    /// under the same toolchain.
    pub(crate) fn check(&self, toolchain: &str, measured: &Report) -> Result<(), String> {
        let mut differences = Vec::new();
        for ((row, kept), (_, now)) in self.report.rows.iter().zip(&measured.rows) {
            let name = format!("{}, {}", row.name(), row.by());
            let mut differs = |what: &str, kept: String, now: String| {
                differences.push(format!("{name}: {what} {now}, kept is {kept}"));
            };
            let allocations = |it: &Counts| format!("{}+{}", it.allocations, it.reallocations);
            if allocations(kept) != allocations(now) {
                differs("allocations", allocations(kept), allocations(now));
            }
            let ratios = (self.report.ratio(row), measured.ratio(row));
            if !is_near(ratios.0, ratios.1) {
                differs("ratio to stock", format!("{:.3}", ratios.0), format!("{:.3}", ratios.1));
            }
            let instructions = (kept.instructions, now.instructions);
            if toolchain == self.toolchain && !is_near(instructions.0 as f64, instructions.1 as f64)
            {
                differs("instructions", instructions.0.to_string(), instructions.1.to_string());
            }
        }
        if toolchain == self.toolchain {
            differences.extend(measured.misses().map(|row| format!("{row}: over its bound")));
        }
        if page()?[1] != shown(&self.toolchain, &self.report) {
            differences.push(format!("{PAGE} differs from the kept table"));
        }
        if toolchain != self.toolchain {
            println!("instructions are not compared: they were counted with {}", self.toolchain);
        }
        if differences.is_empty() {
            return Ok(());
        }
        differences.push("if the change is intended, --bless keeps it".to_owned());
        Err(differences.join("\n"))
    }
}

/// The page before the table, the table, and the rest.
fn page() -> Result<[String; 3], String> {
    let page = fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    let parts = page.find(PAGE_START).zip(page.find(PAGE_END));
    let (start, end) = parts.ok_or_else(|| format!("{PAGE} has no markers for the table"))?;
    let start = start + PAGE_START.len();
    Ok([&page[..start], &page[start..end], &page[end..]].map(str::to_owned))
}

fn shown(toolchain: &str, report: &Report) -> String {
    format!("\n{toolchain}:\n\n{}\n\n", report.table())
}

fn is_near(kept: f64, now: f64) -> bool {
    (now - kept).abs() <= kept * TOLERANCE
}
