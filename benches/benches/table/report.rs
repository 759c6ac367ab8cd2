//! Compares counts with their bounds and with the stock propagators.

use std::fmt;

use benches::{Bound, Propagator, Scenario};
use comfy_table::{presets::ASCII_MARKDOWN, CellAlignment, Table};

use crate::count::{Counted, Counts};

pub(crate) struct Report {
    pub(crate) rows: Counted,
}

/// A row's bound in numbers.
#[derive(Default)]
struct Limit {
    instructions: Option<u64>,
    allocations: Option<(u64, u64)>,
}

impl Report {
    pub(crate) fn new(rows: Counted) -> Self {
        Self { rows }
    }

    fn counts(&self, row: &Scenario) -> Counts {
        let found = self.rows.iter().find(|(it, _)| it.is(row));
        found.unwrap_or_else(|| panic!("not measured: {row:?}")).1
    }

    /// The ratio to the stock propagators or the stock sampler for the same work.
    pub(crate) fn ratio(&self, row: &Scenario) -> f64 {
        let stock = self.counts(&row.of(Propagator::Stock));
        self.counts(row).instructions as f64 / stock.instructions as f64
    }

    fn limit(&self, row: &Scenario) -> Limit {
        let others = |by: &[Propagator]| {
            let counts = by.iter().map(|by| self.counts(&row.of(*by)));
            counts.fold((0, 0, 0), |(i, a, r), it| {
                (i + it.instructions, a + it.allocations, r + it.reallocations)
            })
        };
        let times = |times: f64, instructions: u64| Some((times * instructions as f64) as u64);
        match row.bound {
            None => Limit::default(),
            Some(Bound::AtMost(instructions, allocations, reallocations)) => Limit {
                instructions: Some(instructions),
                allocations: Some((allocations, reallocations)),
            },
            Some(Bound::Instructions(instructions)) => {
                Limit { instructions: Some(instructions), allocations: None }
            }
            Some(Bound::Times(factor, by)) => {
                Limit { instructions: times(factor, others(by).0), allocations: None }
            }
            Some(Bound::TimesEqual(factor, by)) => {
                let (instructions, allocations, reallocations) = others(by);
                Limit {
                    instructions: times(factor, instructions),
                    allocations: Some((allocations, reallocations)),
                }
            }
            Some(Bound::TimesInput(factor, input)) => {
                let base = self.counts(&Scenario { input, bound: None, ..*row });
                Limit { instructions: times(factor, base.instructions), allocations: None }
            }
            Some(Bound::Linear(factor, input)) => {
                let base = self.counts(&Scenario { input, bound: None, ..*row });
                Limit { instructions: Some(factor * base.instructions), allocations: None }
            }
        }
    }

    /// The rows that exceed their bounds.
    pub(crate) fn misses(&self) -> impl Iterator<Item = String> + '_ {
        let over = self.rows.iter().filter(|(row, counts)| !self.limit(row).holds(counts));
        over.map(|(row, _)| name(row))
    }

    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(ASCII_MARKDOWN).set_header([
            "operation",
            "by",
            "instructions",
            "allocations",
            "bound",
            "",
            "to stock",
        ]);
        for column in [2, 3, 4, 6] {
            let column = table.column_mut(column).expect("a column of the header");
            column.set_cell_alignment(CellAlignment::Right);
        }
        for (row, counts) in &self.rows {
            let limit = self.limit(row);
            table.add_row([
                row.name(),
                row.by().to_owned(),
                counts.instructions.to_string(),
                format!("{}+{}", counts.allocations, counts.reallocations),
                limit.to_string(),
                limit.verdict(counts).to_owned(),
                format!("{:.3}", self.ratio(row)),
            ]);
        }
        table.to_string()
    }
}

fn name(row: &Scenario) -> String {
    format!("{}, {}", row.name(), row.by())
}

impl Limit {
    fn holds(&self, counts: &Counts) -> bool {
        self.instructions.is_none_or(|most| counts.instructions <= most)
            && self.allocations.is_none_or(|(allocations, reallocations)| {
                counts.allocations <= allocations && counts.reallocations <= reallocations
            })
    }

    fn verdict(&self, counts: &Counts) -> &'static str {
        match (self.instructions.is_some(), self.holds(counts)) {
            (false, _) => "",
            (true, true) => "holds",
            (true, false) => "over",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(instructions) = self.instructions {
            write!(f, "{instructions}")?;
        }
        if let Some((allocations, reallocations)) = self.allocations {
            write!(f, ", {allocations}+{reallocations}")?;
        }
        Ok(())
    }
}
