//! Each cell of the table, with both kinds of carrier.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use http::HeaderMap;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sentry::Sentry;
use percent_encoding::percent_decode_str;

use crate::call::{call, Call, Called, NEW_TRACE};
use crate::data::{Row, Table};
use crate::lists::Composition;

type Headers = BTreeMap<String, String>;

/// Another party's member, which must be forwarded unchanged.
const OTHERS: &str = "tenant=7";
/// The member that the service adds to the context's baggage, and its outgoing form.
const OWN: (&str, &str) = ("cart", "3 items");
const OWN_MEMBER: &str = "cart=3%20items";

fn sentry() -> Sentry {
    Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
        .release("shop@1.2.3")
        .traces_sample_rate(1.0)
        .build()
        .expect("settings")
}

/// The cells of a row, read from the outgoing headers.
#[derive(Debug, PartialEq)]
struct Out {
    trace: String,
    parent: Option<String>,
    flag: String,
    dsc: String,
    own: bool,
    others: bool,
    traceparent: bool,
    tracestate: Option<Vec<String>>,
}

impl Row {
    fn out(&self, user_baggage: bool) -> Out {
        Out {
            trace: self.trace.clone(),
            parent: self.parent.clone(),
            flag: self.flag.clone(),
            dsc: self.dsc.clone(),
            own: self.own && user_baggage,
            others: self.others && user_baggage,
            traceparent: self.traceparent,
            tracestate: self.tracestate.clone(),
        }
    }
}

#[test]
fn every_cell_sends_as_specified() {
    let table = Table::read();
    let mut cells = 0;
    let mut wrong = Vec::new();
    for row in &table.rows {
        for composition in &row.through {
            for user_baggage in [true, false] {
                if row.user_baggage == Some(!user_baggage) {
                    continue;
                }
                for by_map in [false, true] {
                    cells += 1;
                    let cell = Cell { table: &table, row, composition: *composition, user_baggage };
                    let out = cell.run(by_map);
                    let expected = row.out(user_baggage);
                    if out != expected {
                        wrong.push(format!(
                            "{}, {}, user baggage {user_baggage}, HeaderMap {by_map}:\n  expected {expected:?}\n  sent     {out:?}",
                            row.came,
                            composition.name(),
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(cells, table.situations.len() * Composition::ALL.len() * 2 * 2);
}

#[test]
fn every_cell_has_one_row() {
    let table = Table::read();
    for situation in &table.situations {
        for composition in Composition::ALL {
            for user_baggage in [true, false] {
                let rows = table.rows.iter().filter(|row| {
                    row.came == situation.name
                        && row.through.contains(&composition)
                        && row.user_baggage != Some(!user_baggage)
                });
                assert_eq!(rows.count(), 1, "{}, {}", situation.name, composition.name());
            }
        }
    }
}

#[test]
fn every_loss_is_documented() {
    let table = Table::read();
    for row in &table.rows {
        let documented = |name: &str| row.losses.iter().any(|loss| loss == name);
        let name = format!("{}, {:?}", row.came, row.through);
        assert!(
            row.losses.iter().all(|loss| table.losses.iter().any(|l| l.name == *loss)),
            "{name}"
        );
        let user_baggage = row.user_baggage != Some(false);
        assert_eq!(!row.others && user_baggage, documented("others"), "{name}");
        assert_eq!(row.dsc == "none", documented("overwritten"), "{name}");
        assert_eq!(row.dsc.ends_with("encoded again"), documented("encoded again"), "{name}");
        assert!(row.own || !user_baggage, "{name}: the context's own baggage must be sent");
    }
    for loss in &table.losses {
        assert!(table.rows.iter().any(|row| row.losses.contains(&loss.name)), "{}", loss.name);
    }
}

struct Cell<'a> {
    table: &'a Table,
    row: &'a Row,
    composition: Composition,
    user_baggage: bool,
}

impl Cell<'_> {
    fn run(&self, by_map: bool) -> Out {
        let sentry = sentry();
        let propagator = self.composition.propagator(&sentry);
        let own = [OWN];
        let request = Call {
            name: "checkout",
            baggage: if self.user_baggage { &own } else { &[] },
            url_full: Some("https://api.myecommerce.com/pay"),
            ..Call::default()
        };
        let incoming = self.incoming();
        if by_map {
            let incoming: HashMap<String, String> = incoming.into_iter().collect();
            let mut sent = HashMap::new();
            let called = call(&*propagator, sentry.sampler(), &incoming, request, &mut sent);
            return self.read(&called, &sent.into_iter().collect());
        }
        let incoming: HeaderMap =
            (&incoming.into_iter().collect::<HashMap<_, _>>()).try_into().expect("valid headers");
        let mut sent = HeaderMap::new();
        let (incoming, outgoing) = (HeaderExtractor(&incoming), &mut HeaderInjector(&mut sent));
        let called = call(&*propagator, sentry.sampler(), &incoming, request, outgoing);
        let text = |value: &http::HeaderValue| value.to_str().expect("visible ASCII").to_owned();
        let sent = sent.iter().map(|(name, value)| (name.to_string(), text(value)));
        self.read(&called, &sent.collect())
    }

    fn incoming(&self) -> Headers {
        let member = Some(OTHERS).filter(|_| self.user_baggage);
        self.table.headers(self.table.situation(&self.row.came), member)
    }

    /// The table's word for an id.
    fn word(&self, id: &str) -> String {
        if id == NEW_TRACE.to_string() {
            return "new".to_owned();
        }
        let known = self.table.words.iter().find(|(_, meaning)| *meaning == id);
        known.map_or_else(|| id.to_owned(), |(word, _)| word.clone())
    }

    fn read(&self, called: &Called, sent: &Headers) -> Out {
        let sentry_trace = &sent["sentry-trace"];
        let mut parts = sentry_trace.split('-');
        let (trace, span) = (parts.next().expect("an id"), parts.next().expect("an id"));
        let flag = parts.next().unwrap_or("undecided");
        assert_eq!(span, called.span_context().span_id().to_string(), "{sentry_trace}");
        assert_eq!(called.recorded.len(), if flag == "1" { 2 } else { 0 }, "{sentry_trace}");

        let members: Vec<&str> = match sent.get("baggage") {
            Some(list) => list.split(',').collect(),
            None => Vec::new(),
        };
        let (dsc, user): (Vec<&str>, Vec<&str>) =
            members.into_iter().partition(|member| member.starts_with("sentry-"));
        let count = |member: &str| user.iter().filter(|known| **known == member).count();
        assert_eq!(count(OWN_MEMBER) + count(OTHERS), user.len(), "{user:?}");
        assert!(count(OWN_MEMBER) < 2 && count(OTHERS) < 2, "{user:?}");

        if let Some(traceparent) = sent.get("traceparent") {
            let flags = if flag == "1" { "01" } else { "00" };
            assert_eq!(*traceparent, format!("00-{trace}-{span}-{flags}"));
        }
        let named = dsc.iter().find_map(|member| member.strip_prefix("sentry-trace_id="));
        if !self.row.losses.iter().any(|loss| loss == "two traces") {
            assert!(named.map_or(true, |named| named == trace), "{dsc:?} beside {sentry_trace}");
        } else {
            assert!(named != Some(trace) && self.composition.baggage_follows(), "{dsc:?}");
        }
        let known = ["sentry-trace", "baggage", "traceparent", "tracestate"];
        assert!(sent.keys().all(|name| known.contains(&&**name)), "{sent:?}");

        let parent = called.parent();
        Out {
            trace: self.word(trace),
            parent: parent.is_valid().then(|| self.word(&parent.span_id().to_string())),
            flag: flag.to_owned(),
            dsc: self.classify(&dsc, trace),
            own: count(OWN_MEMBER) == 1,
            others: count(OTHERS) == 1,
            traceparent: sent.contains_key("traceparent"),
            tracestate: sent.get("tracestate").map(|list| tracestate_members(list)),
        }
    }

    /// The table's word for a DSC, or the DSC itself if the table has no word for it.
    fn classify(&self, dsc: &[&str], trace: &str) -> String {
        let incoming = self.incoming();
        let list = incoming.get("baggage").map_or("", String::as_str);
        let theirs: Vec<&str> =
            list.split(',').filter(|member| member.starts_with("sentry-")).collect();
        let decided = [&theirs[..], &["sentry-sample_rate=1", "sentry-sampled=true"]].concat();
        let is_ours = |template: &str| {
            let template = template.replace("{trace}", trace);
            let same = |(sent, ours): (&&str, &str)| match ours.strip_suffix("{rand}") {
                Some(key) => sent.strip_prefix(key).is_some_and(is_sample_rand),
                None => *sent == ours,
            };
            let ours: Vec<&str> = template.split(',').collect();
            dsc.len() == ours.len() && dsc.iter().zip(ours).all(same)
        };
        let word = if dsc.is_empty() {
            "none"
        } else if dsc == theirs {
            "theirs"
        } else if dsc == decided {
            "theirs, decided here"
        } else if decoded(dsc) == decoded(&theirs) {
            "theirs, encoded again"
        } else if is_ours(OURS) {
            "ours"
        } else if is_ours(OURS_WITHOUT_A_RATE) {
            "ours, without a rate"
        } else {
            return dsc.join(",");
        };
        word.to_owned()
    }
}

const OURS: &str = "sentry-trace_id={trace},sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
    sentry-sample_rate=1,sentry-sample_rand={rand},sentry-sampled=true,sentry-release=shop%401.2.3,\
    sentry-environment=production,sentry-transaction=checkout,sentry-org_id=42";

const OURS_WITHOUT_A_RATE: &str =
    "sentry-trace_id={trace},sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
    sentry-sample_rand={rand},sentry-sampled=false,sentry-release=shop%401.2.3,\
    sentry-environment=production,sentry-org_id=42";

fn is_sample_rand(text: &str) -> bool {
    let digits = text.strip_prefix("0.").unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The members of a `tracestate` by key. `ot` is split into fields, without the random value.
fn tracestate_members(tracestate: &str) -> Vec<String> {
    let members = tracestate.split(',').filter(|member| !member.is_empty());
    let word = |member: &str| match member.split_once('=').expect(member) {
        ("ot", fields) => {
            let fields = fields.split(';').map(|field| match field.split_once(':') {
                Some(("rv", _)) => "rv",
                _ => field,
            });
            format!("ot={}", fields.collect::<Vec<_>>().join(";"))
        }
        (key, _) => key.to_owned(),
    };
    members.map(word).collect()
}

/// The members as texts, in any order.
fn decoded(members: &[&str]) -> BTreeSet<String> {
    let decode =
        |member: &&str| percent_decode_str(member).decode_utf8().expect("UTF-8").into_owned();
    members.iter().map(decode).collect()
}
