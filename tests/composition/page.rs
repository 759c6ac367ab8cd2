//! The table in `docs/composition_matrix.md` agrees with the data.

use std::fs;
use std::path::Path;

use crate::data::{Row, Table};
use crate::lists::Composition;

const TABLE: [&str; 2] = ["<!-- table: begin -->\n", "<!-- table: end -->\n"];
const LOSSES: [&str; 2] = ["<!-- losses: begin -->\n", "<!-- losses: end -->\n"];

const COLUMNS: [&str; 10] = [
    "Through",
    "Trace",
    "Parent",
    "Flag",
    "DSC",
    "Own baggage",
    "Others'",
    "`traceparent`",
    "`tracestate`",
    "Loss",
];

/// `UPDATE_DOCS=1` rewrites the page.
#[test]
fn the_page_shows_the_table() {
    let table = Table::read();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/composition_matrix.md");
    let page = fs::read_to_string(&path).expect("the page");
    let page_now = between(&page, TABLE, &situations(&table));
    let page_now = between(&page_now, LOSSES, &losses(&table));
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, &page_now).expect("the page is written");
    } else {
        assert!(
            page == page_now,
            "docs/composition_matrix.md differs from the data; set UPDATE_DOCS=1"
        );
    }
}

/// Replaces the text between two markers.
fn between(text: &str, [begin, end]: [&str; 2], inside: &str) -> String {
    let (before, rest) = text.split_once(begin).expect(begin);
    let (_, after) = rest.split_once(end).expect(end);
    format!("{before}{begin}{inside}{end}{after}")
}

fn situations(table: &Table) -> String {
    let mut out = String::new();
    for situation in &table.situations {
        let headers: Vec<String> =
            situation.headers.iter().map(|(name, value)| format!("`{name}: {value}`")).collect();
        let headers = if headers.is_empty() { "nothing".to_owned() } else { headers.join(", ") };
        out += &format!("\n### {}\n\nIn: {headers}\n\n", situation.title);
        out += &format!("| {} |\n|{}\n", COLUMNS.join(" | "), " --- |".repeat(COLUMNS.len()));
        let mut rows: Vec<&Row> =
            table.rows.iter().filter(|row| row.came == situation.name).collect();
        rows.sort_by_key(|row| row.losses.len());
        rows.into_iter().for_each(|row| out += &line(table, row));
    }
    out + "\n"
}

fn line(table: &Table, row: &Row) -> String {
    let through: Vec<String> =
        row.through.iter().map(|composition| format!("`{}`", composition.name())).collect();
    let when = match row.user_baggage {
        Some(true) => " with baggage",
        Some(false) => " without baggage",
        None => "",
    };
    let kept = |kept: bool| match row.user_baggage {
        Some(false) => "",
        _ if kept => "kept",
        _ => "-",
    };
    let tracestate = match &row.tracestate {
        None => "-".to_owned(),
        Some(keys) if keys.is_empty() => "empty".to_owned(),
        Some(keys) => keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
    };
    let losses: Vec<String> = row.losses.iter().map(|name| number(table, name)).collect();
    format!(
        "| {}{when} | {} | {} | {} | {} | {} | {} | {} | {tracestate} | {} |\n",
        through.join(", "),
        row.trace,
        row.parent.as_deref().unwrap_or("-"),
        row.flag,
        row.dsc,
        kept(row.own),
        kept(row.others),
        if row.traceparent { "yes" } else { "-" },
        losses.join(", "),
    )
}

fn number(table: &Table, loss: &str) -> String {
    let index = table.losses.iter().position(|known| known.name == loss).expect(loss);
    (index + 1).to_string()
}

fn losses(table: &Table) -> String {
    let mut out = String::from("\n");
    for (index, loss) in table.losses.iter().enumerate() {
        let suffers = |composition: &Composition| {
            table
                .rows
                .iter()
                .any(|row| row.through.contains(composition) && row.losses.contains(&loss.name))
        };
        let through: Vec<String> = Composition::ALL
            .into_iter()
            .filter(suffers)
            .map(|composition| format!("`{}`", composition.name()))
            .collect();
        out += &format!("{}. {} In: {}.\n", index + 1, loss.text, through.join(", "));
    }
    out + "\n"
}
