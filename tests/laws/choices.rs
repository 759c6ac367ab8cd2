//! Inputs: plain texts, or texts from a grammar that is mostly valid.

use std::collections::HashMap;

use arbitrary::Unstructured;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sentry::SentryPropagator;

use super::ids::{OTHER_TRACE_ID, SPAN_ID, TRACE_ID};

/// After this byte an input is a list of choices. No UTF-8 text starts with this byte.
pub(crate) const CHOICES: u8 = 0xff;

/// The text of an input.
pub(crate) fn text(input: &[u8], grammar: fn(&mut Choices<'_>) -> String) -> String {
    match input.split_first() {
        Some((&CHOICES, rest)) => grammar(&mut Choices::new(rest)),
        _ => String::from_utf8_lossy(input).into_owned(),
    }
}

const TRACE_IDS: [&str; 6] = [
    TRACE_ID,
    OTHER_TRACE_ID,
    "771A43A4192642F0B136D5159A501700",
    "00000000000000000000000000000001",
    "00000000000000000000000000000000",
    "ffffffffffffffffffffffffffffffff",
];
const KEYS: [&str; 18] = [
    "trace_id",
    "public_key",
    "sample_rate",
    "sample_rand",
    "sampled",
    "release",
    "environment",
    "transaction",
    "replay_id",
    "org_id",
    "user_id",
    "a-b",
    "",
    "sentry-release",
    "Release",
    "é",
    "k k",
    "trace_id2",
];
const VALUES: [&str; 34] = [
    TRACE_ID,
    OTHER_TRACE_ID,
    "0.25",
    "0.123456",
    "true",
    "false",
    "1",
    "0",
    "1.0",
    "0.999999",
    "0.9999999",
    "1e-3",
    "1e-16",
    "-0.5",
    "+0.5",
    ".5",
    "5.",
    "1e999",
    "nan",
    "inf",
    "shop%401.2.3",
    "production",
    "a=b=c",
    "",
    "é",
    "a b",
    "\"q\"",
    "%zz%",
    "%31",
    "42",
    "a\\b",
    "100%25",
    "0.7858111111",
    "49d0f7386ad645858ae85020e393bef3",
];
const FOREIGN: [&str; 22] = [
    "k=v;p=1%2Cevil=1",
    "k=v;a%2Cb",
    "k=v;p=1%2Csentry-release=x",
    "k=v;k+b=2",
    "k=v;=x",
    "k=v;%3D=x",
    "k=v%2Cevil=1",
    "k=v;p=%0Ax%3B;q",
    "k\t=\tv\t;\tp",
    "k=v;;p",
    "tenant=7",
    "user=a%20b",
    "k=v;p=1;q",
    "Sentry-release=x",
    "%73entry-release=x",
    "",
    "novalue",
    "k=v",
    "k = v ",
    "é=1",
    "a=\u{1}",
    "=x",
];
const AWKWARD: [char; 16] =
    [' ', '\t', ',', ';', '=', '"', '\\', '%', '-', '+', 'é', '\n', '\0', 'g', '0', '\u{7f}'];

pub(crate) struct Choices<'a>(Unstructured<'a>);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Choices(Unstructured::new(bytes))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end.max(1) - 1).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| self.pick(&b"0123456789abcdef".map(char::from))).collect()
    }

    /// Adds, removes or replaces one character.
    fn mutated(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let at = self.below(characters.len() + 1);
        match self.below(3) {
            0 => characters.insert(at, self.pick(&AWKWARD)),
            1 if at < characters.len() => drop(characters.remove(at)),
            _ if at < characters.len() => characters[at] = self.pick(&AWKWARD),
            _ => characters.push(self.pick(&AWKWARD)),
        }
        characters.into_iter().collect()
    }

    pub(crate) fn perhaps_mutated(&mut self, text: String) -> String {
        match self.one_in(5) {
            true => self.mutated(&text),
            false => text,
        }
    }

    pub(crate) fn trace_id(&mut self) -> String {
        match self.below(4) {
            0 => self.pick(&TRACE_IDS).to_owned(),
            1 => self.hex(32),
            _ => TRACE_ID.to_owned(),
        }
    }

    /// A rate: a common one, one with few digits, or any.
    pub(crate) fn rate(&mut self) -> f64 {
        match self.below(4) {
            0 => self.pick(&[0.0, 1.0, 0.5, 0.1, 1.0 / 3.0, 1e-6, 1e-7, 0.999_999]),
            1 => (self.below(1000) + 1) as f64 / 1000.0,
            2 => (self.below(999_999) + 1) as f64 / 1e6,
            _ => (self.below(1 << 30) + 1) as f64 / (1_u64 << 31) as f64,
        }
    }

    pub(crate) fn span_id(&mut self) -> String {
        match self.below(4) {
            0 => {
                self.pick(&["0000000000000000", "0000000000000001", "7DD6B3A1FB4D9C2A"]).to_owned()
            }
            1 => self.hex(16),
            _ => SPAN_ID.to_owned(),
        }
    }

    fn one_sentry_trace(&mut self) -> String {
        let (trace_id, span_id) = (self.trace_id(), self.span_id());
        let flag = self.pick(&["-1", "-0", "", "-1", "-0", "", "-", "-2", "-11", "-01"]);
        let trace = format!("{trace_id}-{span_id}{flag}");
        let trace = self.perhaps_mutated(trace);
        let space = self.pick(&["", "", "", " ", "\t "]);
        format!("{space}{trace}{space}")
    }

    /// Sometimes a list, or a long value.
    pub(crate) fn sentry_trace(&mut self) -> String {
        let count = self.pick(&[1, 1, 1, 1, 2, 3]);
        let traces: Vec<String> = (0..count).map(|_| self.one_sentry_trace()).collect();
        let padding = match self.one_in(16) {
            true => " ".repeat(8192 - 60 + self.below(120)),
            false => String::new(),
        };
        padding + &traces.join(",")
    }

    fn member(&mut self) -> String {
        if self.below(4) == 1 {
            return self.foreign_member();
        }
        let (key, value) = (self.pick(&KEYS), self.pick(&VALUES));
        let (before, after) =
            (self.pick(&["", "", "", " "]), self.pick(&["", "", "", " ", ";p=1"]));
        let member = format!("{before}sentry-{key}{before}={after}{value}{after}");
        self.perhaps_mutated(member)
    }

    fn foreign_member(&mut self) -> String {
        let member = self.pick(&FOREIGN).to_owned();
        self.perhaps_mutated(member)
    }

    /// One line of `baggage`, sometimes with very many members or a very long one.
    pub(crate) fn baggage(&mut self) -> String {
        let count = self.pick(&[0, 1, 2, 3, 5, 8, 11]);
        let mut members: Vec<String> = (0..count).map(|_| self.member()).collect();
        match self.below(12) {
            1 => members.extend((0..60 + self.below(10)).map(|n| format!("sentry-u{n}=v"))),
            2 => members.insert(0, format!("k={}", "x".repeat(8000 + self.below(220)))),
            3 => members.push(format!("sentry-release={}", "r".repeat(self.below(1100)))),
            4 => members.extend((0..60 + self.below(10)).map(|n| format!("k{n}=v"))),
            5 => members.push(format!("sentry-transaction={}", "\"".repeat(self.below(300)))),
            6 => members.push(format!("sentry-big={}", "=".repeat(self.below(1100)))),
            _ => {}
        }
        members.join(",")
    }

    fn ot(&mut self) -> String {
        let digits = self.pick(&[1, 2, 13, 14, 15]);
        let th = format!("th:{}", self.hex(digits));
        let digits = self.pick(&[14, 14, 14, 13]);
        let rv = format!("rv:{}", self.hex(digits));
        let first = self.pick(&[
            "th:8",
            "th:0",
            "th:c",
            "rv:ffffffffffffff;th:8",
            "rv:FFFFFFFFFFFFFF;th:8",
            "rv:fffffffffffffff;th:8",
            "x:1",
            "th:",
            "th:8;th:4",
        ]);
        let fields = [first.to_owned(), th, rv, "a:b ".to_owned(), "x".repeat(self.below(260))];
        let count = self.below(4);
        format!("ot={}", fields[self.below(2)..=1 + count].join(";"))
    }

    /// A member in the library's format: another DSC, another status, or slightly malformed.
    fn packed(&mut self) -> [String; 2] {
        let (trace_id, list) = (self.trace_id(), self.baggage());
        let headers = HashMap::from([
            ("sentry-trace".to_owned(), format!("{trace_id}-{SPAN_ID}-1")),
            ("baggage".to_owned(), list),
        ]);
        let cx = SentryPropagator::new().extract(&headers);
        let span = cx.span();
        let state = span.span_context().trace_state();
        let marks = self.pick(&["", "", "c..", "w..", "h..", "c?.", "c-.", "c1x", "c0a", "hxx"]);
        ["sentry", "sentry-2"].map(|key| {
            let packed = state.get(key).unwrap_or_default();
            let rest = packed.get(marks.len()..).unwrap_or_default();
            let text = if key == "sentry" { format!("{marks}{rest}") } else { packed.to_owned() };
            self.perhaps_mutated(text)
        })
    }

    pub(crate) fn tracestate(&mut self) -> String {
        let count = self.pick(&[0, 1, 2, 3, 5, 29, 32, 34]);
        let [first, second] = self.packed();
        let members: Vec<String> = (0..count)
            .map(|n| match self.below(9) {
                0 => self.ot(),
                1 => format!("sentry={first}"),
                2 => format!("sentry-2={second}"),
                3 => self.pick(&["sentryco=1", "sentry-x=1", "sentry-12=1", "a@b=1"]).to_owned(),
                4 => format!("k={n}"),
                5 => format!("k{n}=é"),
                6 => format!("k{n}=a\nb"),
                _ => format!("k{n}={n}"),
            })
            .collect();
        members.join(",")
    }

    pub(crate) fn traceparent(&mut self) -> String {
        let (trace_id, span_id) = (self.trace_id(), self.span_id());
        let parent = format!("00-{trace_id}-{span_id}-{}", self.pick(&["01", "00", "03"]));
        self.perhaps_mutated(parent)
    }
}
