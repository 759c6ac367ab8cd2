//! What people bring to the doctor: each situation through the command line, and what it must and
//! must not say.

use crate::process::text;

const TRACE: &str = "771a43a4192642f0b136d5159a501700";
const SENTRY_TRACE: &str = "sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a";
const TRACEPARENT: &str = "traceparent: 00-771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a";

#[track_caller]
fn says(report: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(report.contains(sentence), "missing: {sentence}\n{report}");
    }
}

#[track_caller]
fn never_says(report: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(!report.contains(sentence), "false: {sentence}\n{report}");
    }
}

#[test]
fn a_refused_decision_is_not_called_the_caller_s() {
    let of_another = format!("{SENTRY_TRACE}-1\nbaggage: sentry-org_id=1,sentry-sample_rand=0.25");
    let without_organization = format!("{SENTRY_TRACE}-0\nbaggage: sentry-sample_rand=0.25");
    for (arguments, dump) in [
        (&["--org-id", "2", "--rate", "1"][..], &of_another),
        (&["--org-id", "2", "--strict", "--rate", "1"][..], &without_organization),
        (&["--strict", "--rate", "1"][..], &of_another),
    ] {
        let report = text(arguments, dump);
        never_says(&report, &["the caller decided", "the caller sampled", "0.25 <", "Child not"]);
        never_says(&report, &[&format!("in trace {TRACE}")]);
        says(&report, &["a trace starts here, and this service decides", "refused"]);
    }
    let report = text(&["--org-id", "2"], &of_another);
    never_says(&report, &["its decision goes on", "decides"]);
    says(&report, &["a trace starts here, and without a rate none is recorded"]);
}

#[test]
fn strict_continuation_names_the_side_without_an_organization() {
    let without = format!("{SENTRY_TRACE}-1\nbaggage: sentry-sample_rand=0.25");
    let report = text(&["--strict", "--org-id", "7"], &without);
    says(&report, &["the caller's organization is not known", "set `org_id` at the caller"]);
    never_says(&report, &["`org_id` here"]);

    let with = format!("{SENTRY_TRACE}-1\nbaggage: sentry-org_id=7");
    let report = text(&["--strict"], &with);
    says(&report, &["this service's organization is not known", "set `org_id` here"]);
    never_says(&report, &["at the caller"]);
}

#[test]
fn traceparent_alone_is_continued_by_wrap_which_is_the_default() {
    for arguments in [&["--rate", "0.2"][..], &["--rate", "0.2", "--propagator", "wrap"][..]] {
        let report = text(arguments, &format!("{TRACEPARENT}-01"));
        says(&report, &["--propagator wrap", "the default", &format!("in trace {TRACE}")]);
        says(&report, &["continued by traceparent", "traceparent says sampled"]);
        never_says(&report, &["Two traces", "no trace came", "new trace"]);
    }
    let report = text(&["--rate", "0.2"], &format!("{TRACEPARENT}-00"));
    says(&report, &["traceparent says not sampled", "Child not sampled"]);

    let report = text(&["--rate", "0.2", "--propagator", "sentry"], &format!("{TRACEPARENT}-01"));
    says(&report, &["--propagator sentry", "Two traces instead of one", "wrap W3C's propagator"]);
    never_says(&report, &["tracePropagationTargets", "the default", "traceparent says"]);
    never_says(&report, &[&format!("in trace {TRACE}")]);
}

/// A DSC that names the trace of `traceparent` makes it a Sentry trace.
#[test]
fn traceparent_with_a_dsc_is_no_trace_that_starts_here() {
    let dump = format!("{TRACEPARENT}-01\nbaggage: sentry-trace_id={TRACE},sentry-sampled=true");
    let report = text(&["--rate", "0.2"], &dump);
    says(&report, &["traceparent says sampled", &format!("in trace {TRACE}")]);
    never_says(&report, &["no trace came", "a trace starts here", "Two traces"]);
}

#[test]
fn an_undecided_sentry_trace_takes_the_decision_of_its_traceparent() {
    let report = text(&["--rate", "0"], &format!("{SENTRY_TRACE}\n{TRACEPARENT}-01"));
    says(&report, &["traceparent says sampled", "is recorded"]);
    never_says(&report, &["this service decides", "Deferred"]);
}

/// The trace goes on by W3C, and the sender is still wrong.
#[test]
fn an_invalid_sentry_trace_beside_a_valid_traceparent_is_named() {
    let report = text(&["--rate", "1"], &format!("sentry-trace: {TRACE}-1\n{TRACEPARENT}-01"));
    says(&report, &["continued by traceparent", "fix the sender"]);
}

#[test]
fn of_two_traces_sentry_trace_s_is_taken() {
    let other = format!("{SENTRY_TRACE}-1\ntraceparent: 00-{}-7dd6b3a1fb4d9c2a-00", "1".repeat(32));
    let report = text(&["--rate", "0"], &other);
    says(&report, &[&format!("in trace {TRACE}"), "a proxy started one of its own"]);
    let report = text(&["--rate", "0", "--propagator", "sentry"], &other);
    never_says(&report, &["a proxy started one of its own"]);
}

/// The page that may not send the headers comes before the headers that it does not send.
#[test]
fn a_page_of_another_origin_without_trace_headers_is_told_of_cors_first() {
    let dump = "> GET /api/cart HTTP/1.1\n> Host: localhost:8080\n\
                > Origin: http://localhost:5173\n> Accept: */*\n< HTTP/1.1 200 OK\n";
    let report = text(&["--rate", "1"], dump);
    let cors = report.find("CORS error").unwrap_or_else(|| panic!("missing: CORS\n{report}"));
    says(&report, &["allow the headers first", "`tracePropagationTargets`"]);
    let after = report.find("Two traces").unwrap_or(usize::MAX);
    assert!(cors < after, "{report}");

    // A page's request to its own server has an `Origin` as well, if it is a POST.
    let own = dump.replace("localhost:5173", "localhost:8080").replace("GET", "POST");
    let report = text(&["--rate", "1"], &own);
    never_says(&report, &["CORS"]);
    says(&report, &["Two traces instead of one"]);
}

const PREFLIGHT: &str = "\
> OPTIONS /api/cart HTTP/1.1
> Host: localhost:8080
> Origin: http://localhost:5173
> Access-Control-Request-Method: GET
> Access-Control-Request-Headers: baggage,sentry-trace
>
< HTTP/1.1 200 OK
< access-control-allow-origin: http://localhost:5173
< access-control-allow-headers: sentry-trace,baggage,traceparent
";

#[test]
fn a_preflight_is_judged_by_its_answer_alone() {
    let whole = text(&[], PREFLIGHT);
    says(&whole, &["a preflight", "the browser may send the page's request"]);
    never_says(&whole, &["CORS error", "Two traces", "Baggage missing", "a trace starts"]);

    let rows: [(&str, &str, &[&str]); 6] = [
        (
            "allow-origin: http://localhost:5173",
            "allow-origin: http://localhost:5174",
            &["`access-control-allow-origin` is not the page's origin"],
        ),
        (
            "< access-control-allow-origin: http://localhost:5173\n",
            "",
            &["`access-control-allow-origin` is not the page's origin"],
        ),
        ("HTTP/1.1 200 OK", "HTTP/1.1 405 Method Not Allowed", &["405", "routing"]),
        ("HTTP/1.1 200 OK", "HTTP/2 405", &["405", "routing"]),
        ("sentry-trace,baggage,traceparent", "content-type", &["baggage, sentry-trace"]),
        (
            "sentry-trace,baggage,traceparent",
            "*\n< access-control-allow-credentials: true",
            &["`*` does not count"],
        ),
    ];
    for (right, wrong, sentences) in rows {
        let report = text(&["--rate", "1"], &PREFLIGHT.replace(right, wrong));
        says(&report, &["CORS error"]);
        says(&report, sentences);
        never_says(&report, &["Two traces", "Baggage missing", "a trace starts", "may send"]);
    }
    let star = PREFLIGHT.replace("sentry-trace,baggage,traceparent", "*");
    never_says(&text(&[], &star), &["CORS error"]);
    // Whatever else the page asks for can fail its request as well.
    for other in [
        PREFLIGHT.replace("baggage,sentry-trace", "baggage,content-type,sentry-trace"),
        PREFLIGHT.replace("Method: GET", "Method: PUT"),
        star.replace("baggage,sentry-trace", "authorization,baggage"),
    ] {
        let report = text(&[], &other);
        says(&report, &["CORS error", "besides the trace"]);
        never_says(&report, &["may send", "does not allow the trace headers"]);
    }
    let allowed = "< access-control-allow-methods: PUT\n";
    let put = PREFLIGHT.replace("Method: GET", "Method: PUT") + allowed;
    never_says(&text(&[], &put), &["CORS error"]);
    let asked = PREFLIGHT.split("< HTTP").next().unwrap();
    let report = text(&[], asked);
    says(&report, &["a preflight", "without its answer"]);
    never_says(&report, &["does not send"]);
}

/// What `curl -i` prints is an answer; a request did not come.
#[test]
fn an_answer_alone_is_not_taken_for_a_request() {
    let answer = "HTTP/1.1 405 Method Not Allowed\r\nallow: GET\r\ncontent-length: 0\r\n\r\n";
    let report = text(&[], answer);
    says(&report, &["curl -v"]);
    never_says(&report, &["Two traces", "a trace starts"]);
}

#[test]
fn of_two_sentry_trace_headers_the_first_valid_one_is_named() {
    let first = format!("> {SENTRY_TRACE}-1");
    let second = format!("> sentry-trace: {}-7dd6b3a1fb4d9c2a-0", "1".repeat(32));
    let report = text(&["--rate", "1"], &format!("{first}\n{second}\n"));
    says(&report, &["this one counts", "some carriers show one line only"]);
    says(&report, &[&format!("in trace {TRACE}")]);
    let counts = report.lines().position(|line| line.contains("this one counts")).unwrap();
    assert!(report.lines().nth(counts - 1).unwrap().contains(TRACE), "{report}");

    let report = text(&["--rate", "1"], &format!("> sentry-trace: 1\n{first}\n"));
    let counts = report.lines().position(|line| line.contains("this one counts")).unwrap();
    assert!(report.lines().nth(counts - 1).unwrap().contains(TRACE), "{report}");
    // A proxy joins them.
    let joined = format!("{SENTRY_TRACE}-1,{}-7dd6b3a1fb4d9c2a-0", "1".repeat(32));
    says(&text(&["--rate", "1"], &joined), &["two `sentry-trace`", "send one"]);
}

const BASH: &str = r#"curl 'http://localhost:8080/api/cart?a=b' \
  -H 'Accept: */*' \
  -H 'Origin: http://localhost:5173' \
  -H 'baggage: sentry-environment=it%27s,sentry-transaction=a%20b,sentry-sample_rand=0.25' \
  -H $'x-note: it\'s \u0021' \
  -H 'sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1' \
  --data-raw 'sentry-trace: 1' \
  --compressed
"#;

const CMD: &str = "curl ^\"http://localhost:8080/api/cart?a=b^\" ^\r\n  \
    -H ^\"Accept: */*^\" ^\r\n  \
    -H ^\"baggage: sentry-environment=it^%^27s,sentry-transaction=a^%^20b,sentry-sample_rand=0.25^\" ^\r\n  \
    -H ^\"sec-ch-ua: ^\\^\"Chromium^\\^\";v=^\\^\"140^\\^\"^\" ^\r\n  \
    -H ^\"sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1^\"\r\n";

/// Firefox, and Chromium before version 131.
const CMD_PLAIN: &str = "curl \"http://localhost:8080/api/cart\" ^\r\n  \
    -H \"baggage: sentry-environment=it\"%\"27s,sentry-transaction=a\"%\"20b,sentry-sample_rand=0.25\" ^\r\n  \
    -H \"sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1\"\r\n";

#[test]
fn a_browser_s_copy_as_curl_is_read() {
    let one_line = BASH.replace("\\\n", "");
    for command in [BASH, CMD, CMD_PLAIN, &one_line] {
        let report = text(&["--rate", "0"], command);
        says(&report, &[&format!("in trace {TRACE}"), "transaction   a b", "sample_rand   0.25"]);
        says(&report, &["environment   it's", "is recorded"]);
        never_says(&report, &["Two traces", "this one counts"]);
    }
}

/// As a browser's network tab has them: name and value in one line, or in two.
#[test]
fn headers_copied_from_the_network_tab_are_read() {
    let one = ":authority: localhost:8443\n:method: GET\naccept: */*\n\
               baggage: sentry-sample_rand=0.25\norigin: http://localhost:5173\n\
               sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1\n";
    let (two, two_with_colons) = (one.replace(": ", "\n"), one.replace(": ", ":\n"));
    for copied in [one, &two, &two_with_colons] {
        let report = text(&["--rate", "0"], copied);
        says(&report, &[&format!("in trace {TRACE}"), "sample_rand   0.25", "is recorded"]);
        let preflight = copied.replace("GET", "OPTIONS").replace("sentry-trace", "x");
        says(&text(&[], &preflight.replace("baggage", "y")), &["a preflight"]);
    }
}

const HTTP_2: &str = "\
* using HTTP/2
* [HTTP/2] [1] OPENED stream for https://localhost:8443/api/cart
* [HTTP/2] [1] [:method: GET]
* [HTTP/2] [1] [:scheme: https]
* [HTTP/2] [1] [:authority: localhost:8443]
* [HTTP/2] [1] [:path: /api/cart]
* [HTTP/2] [1] [user-agent: curl/8.14.1]
* [HTTP/2] [1] [sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1]
* [HTTP/2] [1] [baggage: sentry-sample_rand=0.25]
";

#[test]
fn a_dump_of_http_2_is_read_once() {
    let request = "> GET /api/cart HTTP/2\r\n> Host: localhost:8443\r\n\
        > sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1\r\n\
        > baggage: sentry-sample_rand=0.25\r\n>\r\n< HTTP/2 200 \r\n< content-type: text/plain\r\n";
    let older = HTTP_2.replace("[HTTP/2] [1] [", "h2h3 [");
    for dump in [HTTP_2.to_owned(), older, format!("{HTTP_2}{request}"), request.to_owned()] {
        let report = text(&["--rate", "0"], &dump);
        says(&report, &[&format!("in trace {TRACE}"), "sample_rand   0.25", "is recorded"]);
        never_says(&report, &["this one counts", "Two traces"]);
    }
    let preflight = HTTP_2.replace(":method: GET", ":method: OPTIONS");
    let preflight = preflight.replace("user-agent: curl/8.14.1", "origin: http://localhost:5173");
    let preflight = preflight.replace("[sentry-trace: ", "[x: ").replace("[baggage: ", "[y: ");
    says(&text(&[], &preflight), &["a preflight"]);
}

/// `curl -vL` shows one request after the other: they are not one with two headers.
#[test]
fn of_several_requests_the_last_one_is_explained() {
    let request = |path: &str, end: &str| {
        format!("> GET {path} HTTP/1.1\n> {SENTRY_TRACE}-{end}\n>\n< HTTP/1.1 302 Found\n")
    };
    let report = text(&["--rate", "1"], &(request("/a", "0") + &request("/b", "1")));
    never_says(&report, &["this one counts", "not sampled", "-0\n"]);
    says(&report, &["the last of 2 requests"]);
}

#[test]
fn what_goes_out_is_whole() {
    let long = format!("sentry-release={},sentry-sample_rand=0.25", "r".repeat(400));
    let report = text(&["--rate", "1"], &format!("{SENTRY_TRACE}-1\nbaggage: {long}"));
    let line = report.lines().rfind(|line| line.starts_with("  baggage: ")).unwrap();
    assert_eq!(line, format!("  baggage: {long}"), "{report}");
}
