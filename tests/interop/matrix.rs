//! The rows of a run.

use std::collections::BTreeSet;

use crate::chain::Chain;
use crate::mode::Mode;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Holds,
    Fails(String),
}

/// One check of one trace.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) mode: Mode,
    pub(crate) check: &'static str,
    pub(crate) head: &'static str,
    pub(crate) service: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) verdict: Verdict,
}

/// The result of a check on that chain.
pub(crate) fn row(check: &'static str, chain: &Chain, verdict: Result<(), String>) -> Row {
    let (head, service) = chain.names();
    Row::new(chain.relay.mode, check, (head, service), chain.scenario.name, verdict)
}

impl Row {
    pub(crate) fn new(
        mode: Mode,
        check: &'static str,
        (head, service): (&'static str, &'static str),
        scenario: &'static str,
        verdict: Result<(), String>,
    ) -> Self {
        let verdict = verdict.map_or_else(Verdict::Fails, |()| Verdict::Holds);
        Self { mode, check, head, service, scenario, verdict }
    }

    pub(crate) fn fails(&self) -> bool {
        self.verdict != Verdict::Holds
    }
}

/// The names of the failed checks.
pub(crate) fn failing(rows: &[Row]) -> BTreeSet<&'static str> {
    rows.iter().filter(|row| row.fails()).map(|row| row.check).collect()
}

/// The number of passed checks, or the failures if there are any.
pub(crate) fn cell<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> String {
    let failing = rows.clone().filter(|row| row.fails()).count();
    match (rows.count(), failing) {
        (0, _) => "–".to_owned(),
        (all, 0) => all.to_string(),
        (all, failing) => format!("**{failing} of {all} fail**"),
    }
}

/// Fails and lists every failed row.
pub(crate) fn assert_all_hold(rows: &[Row]) {
    let failing: Vec<String> = rows
        .iter()
        .filter_map(|row| match &row.verdict {
            Verdict::Holds => None,
            Verdict::Fails(error) => Some(format!(
                "{} -> relay ({}) -> {}, {}: {}: {error}",
                row.head,
                row.mode.name(),
                row.service,
                row.scenario,
                row.check
            )),
        })
        .collect();
    assert!(failing.is_empty(), "{} of {}:\n{}", failing.len(), rows.len(), failing.join("\n"));
}
