//! Generates `docs/interop.md` from the results of a run.

use std::fmt::Write;

use crate::chain::Outcome;
use crate::faulty::Fault;
use crate::heads::{self, Head};
use crate::matrix::{cell, Row};
use crate::mode::Mode;
use crate::probes::{Measured, Probe};
use crate::sdk::Sdk;
use crate::stock::Stock;
use crate::wire::header;
use crate::{checks, hops, relay_as_head, sampling, strict};

/// The whole page.
pub(crate) fn markdown(
    rows: &[Row],
    outcomes: &[Outcome],
    probes: &[Probe],
    measured: &[Measured],
    worker: &[Row],
) -> String {
    let mut sections = vec![
        services(),
        matrices(rows),
        checks(rows),
        stock_services(rows, measured),
        heads(outcomes),
        differences(probes),
        worker_section(worker),
        faults(),
    ];
    sections.extend(of_other_runs());
    sections.join("\n")
}

/// The sections that other runs write into `tests/interop/sections`, by name.
fn of_other_runs() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/sections");
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> =
        files.map(|file| file.expect("the folder can be read").path()).collect();
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("a section is text");
    paths.into_iter().map(|path| read(path).trim_end().to_owned() + "\n").collect()
}

fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().fold(String::new(), |page, line| page + &line + "\n")
}

fn services() -> String {
    let mut page = vec!["# Beside real Sentry and OpenTelemetry SDKs\n\n\
        `tests/interop` writes this page from a run and compares it with every later run. \
        `examples/relay.rs` runs between services with real SDKs, over real sockets. \
        A fake Sentry keeps the envelopes that they send.\n\n\
        | Sentry SDK | version | in |\n| --- | --- | --- |"
        .to_owned()];
    for sdk in Sdk::ALL {
        page.push(format!("| `{}` | {} | {} |", sdk.package(), sdk.version(), sdk.place()));
    }
    page.push("\n| stock OpenTelemetry SDK | version | sampler |\n| --- | --- | --- |".to_owned());
    for stock in Stock::ALL {
        page.push(format!("| `{}` | {} | {} |", stock.package(), stock.version(), stock.sampler()));
    }
    page.push("\n| mode | the relay's propagator |\n| --- | --- |".to_owned());
    for mode in Mode::ALL {
        page.push(format!("| `{}` | {} |", mode.name(), mode.description()));
    }
    page.push(
        "\nTo run it:\n\n```sh\ntests/interop/install.sh\ncargo build --example relay\n\
        cargo test --features otlp-request --test interop -- --ignored\n```"
            .to_owned(),
    );
    lines(page)
}

fn matrices(rows: &[Row]) -> String {
    let mut page = vec!["## Heads and downstream services\n\n\
        Rows are heads of the trace, columns are services behind the relay. Each cell is the \
        number of passed checks. The row in which the relay is the head includes the requests at \
        rate 0.3 and the strict table. No check fails."
        .to_owned()];
    let names = Sdk::ALL.map(Sdk::name);
    let services = || names.into_iter().chain(["echo"]);
    for mode in Mode::ALL {
        page.push(format!("\n### Mode `{}`\n", mode.name()));
        page.push(table_head("head", services()));
        for head in ["relay"].into_iter().chain(names) {
            let cells = services().map(|service| {
                let of =
                    move |row: &&Row| (row.mode, row.head, row.service) == (mode, head, service);
                cell(rows.iter().filter(of))
            });
            page.push(table_line(head, cells));
        }
    }
    lines(page)
}

fn checks(rows: &[Row]) -> String {
    let mut page = vec!["## What is checked\n\n\
        Heads are sampled, not sampled and deferred, each also through a relay without tracing or \
        one that decides. Every service that receives a decision has settings that would decide \
        otherwise. The tables count each check's rows, by the SDK behind us and by the SDK before \
        us. A check that differs between the modes by design has its own row:\n"
        .to_owned()];
    let names = Sdk::ALL.map(Sdk::name);
    let all: Vec<&str> = checks::ALL
        .into_iter()
        .chain([strict::THEY, strict::THEY_ALWAYS, strict::WE])
        .chain([relay_as_head::AS_WE, relay_as_head::NO_TARGET, relay_as_head::W3C_ONLY])
        .collect();
    let mut table = |first: &str, of: fn(&Row) -> &'static str| {
        page.push(table_head(first, names));
        for check in &all {
            let rows = || rows.iter().filter(|row| row.check == *check);
            if rows().any(|row| names.contains(&of(row))) {
                let cells = names.map(|name| cell(rows().filter(|row| of(row) == name)));
                page.push(table_line(check, cells));
            }
        }
        page.push(String::new());
    };
    table("behind us", |row| row.service);
    table("before us", |row| row.head);
    page.pop();
    lines(page)
}

fn stock_services(rows: &[Row], measured: &[Measured]) -> String {
    let names = Stock::ALL.map(Stock::name);
    let mut page = vec![
        "## Between, behind and before services that speak only W3C\n\n\
        The chain is relay, stock service, relay, echo. Heads are every Sentry SDK, ours, and a \
        caller that sends other parties' members in `baggage` and two lines of `tracestate`. The \
        relays run in the three modes that write W3C's headers. The numbers of passed checks:\n"
            .to_owned(),
        table_head("check", names),
    ];
    for check in hops::ALL.into_iter().chain([sampling::INHERITS, sampling::CONSISTENT]) {
        let cells = names.map(|name| {
            let of = |row: &&Row| row.check == check && [row.head, row.service].contains(&name);
            cell(rows.iter().filter(of))
        });
        page.push(table_line(check, cells));
    }
    page.push(format!("\nBy mode:\n\n{}", table_head("mode", names)));
    for mode in Mode::ALL {
        let cells = names.map(|name| {
            let of = |row: &&Row| row.mode == mode && [row.head, row.service].contains(&name);
            cell(rows.iter().filter(of))
        });
        page.push(table_line(&format!("`{}`", mode.name()), cells));
    }
    page.push(format!(
        "\nThe last two checks take 2,000 traces at each of the rates 0.01, 0.3 and 0.9, from \
        heads with `@sentry/node`, with `sentry-sdk` and with this crate: the stock service's \
        samplers decide on the headers that reach it. How each stock SDK changes what it \
        forwards, as measured:\n\n{}",
        table_head("question", names)
    ));
    for Measured { question, answers } in measured {
        page.push(table_line(question, answers));
    }
    page.push(
        "\n- W3C has no third state. An undecided trace stays undecided only where the hop \
        forwards its DSC.\n\
        - The tracer of `opentelemetry-sdk` for Python calls its sampler without the trace state, \
        and uses the sampler's result for the span: a composite sampler loses others' members and \
        `th`. The rows above call the sampler directly, with the trace state.\n\
        - Go's SDK has no composite sampler; its ratio sampler reads neither `th` nor `rv`."
            .to_owned(),
    );
    lines(page)
}

fn heads(outcomes: &[Outcome]) -> String {
    let mut page = vec![
        "## What a head sends\n\nThe keys of its DSC in the order sent, without `sentry-`.\n"
            .to_owned(),
        table_head("head", ["sampled", "deferred", "`sample_rand`"]),
    ];
    let heads = heads::record(outcomes);
    for sdk in Sdk::ALL {
        let of = |setting: &str| {
            heads.iter().find(|h| h.sdk == sdk.package() && h.setting.starts_with(setting))
        };
        let keys = |head| keys(head, sdk.orders_dsc());
        let (on, deferred) = (of("sample rate 1"), of("no tracing"));
        let cells = [on.map(keys), deferred.map(keys), on.map(rand)];
        page.push(table_line(sdk.name(), cells.map(Option::unwrap_or_default)));
    }
    lines(page)
}

fn differences(probes: &[Probe]) -> String {
    let names = Sdk::ALL.map(Sdk::name);
    let mut page = vec![
        "## What each SDK does differently, as measured\n\n\
        The SDK's service receives the headers in the question. The answer is what it sends.\n"
            .to_owned(),
        table_head("question", ["specified"].into_iter().chain(names)),
    ];
    for probe in probes {
        let answers = probe.answers.iter().cloned();
        page.push(table_line(
            probe.question,
            [probe.specified.to_owned()].into_iter().chain(answers),
        ));
    }
    page.push(
        "\n- Without configured tracing, `sentry-go` marks every trace as unsampled, even a \
        continued one. Its DSC has no `sample_rand`, and the order of its members varies.\n\
        - `io.sentry:sentry` reads a raw `+`, which `sentry-go` writes, as a space.\n\
        - A page continues the trace in its `<meta>` tags, from any organization: \
        `strictTraceContinuation` has no effect on a page load.\n\
        - `sentry` for Rust reads only the organization id from `baggage`, and sends no `baggage`: \
        the next service gets no DSC, and a strict one rejects the trace.\n\
        - JavaScript SDKs stream spans instead of sending transactions; above, a segment's root \
        span counts as its transaction.\n\
        - `sentry-ruby` is not on the registries that the installation uses: its headers are \
        in `tests/vectors/captured_heads.json`."
            .to_owned(),
    );
    lines(page)
}

fn faults() -> String {
    let mut page = vec![
        "## Faults that the checks catch\n\n\
        The test's own relay passes all checks. With one of these faults it does not:\n"
            .to_owned(),
        table_head("a relay that", ["is caught by"]),
    ];
    for fault in Fault::ALL {
        page.push(table_line(fault.name(), [fault.caught_by()]));
    }
    lines(page)
}

/// The same checks for a worker on Cloudflare's runtime.
fn worker_section(rows: &[Row]) -> String {
    let mut section = format!(
        "## A Rust worker\n\n\
        `stacks/cloudflare_worker` in workerd {} replaces the relay: behind a worker with \
        `@sentry/cloudflare`, or as the head; before `@sentry/node` or an echo.\n\n",
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

fn keys(head: &Head, in_order: bool) -> String {
    let baggage = header(&head.headers, "baggage").ok().flatten().unwrap_or_default();
    let mut keys: Vec<&str> = baggage
        .split(',')
        .filter_map(|member| member.trim().strip_prefix("sentry-")?.split_once('='))
        .map(|(key, _)| key)
        .collect();
    if keys.is_empty() {
        return "no `baggage`".to_owned();
    }
    if !in_order {
        keys.sort_unstable();
        keys.push("in a varying order");
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
