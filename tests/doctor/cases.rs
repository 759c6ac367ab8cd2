//! The position of carets, and the advice for each case.

use crate::advice::{CORS, DEFERRED, NOTHING_SENT, NOT_SAMPLED, NO_BAGGAGE, TWO_TRACES};
use crate::arguments::Arguments;
use crate::explain::explain;
use crate::grammar::{baggage_faults, sentry_trace_fault, Fault};
use crate::request::Request;
use crate::text::render;

const SYMPTOMS: [&str; 6] = [TWO_TRACES, NOT_SAMPLED, NO_BAGGAGE, DEFERRED, CORS, NOTHING_SENT];
const PAGE: &str = include_str!("../../docs/troubleshooting.md");

#[test]
fn each_symptom_is_a_heading_of_the_page() {
    for symptom in SYMPTOMS {
        assert!(PAGE.contains(&format!("\n## {symptom}\n")), "{symptom}");
    }
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

fn arguments(dump: &str, set: impl Fn(&mut Arguments)) -> Arguments {
    let mut request = Request::default();
    request.read_dump(dump);
    let mut arguments = Arguments { request, ..Arguments::default() };
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
        ("other organisation", format!("{ST}-1\n> baggage: sentry-org_id=1"), org, &[TWO_TRACES, NO_BAGGAGE]),
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
    assert!(whole.advice.is_empty() && whole.sampling.recorded);
}
