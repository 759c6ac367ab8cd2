//! The position of carets, and the advice for each case.

use crate::arguments::Arguments;
use crate::dump;
use crate::explain::explain;
use crate::grammar::{baggage_faults, sentry_trace_fault, Fault};
use crate::rows::{self, CORS, DEFERRED, NOTHING_SENT, NOT_SAMPLED, NO_BAGGAGE, TWO_TRACES};
use crate::text::render;

const PAGE: &str = include_str!("../../docs/troubleshooting.md");

/// Reads the constants from the file, so that a new one is held to the page as well.
fn quoted_rows() -> usize {
    include_str!("../../examples/doctor/rows.rs").matches("pub(crate) const ").count() - 6
}

#[test]
fn advice_has_the_words_of_the_page() {
    let rows = [
        rows::NOT_SENT,
        rows::INVALID,
        rows::TRACEPARENT_NOT_READ,
        rows::TWO_HEADERS,
        rows::TWO_TRACES_NAMED,
        rows::OTHER_ORGANIZATION,
        rows::CALLER_UNKNOWN,
        rows::SERVICE_UNKNOWN,
        rows::HEAD_DECIDED,
        rows::NO_RATE,
        rows::TRACEPARENT_DECIDED,
        rows::NO_DSN,
        rows::CAME_WITHOUT,
        rows::OTHER_TRACE,
        rows::UNDECIDED,
        rows::STATUS,
        rows::ORIGIN,
        rows::NAMES,
        rows::OTHER_NAMES,
        rows::STAR,
        rows::NOT_TOLD,
        rows::NO_TARGET,
        rows::SENTRY_ITSELF,
    ];
    assert_eq!(rows.len(), quoted_rows(), "a row is missing here");
    let page = without_links(PAGE);
    for row in rows {
        let heading = format!("\n## {}\n", row.symptom);
        let section = page.split_once(&heading).unwrap_or_else(|| panic!("{heading}")).1;
        let section = section.split("\n## ").next().unwrap_or_default();
        let cells = if row.symptom == NOTHING_SENT { "| " } else { " | " };
        let end = format!("{cells}{} | {} |", row.why, row.what);
        assert!(section.lines().any(|line| line.ends_with(&end)), "not a row of the page: {end}");
    }
}

/// `[text][name]` becomes `text`.
fn without_links(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        match link.split_once("][").and_then(|(label, after)| {
            let (_, after) = after.split_once(']').filter(|_| !label.contains('\n'))?;
            Some((label, after))
        }) {
            Some((label, after)) => {
                text.push_str(label);
                rest = after;
            }
            None => {
                text.push('[');
                rest = link;
            }
        }
    }
    text + rest
}

#[test]
fn a_caret_stands_under_the_first_wrong_byte() {
    const T: &str = "771a43a4192642f0b136d5159a501700";
    let rows = [
        (String::new(), 0),
        ("  ".to_owned(), 2),
        (T.to_owned(), 32),
        (format!("{T}-"), 33),
        (format!("{T}+7dd6b3a1fb4d9c2a"), 32),
        (format!(" {T}-7dd6b3a1fb4d9c2g"), 49),
        (format!("{T}-7dd6b3a1fb4d9c2a-"), 50),
        (format!("{T}-7dd6b3a1fb4d9c2a-2"), 50),
        (format!("{T}-7dd6b3a1fb4d9c2a-11"), 51),
        (format!("{T}-0000000000000000"), 33),
        (format!("{}-7dd6b3a1fb4d9c2a", "0".repeat(32)), 0),
        (format!("x,{T}"), 0),
    ];
    for (value, at) in rows {
        assert_eq!(sentry_trace_fault(&value).map(|fault| fault.at), Some(at), "{value:?}");
    }
    assert_eq!(sentry_trace_fault(&format!("x, {T}-7dd6b3a1fb4d9c2a")), None);
    let fault = |at, problem: &str| Fault { at, problem: problem.to_owned() };
    assert_eq!(
        baggage_faults("a=1,sentry-release,,b c=1"),
        [fault(4, "skipped: a member without `=`"), fault(20, "skipped: its key is no token")]
    );
    let long = format!("a={}", "x".repeat(8191));
    assert_eq!(baggage_faults(&long).len(), 1);
}

#[test]
fn a_caret_is_below_its_byte_in_the_text_too() {
    let text = render(&explain(&arguments("sentry-trace: 771a-x", |_| {})).unwrap());
    let text = anstream::adapter::strip_str(&text).to_string();
    let lines: Vec<&str> = text.lines().collect();
    let place = lines.iter().position(|line| line.contains("sentry-trace: ")).unwrap();
    assert_eq!(lines[place + 1].find('^'), lines[place].find("-x"));
}

#[test]
fn what_arrived_moves_no_terminal() {
    let dump = "> OPTIONS / HTTP/1.1\n> Origin: \u{8}\n> Access-Control-Request-Method: \u{8}\n\
                < HTTP/1.1 200 OK\n";
    let text = render(&explain(&arguments(dump, |_| {})).unwrap());
    assert!(text.contains("access-control-allow-methods") && !text.contains('\u{8}'), "{text:?}");
}

fn arguments(dump: &str, set: impl Fn(&mut Arguments)) -> Arguments {
    let mut arguments = Arguments { request: dump::read(dump), ..Arguments::default() };
    set(&mut arguments);
    arguments
}

#[test]
fn a_case_gets_the_advice_of_its_symptom() {
    const ST: &str = "> sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a";
    const DSC: &str = "> baggage: sentry-sample_rand=0.25";
    type Set = fn(&mut Arguments);
    let nothing: Set = |_| {};
    let strict: Set = |a| a.strict = true;
    let org: Set = |a| a.org_id = Some("2".to_owned());
    let rate: Set = |a| a.rate = Some(1.0);
    let target: Set = |a| a.targets.push("https://shop.example".to_owned());
    let rows: [(&str, String, Set, &[&str]); 11] = [
        ("nothing came", "> accept: */*".to_owned(), nothing, &[TWO_TRACES, NO_BAGGAGE]),
        ("not valid", "sentry-trace: 1".to_owned(), nothing, &[TWO_TRACES, NO_BAGGAGE]),
        ("other organization", format!("{ST}-1\n> baggage: sentry-org_id=1"), org, &[TWO_TRACES, NO_BAGGAGE]),
        ("strict", format!("{ST}-1\n> baggage: sentry-org_id=1"), strict, &[TWO_TRACES, NO_BAGGAGE]),
        ("not sampled", format!("{ST}-0\n{DSC}"), rate, &[NOT_SAMPLED]),
        ("no rate", format!("{ST}-1\n{DSC}"), nothing, &[NOT_SAMPLED]),
        ("no DSC", format!("{ST}-1"), rate, &[NO_BAGGAGE]),
        ("another's DSC", format!("{ST}-1\n> baggage: sentry-trace_id={}", "1".repeat(32)), rate, &[NO_BAGGAGE]),
        ("deferred", format!("{ST}\n{DSC}"), nothing, &[DEFERRED]),
        ("no target", format!("{ST}-1\n{DSC}"), target, &[NOT_SAMPLED, NOTHING_SENT]),
        (
            "preflight",
            format!("{ST}-1\n{DSC}\n> Access-Control-Request-Headers: baggage,sentry-trace\n< Access-Control-Allow-Headers: Baggage"),
            rate,
            &[CORS],
        ),
    ];
    for (name, dump, set, expected) in rows {
        let report = explain(&arguments(&dump, set)).unwrap();
        let given: Vec<&str> = report.advice.iter().map(|advice| advice.symptom).collect();
        assert_eq!(given, expected, "{name}");
    }
    let whole = explain(&arguments(&format!("{ST}-1\n{DSC}"), rate)).unwrap();
    assert!(whole.advice.is_empty() && whole.sampling.is_some_and(|sampling| sampling.recorded));
}
