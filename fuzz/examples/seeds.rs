//! Writes the seeds of the corpora, `corpus/<target>/`, from the rows of `tests/vectors/`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The texts of each target.
type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut seeds = Seeds::new();
    for entry in fs::read_dir(Path::new(FOLDER).join("../tests/vectors"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            read(&serde_json::from_str(&fs::read_to_string(&path)?)?, &mut seeds);
        }
    }
    for url in URLS {
        push(&mut seeds, "targets", url);
        push(&mut seeds, "dsn", url);
    }
    grammar(&mut seeds);
    for (target, texts) in &mut seeds {
        texts.sort();
        texts.dedup();
        let folder = Path::new(FOLDER).join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, text) in texts.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:04}")), text)?;
        }
        println!("{target}: {} seeds", texts.len());
    }
    Ok(())
}

const URLS: [&str; 4] = [
    "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42",
    "https://o1.ingest.sentry.io:443/api/42/envelope/",
    "https://api.myecommerce.com/pay?card=1\nhttps://api.myecommerce.com\nmyecommerce",
    "http://key:secret@[::1]:9000/a/b/7",
];

/// Longer inputs are slow and find nothing more.
const MAX_BYTES: usize = 9000;

fn push(seeds: &mut Seeds, target: &'static str, text: impl Into<Vec<u8>>) {
    let text = text.into();
    if text.len() <= MAX_BYTES {
        seeds.entry(target).or_default().push(text);
    }
}

/// Choices for the grammar, as starting points for the fuzzer.
fn grammar(seeds: &mut Seeds) {
    let targets = [
        "sentry_trace",
        "baggage",
        "dsn",
        "targets",
        "tracestate",
        "extract_inject",
        "merging",
        "environment",
    ];
    for target in targets {
        for step in 1..=24_u8 {
            let choices = (0..=255_u8).map(|n| n.wrapping_mul(step).wrapping_add(step));
            push(seeds, target, [0xff].into_iter().chain(choices).collect::<Vec<u8>>());
        }
    }
}

/// Collects the headers in a table and replaces placeholders with ids.
fn read(value: &Value, seeds: &mut Seeds) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| read(value, seeds)),
        Value::Object(fields) => {
            let mut headers = Vec::new();
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("headers", Value::Array(pairs)) => {
                        headers.extend(pairs.iter().filter_map(|pair| {
                            Some((pair.get(0)?.as_str()?.to_owned(), expand(pair.get(1)?)))
                        }));
                    }
                    ("headers" | "in", Value::Object(map)) => {
                        headers
                            .extend(map.iter().map(|(name, value)| (name.clone(), expand(value))));
                    }
                    ("in", value) => push(seeds, "sentry_trace", expand(value)),
                    ("lines", Value::Array(lines)) => {
                        headers
                            .extend(lines.iter().map(|line| ("baggage".to_owned(), expand(line))));
                    }
                    ("dsn", value @ Value::String(_)) => push(seeds, "dsn", expand(value)),
                    ("url", value @ Value::String(_)) => push(seeds, "targets", expand(value)),
                    ("request" | "set", Value::Array(pairs)) => {
                        let values = pairs.iter().filter_map(|pair| pair.get(1)).map(expand);
                        push(seeds, "merging", values.collect::<Vec<_>>().join("\n"));
                    }
                    (_, value) => read(value, seeds),
                }
            }
            push_headers(&headers, seeds);
        }
        _ => {}
    }
}

fn push_headers(headers: &[(String, String)], seeds: &mut Seeds) {
    if headers.is_empty() {
        return;
    }
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if value("sentry-trace").is_none() {
        lines.push("sentry-trace: 12312012123120121231201212312012-1121201211212012-1".to_owned());
    }
    for settings in ["", "ds", "pr2", "d1"] {
        let text = format!("{}\nsettings: {settings}\nown: tenant=7", lines.join("\n"));
        push(seeds, "extract_inject", text);
    }
    let (trace, list) = (value("sentry-trace"), value("baggage"));
    if let Some(list) = &list {
        push(seeds, "baggage", list.clone());
        push(seeds, "merging", format!("tenant=7,sentry-release=old\n{list}"));
    }
    if let Some(trace) = &trace {
        push(seeds, "sentry_trace", trace.clone());
    }
    let (trace, list) = (trace.unwrap_or_default(), list.unwrap_or_default());
    push(seeds, "environment", format!("SENTRY_TRACE={trace}\nSENTRY_BAGGAGE={list}"));
    if let Some(tracestate) = value("tracestate") {
        push(seeds, "tracestate", format!("{tracestate}\n{trace}\n{list}"));
    }
}

/// A text or its parts. `tests/vectors/README.md` describes the notation.
fn expand(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(expand).collect(),
        Value::Object(part) => {
            let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
            let times = part.get("times").and_then(Value::as_u64).unwrap_or_default();
            let repeated = (1..=times).map(|n| text("repeat").replace('#', &n.to_string()));
            repeated.collect::<Vec<_>>().join(text("join"))
        }
        _ => String::new(),
    };
    text.replace("{ST}", "{T}-{S}")
        .replace("{TP}", "00-{T}-{S}")
        .replace("{T}", "12312012123120121231201212312012")
        .replace("{S}", "1121201211212012")
}
