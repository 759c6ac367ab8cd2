//! `docs/interop.md`, from what a run found.

use std::fmt::Write;

use crate::chain::Outcome;
use crate::faulty::Fault;
use crate::heads::{self, Head};
use crate::matrix::{cell, Row};
use crate::probes::Probe;
use crate::sdk::Sdk;
use crate::wire::header;
use crate::{checks, relay_as_head, strict};

/// Sections that other runs write: `stacks/collector` and `tests/vectors/runners`.
const SECTIONS: [&str; 2] =
    [include_str!("sections/collector.md"), include_str!("sections/vectors.md")];

/// The whole page.
pub(crate) fn markdown(
    rows: &[Row],
    outcomes: &[Outcome],
    probes: &[Probe],
    worker: &[Row],
) -> String {
    let mut page = String::from(
        "# Beside real Sentry SDKs\n\n\
        Written by `tests/interop` from a run of it, and held against every later one. \
        `examples/relay.rs` stands between two services with real SDKs, over real sockets; \
        a fake Sentry keeps the envelopes that they send.\n\n\
        | SDK | version | in |\n| --- | --- | --- |\n",
    );
    let mut line = |text: String| {
        page.push_str(&text);
        page.push('\n');
    };
    for sdk in Sdk::ALL {
        line(format!("| `{}` | {} | {} |", sdk.package(), sdk.version(), sdk.place()));
    }
    line(
        "\nTo run it:\n\n```sh\ntests/interop/install.sh\ncargo build --example relay\n\
        cargo test --test interop -- --ignored\n```\n\n\
        ## Who is the head, who is behind us\n\n\
        From the head of the trace (down), through the relay, to the service (across): how many \
        checks hold. Where the relay is the head itself, 200 requests each and the strict table \
        are among them. Not one check fails.\n"
            .to_owned(),
    );
    let names = Sdk::ALL.map(Sdk::name);
    let services = || names.into_iter().chain(["echo"]);
    line(table_head("head", services()));
    for head in ["relay"].into_iter().chain(names) {
        let cells = services().map(|service| {
            cell(rows.iter().filter(move |row| row.head == head && row.service == service))
        });
        line(table_line(head, cells));
    }
    line(
        "\n## What is checked\n\n\
        Sampled, not sampled and deferred heads, each also through a relay without tracing, or one \
        that decides; every service that is told has settings that would decide otherwise. \
        How many rows each check has, by the SDK behind us, and by the SDK before us:\n"
            .to_owned(),
    );
    let all: Vec<&str> = checks::ALL
        .into_iter()
        .chain([strict::THEY, strict::THEY_ALWAYS, strict::WE])
        .chain([relay_as_head::AS_WE, relay_as_head::NO_TARGET])
        .collect();
    let mut table = |first: &str, of: fn(&Row) -> &'static str| {
        line(table_head(first, names));
        for check in &all {
            let rows = || rows.iter().filter(|row| row.check == *check);
            if rows().any(|row| names.contains(&of(row))) {
                let cells = names.map(|name| cell(rows().filter(|row| of(row) == name)));
                line(table_line(check, cells));
            }
        }
        line(String::new());
    };
    table("behind us", |row| row.service);
    table("before us", |row| row.head);
    line(
        "## What a head sends\n\nThe keys of its DSC, in its order, without `sentry-`.\n"
            .to_owned(),
    );
    line(table_head("head", ["sampled", "deferred", "`sample_rand`"]));
    let heads = heads::record(outcomes);
    for sdk in Sdk::ALL {
        let of = |setting: &str| {
            heads.iter().find(|h| h.sdk == sdk.package() && h.setting.starts_with(setting))
        };
        let (on, deferred) = (of("sample rate 1"), of("no tracing"));
        let cells = [on.map(keys), deferred.map(keys), on.map(rand)];
        line(table_line(sdk.name(), cells.map(Option::unwrap_or_default)));
    }
    line(
        "\n## What each SDK does differently, as measured\n\n\
        The headers in the question go into the SDK's service; the answer is what it sends on.\n"
            .to_owned(),
    );
    line(table_head("question", ["specified"].into_iter().chain(names)));
    for probe in probes {
        let answers = probe.answers.iter().cloned();
        line(table_line(probe.question, [probe.specified.to_owned()].into_iter().chain(answers)));
    }
    line(
        "\n- A page continues what its `<meta>` tags say, of any organisation: \
        `strictTraceContinuation` has no effect on a page load.\n\
        - `sentry` for Rust reads nothing of `baggage` but the organisation id, and sends none: \
        behind it a trace has no DSC, and a strict service refuses it.\n\
        - JavaScript SDKs send spans in a stream, not transactions; a segment's root span stands \
        for its transaction above.\n\
        - `sentry-ruby` is on none of the registries that the installation uses: what it sends is \
        in `tests/vectors/captured_heads.json`.\n"
            .to_owned(),
    );
    line(worker_section(worker));
    line(
        "## Whether the checks would see it\n\n\
        A relay of the test's own passes all of them; each of these does not:\n"
            .to_owned(),
    );
    line(table_head("a relay that", ["is caught by"]));
    for fault in Fault::ALL {
        line(table_line(fault.name(), [fault.caught_by()]));
    }
    for section in SECTIONS {
        line(String::new());
        line(section.trim_end().to_owned());
    }
    page
}

/// The same checks of a worker on Cloudflare's runtime.
fn worker_section(rows: &[Row]) -> String {
    let mut section = format!(
        "## A Rust worker\n\n\
        `stacks/cloudflare_worker` in workerd {}, in the relay's place: behind a worker with \
        `@sentry/cloudflare`, or as the head; before `@sentry/node`, or an echo.\n\n",
        Sdk::Cloudflare.place().trim_start_matches("workerd "),
    );
    let columns =
        [("cloudflare", "node"), ("cloudflare", "echo"), ("relay", "node"), ("relay", "echo")];
    let names = columns
        .map(|(head, service)| format!("{head} → worker → {service}").replace("relay → ", ""));
    section.push_str(&table_head("check", names.iter().map(String::as_str)));
    section.push('\n');
    let mut checks: Vec<&str> = Vec::new();
    for row in rows {
        if !checks.contains(&row.check) {
            checks.push(row.check);
        }
    }
    for check in checks {
        let cells =
            columns.map(|(head, service)| {
                cell(rows.iter().filter(move |row| {
                    (row.check, row.head, row.service) == (check, head, service)
                }))
            });
        section.push_str(&table_line(check, cells));
        section.push('\n');
    }
    section
}

fn keys(head: &Head) -> String {
    let baggage = header(&head.headers, "baggage").ok().flatten().unwrap_or_default();
    let keys: Vec<&str> = baggage
        .split(',')
        .filter_map(|member| member.trim().strip_prefix("sentry-")?.split_once('='))
        .map(|(key, _)| key)
        .collect();
    if keys.is_empty() {
        return "no `baggage`".to_owned();
    }
    keys.join(", ")
}

fn rand(head: &Head) -> String {
    let baggage = header(&head.headers, "baggage").ok().flatten().unwrap_or_default();
    let rand = baggage.split(',').find_map(|member| member.strip_prefix("sentry-sample_rand="));
    match rand {
        None => "none",
        Some(rand) if crate::wire::is_six_digits(rand) => "six digits",
        Some(_) => "all digits of a float",
    }
    .to_owned()
}

fn table_head<'a>(first: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let rule = " --- |".repeat(names.len() + 1);
    format!("| {first} | {} |\n|{rule}", names.join(" | "))
}

fn table_line(first: &str, cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut line = format!("| {first} |");
    for cell in cells {
        let _ = write!(line, " {} |", cell.as_ref());
    }
    line
}
