//! `docs/interop.md`, from what a run found.

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
        Written by `tests/interop` from a run of it, and held against every later one. \
        `examples/relay.rs` stands between services with real SDKs, over real sockets; \
        a fake Sentry keeps the envelopes that they send.\n\n\
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
        cargo test --test interop -- --ignored\n```"
            .to_owned(),
    );
    lines(page)
}

fn matrices(rows: &[Row]) -> String {
    let mut page = vec!["## Who is the head, who is behind us\n\n\
        From the head of the trace (down), through the relay, to the service (across): how many \
        checks hold. Where the relay is the head itself, the requests at rate 0.3 and the strict \
        table are among them. Not one check fails."
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
        Sampled, not sampled and deferred heads, each also through a relay without tracing, or one \
        that decides; every service that is told has settings that would decide otherwise. \
        How many rows each check has, by the SDK behind us, and by the SDK before us; what differs \
        between the modes by design is a row of its own:\n"
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
        "## Between, behind and before services that speak W3C alone\n\n\
        relay, stock service, relay, echo; with heads of every Sentry SDK, ours, and a caller that \
        sends members of other parties in `baggage` and two lines of `tracestate`. The relays are \
        in the three modes that write W3C's headers. How many checks hold:\n"
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
        "\nThe last two checks take 2,000 traces at each of the rates 0.01, 0.3 and 0.9, from heads \
        with `@sentry/node`, with `sentry-sdk` and of ours: what reaches the stock service is asked \
        of its samplers. What each stock SDK does with what it forwards, as measured:\n\n{}",
        table_head("question", names)
    ));
    for Measured { question, answers } in measured {
        page.push(table_line(question, answers));
    }
    page.push(
        "\n- W3C has no third state. An undecided trace stays undecided only where the hop forwards \
        its DSC.\n\
        - The tracer of `opentelemetry-sdk` for Python asks its sampler without the trace state, and \
        takes the sampler's for the span's: behind a composite sampler others' members and `th` are \
        gone. The rows above ask the sampler itself, with the trace state.\n\
        - Go's SDK has no composite sampler; its ratio sampler reads neither `th` nor `rv`."
            .to_owned(),
    );
    lines(page)
}

fn heads(outcomes: &[Outcome]) -> String {
    let mut page = vec![
        "## What a head sends\n\nThe keys of its DSC, in its order, without `sentry-`.\n"
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
        The headers in the question go into the SDK's service; the answer is what it sends on.\n"
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
        "\n- `sentry-go` calls every trace unsampled where tracing is not configured, a continued one \
        too; its DSC has no `sample_rand`, and its members come in an order that changes.\n\
        - `io.sentry:sentry` reads a raw `+`, as `sentry-go` writes it, as a space.\n\
        - A page continues what its `<meta>` tags say, of any organization: \
        `strictTraceContinuation` has no effect on a page load.\n\
        - `sentry` for Rust reads nothing of `baggage` but the organization id, and sends none: \
        behind it a trace has no DSC, and a strict service refuses it.\n\
        - JavaScript SDKs send spans in a stream, not transactions; a segment's root span stands \
        for its transaction above.\n\
        - `sentry-ruby` is on none of the registries that the installation uses: what it sends is \
        in `tests/vectors/captured_heads.json`."
            .to_owned(),
    );
    lines(page)
}

fn faults() -> String {
    let mut page = vec![
        "## Whether the checks would see it\n\n\
        A relay of the test's own passes all of them; each of these does not:\n"
            .to_owned(),
        table_head("a relay that", ["is caught by"]),
    ];
    for fault in Fault::ALL {
        page.push(table_line(fault.name(), [fault.caught_by()]));
    }
    lines(page)
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
        keys.push("in an order that changes");
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
