//! Services that speak only W3C: between two relays, behind one, and before one.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::apps::{App, Apps, Report, Settings};
use crate::chain::Relayed;
use crate::checks::{equal, no_member_of_ours, Check};
use crate::ingest::Ingest;
use crate::matrix::Row;
use crate::mode::Mode;
use crate::probes::Measured;
use crate::relay::{Kind, Relay, ENVIRONMENT, PUBLIC_KEY, RELEASE};
use crate::relay_as_head::nothing_of_sentry;
use crate::sdk::Sdk;
use crate::stock::{Stock, StockApp, StockApps, StockSettings};
use crate::wire::{
    dsc, header, is_six_digits, ot_field, percent_decode, threshold_holds, traceparent, tracestate,
    Dsc, Headers, SentryTrace,
};

pub(crate) const TRACE: &str = "one trace id across a stock hop";
pub(crate) const PARENT: &str = "each span is the child of the one before";
pub(crate) const DECISION: &str = "the decision crosses the hop";
pub(crate) const ARRIVES: &str = "the DSC reaches the hop byte for byte";
pub(crate) const FORWARDED: &str = "the second relay forwards the DSC as the hop sent it";
pub(crate) const VALUES: &str = "every value of the DSC is correct behind the hop";
pub(crate) const OWN_DSC: &str = "if the hop sends no DSC, we send our own, and it is correct";
pub(crate) const CLEAN: &str = "no `sentry` member of `tracestate` reaches the hop";
pub(crate) const LINE: &str = "`tracestate` is one line, with others' members in their order";
pub(crate) const FIRST_LINE: &str =
    "by design: a list's W3C propagator reads only the first line of `tracestate`";
pub(crate) const THRESHOLD: &str = "`th` is the rate's on a sampled trace and absent on any other";
pub(crate) const BAGGAGE: &str = "own baggage crosses the hop once and unchanged";
pub(crate) const HEAD: &str = "we continue a stock head, with a matching DSC";
pub(crate) const BEHIND: &str = "a Sentry service behind us continues a stock head";
pub(crate) const DENIED: &str = "nothing arrives where no target is allowed";
pub(crate) const DENIED_W3C: &str = "by design: `traceparent` arrives where no target is allowed";
pub(crate) const ALONE: &str = "by design: without W3C's headers each side has its own trace";

pub(crate) const ALL: [&str; 17] = [
    TRACE, PARENT, DECISION, ARRIVES, FORWARDED, VALUES, OWN_DSC, CLEAN, LINE, FIRST_LINE,
    THRESHOLD, BAGGAGE, HEAD, BEHIND, DENIED, DENIED_W3C, ALONE,
];

const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";

/// The number of concurrent requests.
const WORKERS: usize = 4;

/// The head of the first relay's trace.
#[derive(Clone)]
enum Head {
    /// A caller that sends every header, with other parties' members in each list.
    Caller,
    App(Arc<App>),
    /// No caller.
    Nobody,
}

/// A decision's name, and the rate of relays that would decide otherwise.
type Decision = (&'static str, Option<bool>, Option<&'static str>);

const DECISIONS: [Decision; 3] = [
    ("sampled", Some(true), Some("0")),
    ("not sampled", Some(false), Some("1")),
    ("undecided", None, None),
];

fn caller(flag: Option<bool>) -> Vec<(&'static str, String)> {
    let digit = flag.map_or("", |sampled| if sampled { "-1" } else { "-0" });
    let w3c = if flag == Some(true) { "01" } else { "00" };
    let decision = match flag {
        Some(true) => "sentry-sample_rand=0.250000,sentry-sample_rate=0.5,sentry-sampled=true",
        Some(false) => "sentry-sample_rand=0.750000,sentry-sample_rate=0.5,sentry-sampled=false",
        None => "sentry-sample_rand=0.250000",
    };
    let dsc = format!(
        "sentry-trace_id={TRACE_ID},sentry-public_key=head,sentry-release=shop%401.2.3%2Bb,\
        sentry-environment=prod%20%C3%A9,{decision}"
    );
    vec![
        ("sentry-trace", format!("{TRACE_ID}-7f7b6d4f9fd94d2a{digit}")),
        ("traceparent", format!("00-{TRACE_ID}-7f7b6d4f9fd94d2a-{w3c}")),
        ("tracestate", "vendor=a".to_owned()),
        ("tracestate", "other=b".to_owned()),
        ("baggage", format!("tenant=acme,{dsc},shard=7;ttl=1")),
    ]
}

/// The result of a request through two relays and the hop between them.
pub(crate) struct Hop {
    mode: Mode,
    head: &'static str,
    is_caller: bool,
    stock: Stock,
    baggage: bool,
    scenario: &'static str,
    flag: Option<bool>,
    /// The headers that arrived at the first relay, and those that the hop sent to the second.
    sent: [Headers; 2],
    /// The relays' reports.
    relayed: [Relayed; 2],
    /// The reports of the hop and of the echo.
    got: [Report; 2],
}

/// A hop, and two relays of one kind around it.
#[derive(Clone)]
struct Way {
    relay: Arc<Relay>,
    stock: Arc<StockApp>,
    baggage: bool,
    echo: String,
    client: reqwest::Client,
}

impl Way {
    async fn go(self, head: Head, (scenario, flag, _): Decision, id: usize) -> Result<Hop, String> {
        let Self { relay, stock, baggage, echo, client } = self;
        let ids = [format!("{id}a"), format!("{id}b")];
        let second = relay.url(&echo, &ids[1]);
        let first = relay.url(&stock.url(Some(&second)), &ids[0]);
        let mut url = first.clone();
        let mut headers = Vec::new();
        match &head {
            Head::Caller => headers = caller(flag),
            Head::App(app) => url = app.url(Some(&first)),
            Head::Nobody => {}
        }
        let answer = get(&client, &url, headers).await?;
        let answer = match &head {
            Head::App(_) => read::<Report>(answer)?.answer,
            _ => answer,
        };
        let before: Relayed = read(answer)?;
        let hop: Report = read(before.upstream.clone())?;
        let behind: Relayed = read(hop.answer.clone())?;
        let got: Report = read(behind.upstream.clone())?;
        let passed = |id: &str| relay.tap.passed(id).pop().map(|passed| passed.headers);
        let sent = [passed(&ids[0]), passed(&ids[1])].map(Option::unwrap_or_default);
        Ok(Hop {
            mode: relay.mode,
            head: match &head {
                Head::Caller => "caller",
                Head::App(app) => app.sdk.name(),
                Head::Nobody => "relay",
            },
            is_caller: matches!(head, Head::Caller),
            stock: stock.stock,
            baggage,
            scenario,
            flag,
            sent,
            relayed: [before, behind],
            got: [hop, got],
        })
    }
}

async fn get(
    client: &reqwest::Client,
    url: &str,
    headers: Vec<(&'static str, String)>,
) -> Result<serde_json::Value, String> {
    let request =
        headers.into_iter().fold(client.get(url), |r, (name, value)| r.header(name, value));
    let response = request.send().await.map_err(|error| error.to_string())?;
    let text = response.text().await.map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

fn read<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(answer.clone()).map_err(|error| format!("{error}: {answer}"))
}

/// Runs the requests a few at a time. Returns the results in their order.
async fn all<T: Send + 'static>(requests: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let free = Arc::new(Semaphore::new(WORKERS));
    let mut running = JoinSet::new();
    for (index, request) in requests.into_iter().enumerate() {
        let free = Arc::clone(&free);
        running.spawn(async move {
            let _permit = free.acquire_owned().await.expect("the semaphore stays open");
            (index, request.await)
        });
    }
    let mut results = running.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

const SETTINGS: StockSettings = StockSettings { rate: 100, baggage: true };

/// A caller's traces through these relays and each of these hops.
pub(crate) async fn callers(
    kind: Kind,
    hops: &[Stock],
    stocks: &mut StockApps,
    ingest: &Ingest,
) -> (Vec<Row>, Vec<Hop>) {
    let mut requests = Vec::new();
    for decision in DECISIONS {
        let relay = Arc::new(Relay::start(kind, ingest, decision.2, &[]).await);
        for stock in hops {
            for baggage in [true, false] {
                let way = way(
                    &relay,
                    stocks.app(*stock, StockSettings { baggage, ..SETTINGS }),
                    baggage,
                    ingest,
                );
                requests.push(way.go(Head::Caller, decision, requests.len()));
            }
        }
    }
    evaluated(all(requests).await)
}

fn way(relay: &Arc<Relay>, stock: Arc<StockApp>, baggage: bool, ingest: &Ingest) -> Way {
    let (relay, echo) = (Arc::clone(relay), ingest.echo.clone());
    Way { relay, stock, baggage, echo, client: crate::client() }
}

/// A failed request is a fault of the harness or a crash, so there is nothing to measure.
fn evaluated(hops: Vec<Result<Hop, String>>) -> (Vec<Row>, Vec<Hop>) {
    let hops: Vec<Hop> =
        hops.into_iter().map(|hop| hop.unwrap_or_else(|error| panic!("a hop: {error}"))).collect();
    (hops.iter().flat_map(Hop::rows).collect(), hops)
}

/// Everything with a stock service in it.
pub(crate) async fn run(
    apps: &mut Apps,
    stocks: &mut StockApps,
    ingest: &Ingest,
) -> (Vec<Row>, Vec<Measured>) {
    let mut rows = Vec::new();
    let mut measured = Vec::new();
    for mode in Mode::W3C {
        let (more, hops) = callers(Kind::Example(mode), &Stock::ALL, stocks, ingest).await;
        rows.extend(more);
        if mode == Mode::Wrap {
            measured = measure(&hops);
        }
        rows.extend(heads(mode, apps, stocks, ingest).await);
        rows.extend(before_us(mode, apps, stocks, ingest).await);
    }
    for mode in Mode::ALL {
        rows.extend(denied(mode, stocks, ingest).await);
    }
    rows.extend(alone(stocks, ingest).await);
    (rows, measured)
}

/// Every SDK as the head of the trace, and the relay itself.
async fn heads(mode: Mode, apps: &mut Apps, stocks: &mut StockApps, ingest: &Ingest) -> Vec<Row> {
    let mut requests = Vec::new();
    for (name, flag, rate) in DECISIONS {
        let relay = Arc::new(Relay::start(Kind::Example(mode), ingest, rate, &[]).await);
        // A relay without a caller decides as the SDKs do.
        let own = flag.map(|sampled| if sampled { "1" } else { "0" });
        let first = Arc::new(Relay::start(Kind::Example(mode), ingest, own, &[]).await);
        for stock in Stock::ALL {
            let stock = stocks.app(stock, SETTINGS);
            for sdk in Sdk::ALL {
                let app = apps.app(sdk, Settings::rate(flag.map(u8::from)));
                let way = way(&relay, Arc::clone(&stock), true, ingest);
                let decision = match flag {
                    // DIFFERENCE: one SDK leaves no decision open.
                    None if !sdk.defers() => ("a head without tracing", Some(false), rate),
                    _ => (name, flag, rate),
                };
                requests.push(way.go(Head::App(app), decision, requests.len()));
            }
            let way = way(&first, stock, true, ingest);
            requests.push(way.go(Head::Nobody, (name, flag, rate), requests.len()));
        }
    }
    evaluated(all(requests).await).0
}

/// Sentry's raw members.
fn sentry_members(headers: &Headers) -> Result<Vec<&str>, String> {
    let members = header(headers, "baggage")?.unwrap_or_default().split(',').map(str::trim);
    Ok(members.filter(|member| member.starts_with("sentry-")).collect())
}

/// The other parties' members.
fn own_members(headers: &Headers) -> Result<Vec<&str>, String> {
    let members = header(headers, "baggage")?.unwrap_or_default().split(',').map(str::trim);
    Ok(members.filter(|m| !m.is_empty() && !m.starts_with("sentry-")).collect())
}

fn w3c(headers: &Headers) -> Result<(&str, &str, bool), String> {
    traceparent(headers)?.ok_or_else(|| "no traceparent".to_owned())
}

impl Hop {
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut row = |check, verdict| {
            let names = (self.head, self.stock.name());
            rows.push(Row::new(self.mode, check, names, self.scenario, verdict));
        };
        row(TRACE, self.trace());
        row(PARENT, self.parent());
        row(DECISION, self.decision());
        if self.sends_dsc() {
            row(ARRIVES, self.arrives());
        }
        if sentry_members(&self.sent[1]).is_ok_and(|members| members.is_empty()) {
            row(OWN_DSC, self.own_dsc());
        } else {
            row(FORWARDED, self.forwarded());
            row(VALUES, self.values());
        }
        row(CLEAN, self.clean());
        row(THRESHOLD, self.threshold());
        if self.is_caller {
            row(if self.mode == Mode::List { FIRST_LINE } else { LINE }, self.line());
            row(BAGGAGE, self.own_baggage());
        }
        rows
    }

    /// The headers that the relays sent: to the hop, and after it.
    fn relayed_headers(&self) -> [&Headers; 2] {
        [&self.got[0].headers, &self.got[1].headers]
    }

    fn sends_dsc(&self) -> bool {
        sentry_members(&self.sent[0]).is_ok_and(|members| !members.is_empty())
    }

    fn trace(&self) -> Check {
        let trace_id = &*self.relayed[0].trace_id;
        if self.head != "relay" {
            equal("the head's", &*SentryTrace::of(&self.sent[0])?.trace_id, trace_id)?;
        }
        equal("what reached the hop", w3c(&self.got[0].headers)?.0, trace_id)?;
        equal("what the hop sent", w3c(&self.sent[1])?.0, trace_id)?;
        equal("the second relay's", &*self.relayed[1].trace_id, trace_id)?;
        equal("what arrived", &*SentryTrace::of(&self.got[1].headers)?.trace_id, trace_id)
    }

    fn parent(&self) -> Check {
        let [before, behind] = &self.relayed;
        let hop = w3c(&self.got[0].headers)?.1;
        equal("the hop's parent", Some(hop), before.client_span_id.as_deref())?;
        let sent = w3c(&self.sent[1])?.1;
        equal("the second relay's parent", behind.parent_span_id.as_deref(), Some(sent))?;
        equal("the hop has its own span", sent == hop, false)?;
        let arrived = SentryTrace::of(&self.got[1].headers)?.span_id;
        equal("what arrived", Some(&arrived), behind.client_span_id.as_ref())
    }

    /// W3C's flag has two states: without a forwarded DSC an undecided trace becomes unsampled.
    fn decision(&self) -> Check {
        let sampled = self.flag == Some(true);
        equal("what reached the hop", w3c(&self.got[0].headers)?.2, sampled)?;
        equal("what the hop sent", w3c(&self.sent[1])?.2, sampled)?;
        let dsc_crosses = self.baggage && !sentry_members(&self.sent[1])?.is_empty();
        let expected = match self.flag {
            None if !dsc_crosses => Some(false),
            flag => flag,
        };
        equal("what arrived", SentryTrace::of(&self.got[1].headers)?.sampled, expected)
    }

    fn arrives(&self) -> Check {
        let sent = sentry_members(&self.sent[0])?;
        let mut arrived = sentry_members(&self.got[0].headers)?;
        arrived.truncate(sent.len());
        equal("at the hop", arrived, sent)
    }

    fn forwarded(&self) -> Check {
        let sent = sentry_members(&self.sent[1])?;
        let mut arrived = sentry_members(&self.got[1].headers)?;
        arrived.truncate(sent.len());
        equal("behind the second relay", arrived, sent)
    }

    fn values(&self) -> Check {
        let [hop, echo] = self.relayed_headers();
        let mut expected = dsc(header(hop, "baggage")?)?;
        let mut arrived = dsc(header(echo, "baggage")?)?;
        for dsc in [&mut expected, &mut arrived] {
            if self.stock == Stock::Python {
                // DIFFERENCE: a space leaves this hop as `+`.
                dsc.values_mut().for_each(|value| *value = value.replace(' ', "+"));
            }
        }
        equal("the DSC", arrived, expected)
    }

    fn own_dsc(&self) -> Check {
        let arrived = header(&self.got[1].headers, "baggage")?;
        let mut arrived = dsc(arrived)?;
        let rand = arrived.remove("sample_rand");
        equal("a sample_rand of six digits", rand.as_deref().map(is_six_digits), Some(true))?;
        let mut expected = ours(&self.relayed[1].trace_id);
        expected.insert("sampled".to_owned(), (self.flag == Some(true)).to_string());
        if ot_field(&tracestate(&self.sent[1])?, "th") == Some("8") {
            expected.insert("sample_rate".to_owned(), "0.5".to_owned());
        }
        equal("our DSC", arrived, expected)
    }

    fn clean(&self) -> Check {
        no_member_of_ours(&tracestate(&self.got[0].headers)?)?;
        no_member_of_ours(&tracestate(&self.got[1].headers)?)
    }

    fn threshold(&self) -> Check {
        for headers in self.relayed_headers() {
            let members = tracestate(headers)?;
            let (trace_id, _, sampled) = w3c(headers)?;
            threshold_holds(&members, trace_id, sampled)?;
        }
        if self.is_caller {
            let members = tracestate(&self.got[0].headers)?;
            let expected = (self.flag == Some(true)).then_some("8");
            equal("the th at the hop", ot_field(&members, "th"), expected)?;
        }
        Ok(())
    }

    fn line(&self) -> Check {
        for (at, headers) in ["at the hop", "behind it"].into_iter().zip(self.relayed_headers()) {
            let members: Vec<_> =
                tracestate(headers)?.into_iter().filter(|(key, _)| *key != "ot").collect();
            let expected: &[_] = match self.mode {
                // A stock propagator in a list reads only the first line.
                Mode::List => &[("vendor", "a")],
                _ => &[("vendor", "a"), ("other", "b")],
            };
            if at == "at the hop" || self.stock.keeps_tracestate() {
                equal(at, &*members, expected)?;
            }
        }
        Ok(())
    }

    fn own_baggage(&self) -> Check {
        // OTel's baggage has no order.
        let sorted = |headers| {
            let mut members = own_members(headers)?;
            members.sort_unstable();
            let decoded = members.into_iter().map(percent_decode).collect::<Option<Vec<_>>>();
            decoded.ok_or_else(|| "not encoded well".to_owned())
        };
        equal(
            "at the hop",
            sorted(&self.got[0].headers)?,
            ["shard=7;ttl=1", "tenant=acme"].map(str::to_owned).into(),
        )?;
        let behind = sorted(&self.got[1].headers)?;
        let count = behind.iter().filter(|member| *member == "tenant=acme").count();
        equal("behind it", count, usize::from(self.baggage))?;
        // DIFFERENCE: a hop may lose properties. The second relay forwards what the hop sent.
        equal("behind it", behind, sorted(&self.sent[1])?)
    }
}

/// A relay's own members in every DSC that it builds.
fn ours(trace_id: &str) -> Dsc {
    let member = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Dsc::from([
        member("trace_id", trace_id),
        member("public_key", PUBLIC_KEY),
        member("release", RELEASE),
        member("environment", ENVIRONMENT),
    ])
}

/// A stock service as the head of the trace, every SDK behind us, and an echo.
async fn before_us(
    mode: Mode,
    apps: &mut Apps,
    stocks: &mut StockApps,
    ingest: &Ingest,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, scenario, sampled) in [(100, "sampled", true), (0, "not sampled", false)] {
        let contrary = Some(if sampled { "0" } else { "1" });
        let relay = Arc::new(Relay::start(Kind::Example(mode), ingest, contrary, &[]).await);
        let mut requests = Vec::new();
        for stock in Stock::ALL {
            let stock = stocks.app(stock, StockSettings { rate, ..SETTINGS });
            for service in Sdk::ALL.into_iter().map(Some).chain([None]) {
                let service =
                    service.map(|sdk| apps.app(sdk, Settings::rate(Some(u8::from(!sampled)))));
                let (relay, stock, echo) =
                    (Arc::clone(&relay), Arc::clone(&stock), ingest.echo.clone());
                let id = format!("{rate}-{}", requests.len());
                requests.push(async move {
                    let to = service.as_ref().map_or(echo, |app| app.url(None));
                    let url = stock.url(Some(&relay.url(&to, &id)));
                    let report: Report = read(get(&crate::client(), &url, Vec::new()).await?)?;
                    let relayed: Relayed = read(report.answer.clone())?;
                    let got: Report = read(relayed.upstream.clone())?;
                    let sent = relay.tap.passed(&id).pop().ok_or("nothing passed")?.headers;
                    Ok::<_, String>((stock.stock, service, report, sent, relayed, got))
                });
            }
        }
        for outcome in all(requests).await {
            let (stock, service, report, sent, relayed, got) =
                outcome.unwrap_or_else(|error| panic!("a stock head: {error}"));
            let name = service.as_ref().map_or("echo", |app| app.sdk.name());
            let mut row = |check, verdict| {
                rows.push(Row::new(mode, check, (stock.name(), name), scenario, verdict));
            };
            row(HEAD, continued(&report, &sent, &relayed, &got, sampled));
            if service.is_some() {
                row(BEHIND, behind(&relayed, &got, sampled));
            }
        }
    }
    rows
}

fn continued(
    head: &Report,
    sent: &Headers,
    relayed: &Relayed,
    got: &Report,
    sampled: bool,
) -> Check {
    let own = head.trace_data.get("traceparent").cloned().flatten().ok_or("it has no trace")?;
    let own = vec![("traceparent".to_owned(), own)];
    equal("our trace", &*relayed.trace_id, w3c(&own)?.0)?;
    equal("our parent", relayed.parent_span_id.as_deref(), Some(w3c(sent)?.1))?;
    equal("its decision", w3c(sent)?.2, sampled)?;
    let arrived = SentryTrace::of(&got.headers)?;
    equal(
        "what arrived",
        (&arrived.trace_id, arrived.sampled),
        (&relayed.trace_id, Some(sampled)),
    )?;
    let mut arrived = dsc(header(&got.headers, "baggage")?)?;
    arrived.remove("sample_rand");
    let mut expected = ours(&relayed.trace_id);
    expected.insert("sampled".to_owned(), sampled.to_string());
    if ot_field(&tracestate(sent)?, "th") == Some("0") {
        expected.insert("sample_rate".to_owned(), "1".to_owned());
    }
    equal("our DSC", arrived, expected)
}

fn behind(relayed: &Relayed, got: &Report, sampled: bool) -> Check {
    let text = got.trace_data.get("sentry-trace").and_then(Option::as_deref);
    let trace = SentryTrace::parse(text.ok_or("the SDK knows of no trace")?)?;
    let expected = (&relayed.trace_id, Some(sampled));
    equal("the service's trace", (&trace.trace_id, trace.sampled), expected)
}

/// A relay with no targets, as the head of the trace.
async fn denied(mode: Mode, stocks: &mut StockApps, ingest: &Ingest) -> Vec<Row> {
    let settings = [("SENTRY_TRACE_PROPAGATION_TARGETS", "")];
    let relay = Relay::start(Kind::Example(mode), ingest, Some("1"), &settings).await;
    let mut rows = Vec::new();
    for stock in Stock::ALL {
        let to = stocks.app(stock, SETTINGS).url(None);
        let answer = get(&crate::client(), &relay.url(&to, "0"), Vec::new()).await;
        let verdict = answer.and_then(read::<Relayed>).and_then(|relayed| {
            let got: Report = read(relayed.upstream)?;
            if mode.holds_w3c_to_targets() {
                return equal("what arrived", got.headers, Vec::new());
            }
            nothing_of_sentry(&got.headers)?;
            equal("the trace", w3c(&got.headers)?.0, &*relayed.trace_id)
        });
        let check = if mode.holds_w3c_to_targets() { DENIED } else { DENIED_W3C };
        rows.push(Row::new(mode, check, ("relay", stock.name()), "no targets", verdict));
    }
    rows
}

/// A relay that neither reads nor writes W3C's headers.
async fn alone(stocks: &mut StockApps, ingest: &Ingest) -> Vec<Row> {
    let relay = Relay::start(Kind::Example(Mode::Alone), ingest, Some("1"), &[]).await;
    let mut rows = Vec::new();
    for stock in Stock::ALL {
        let url = stocks.app(stock, SETTINGS).url(Some(&relay.url(&ingest.echo, "0")));
        let answer = get(&crate::client(), &url, Vec::new()).await;
        let verdict = answer.and_then(read::<Report>).and_then(|head| {
            let own = head.trace_data.get("traceparent").cloned().flatten().ok_or("no trace")?;
            let relayed: Relayed = read(head.answer)?;
            equal("our trace is its", own.contains(&relayed.trace_id), false)?;
            let got: Report = read(relayed.upstream)?;
            equal("traceparent", header(&got.headers, "traceparent")?, None)
        });
        rows.push(Row::new(Mode::Alone, ALONE, (stock.name(), "echo"), "sampled", verdict));
    }
    rows
}

/// How each hop changes what it forwards.
fn measure(hops: &[Hop]) -> Vec<Measured> {
    let of = |stock: Stock, scenario: &str, baggage| {
        let hop = hops.iter().find(|hop| {
            (hop.stock, hop.scenario, hop.baggage) == (stock, scenario, baggage) && hop.is_caller
        });
        hop.expect("a caller's trace went through every hop")
    };
    let ask = |question, answer: &dyn Fn(Stock) -> Result<String, String>| Measured {
        question,
        answers: Stock::ALL
            .map(|stock| answer(stock).unwrap_or_else(|error| panic!("{error}")))
            .into(),
    };
    let yes = |yes| Ok(if yes { "yes" } else { "no" }.to_owned());
    let member = |headers: &Headers, key: &str| {
        let all = header(headers, "baggage")?.unwrap_or_default();
        let found = all.split(',').find(|member| member.trim().starts_with(key));
        Ok::<_, String>(found.map_or_else(|| "gone".to_owned(), |m| format!("`{}`", m.trim())))
    };
    let flag = |headers: &Headers| {
        let flag = SentryTrace::of(headers)?.sampled;
        Ok(flag.map_or("undecided", |sampled| if sampled { "`-1`" } else { "`-0`" }).to_owned())
    };
    vec![
        ask("the DSC's members are forwarded in order", &|stock| {
            let hop = of(stock, "sampled", true);
            let keys = |headers| {
                let members = sentry_members(headers)?.into_iter();
                Ok::<Vec<_>, String>(members.filter_map(|m| Some(m.split_once('=')?.0)).collect())
            };
            yes(keys(&hop.got[0].headers)? == keys(&hop.sent[1])?)
        }),
        ask("`sentry-release=shop%401.2.3%2Bb` is forwarded as", &|stock| {
            member(&of(stock, "sampled", true).sent[1], "sentry-release=")
        }),
        ask("`sentry-environment=prod%20%C3%A9` is forwarded as", &|stock| {
            member(&of(stock, "sampled", true).sent[1], "sentry-environment=")
        }),
        ask("`shard=7;ttl=1`, another party's, is forwarded as", &|stock| {
            member(&of(stock, "sampled", true).sent[1], "shard=")
        }),
        ask("others' members of `tracestate` are forwarded", &|stock| {
            let members = tracestate(&of(stock, "sampled", true).sent[1])?;
            yes(members.iter().any(|(key, _)| *key == "vendor"))
        }),
        ask("`ot=th:8` is forwarded", &|stock| {
            let members = tracestate(&of(stock, "sampled", true).sent[1])?;
            yes(ot_field(&members, "th") == Some("8"))
        }),
        ask("an undecided trace with a forwarded DSC, behind the second relay", &|stock| {
            flag(&of(stock, "undecided", true).got[1].headers)
        }),
        ask("an undecided trace without forwarded `baggage`, behind the second relay", &|stock| {
            flag(&of(stock, "undecided", false).got[1].headers)
        }),
        ask(
            "a sampled trace without forwarded `baggage`: `sample_rate` in our own DSC",
            &|stock| {
                let dsc = dsc(header(&of(stock, "sampled", false).got[1].headers, "baggage")?)?;
                Ok(dsc.get("sample_rate").cloned().unwrap_or_else(|| "unknown".to_owned()))
            },
        ),
    ]
}
