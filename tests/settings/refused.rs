//! Every invalid setting has its own error sentence, in code and from the environment.

use std::error::Error;

use opentelemetry_sentry::{ConfigError, Dsn, Sentry, SentryBuilder};

use super::environment::Variables;

/// Part of every invalid value. No error sentence may contain it.
const MARK: &str = "zq7";

#[track_caller]
fn assert_error(name: &str, result: Result<Sentry, ConfigError>, sentence: &str) {
    let error = result.expect_err(name);
    assert_eq!(error.to_string(), sentence, "{name}");
    let printed = format!("{error} {error:?} {:?}", error.source().map(ToString::to_string));
    assert!(!printed.contains(MARK), "{name}: {printed}");
    assert_eq!(format!("{error:?}"), format!("ConfigError({sentence:?})"), "{name}");
}

fn bad_dsns() -> Vec<(&'static str, String)> {
    const SCHEME: &str = "does not start with http:// or https://";
    const NO_KEY: &str = "public key is missing";
    const KEY: &str = "public key holds other characters than letters, digits, `-` and `_`";
    const HOST: &str = "host or port is missing or not valid";
    const PROJECT: &str = "project id is not a number";
    const QUERY: &str = "has a query or a fragment";
    const PATH: &str = "path holds other characters than letters, digits and `-._~/%`";
    let rows = [
        (SCHEME, "zq7@sentry.io/42"),
        (SCHEME, "//zq7@sentry.io/42"),
        (SCHEME, "ftp://zq7@sentry.io/42"),
        (SCHEME, " https://zq7@sentry.io/42"),
        (SCHEME, "https:/zq7@sentry.io/42"),
        (NO_KEY, "https://zq7.sentry.io/42"),
        (NO_KEY, "https://@zq7.sentry.io/42"),
        (NO_KEY, "https://:zq7@sentry.io/42"),
        (KEY, "https://zq7 x@sentry.io/42"),
        (KEY, "https://zq7%41@sentry.io/42"),
        (KEY, "https://zq7,x@sentry.io/42"),
        (KEY, "https://zq7é@sentry.io/42"),
        (KEY, "https://zq7@x@sentry.io/42"),
        (HOST, "https://zq7@/42"),
        (HOST, "https://zq7@:443/42"),
        (HOST, "https://zq7@sentry.io:zq/42"),
        (HOST, "https://zq7@sentry.io:65536/42"),
        (HOST, "https://zq7@sentry.io:-1/42"),
        (HOST, "https://zq7@sentry.io:+443/42"),
        (HOST, "https://zq7@sen try.io/42"),
        (HOST, "https://zq7@sentry..io/42"),
        (HOST, "https://zq7@sentry.io:0/42"),
        (HOST, "https://zq7@[::1/42"),
        (HOST, "https://zq7@[x]/42"),
        (HOST, "https://zq7@séntry.io/42"),
        (HOST, "https://zq7@sentry.io\n/42"),
        (PROJECT, "https://zq7@sentry.io"),
        (PROJECT, "https://zq7@sentry.io/"),
        (PROJECT, "https://zq7@sentry.io/zq"),
        (PROJECT, "https://zq7@sentry.io/42/"),
        (PROJECT, "https://zq7@sentry.io/-42"),
        (PROJECT, "https://zq7@sentry.io/4 2"),
        (QUERY, "https://zq7@sentry.io/42?x=1"),
        (QUERY, "https://zq7@sentry.io/42#x"),
        (QUERY, "https://zq7@sentry.io?x/42"),
        (PATH, "https://zq7@sentry.io/a b/42"),
        (PATH, "https://zq7@sentry.io/a\"b/42"),
        (PATH, "https://zq7@sentry.io\\x/42"),
        (PATH, "https://zq7@sentry.io/é/42"),
        (PATH, "https://zq7@sentry.io/a\r\nb/42"),
    ];
    let mut all: Vec<_> = rows.map(|(sentence, dsn)| (sentence, dsn.to_owned())).into();
    let long = "https://zq7@sentry.io/".to_owned();
    all.push(("longer than 512 bytes", long.clone() + &"1".repeat(513 - long.len())));
    all
}

#[test]
fn invalid_dsns() {
    for (sentence, dsn) in bad_dsns() {
        let parsed = dsn.parse::<Dsn>().expect_err(&dsn);
        assert_eq!(parsed.to_string(), format!("invalid DSN: {sentence}"), "{dsn}");
        assert!(!format!("{parsed:?}").contains(MARK), "{dsn}");
        let built = Sentry::builder().dsn(dsn.as_str()).build();
        assert_error(&dsn, built, &format!("dsn: invalid DSN: {sentence}"));
        let variables = Variables::set([("SENTRY_DSN", dsn.as_str())]);
        let sentence = format!("SENTRY_DSN: invalid DSN: {sentence}");
        assert_error(&dsn, Sentry::from_env(), &sentence);
        drop(variables);
    }
    let empty = Sentry::builder().dsn("").build();
    let sentence = "dsn: invalid DSN: does not start with http:// or https://";
    assert_error("empty in code", empty, sentence);
}

/// The parts of a valid DSN. Deprecated and unusual ones are accepted.
#[test]
fn valid_dsns() {
    type Parts =
        (&'static str, &'static str, u16, &'static str, &'static str, Option<&'static str>);
    let keys = ["49d0f7386ad645858ae85020e393bef3", "a-Key_9"];
    let rows: [(&str, Parts); 11] = [
        (
            "https://KEY@o1.ingest.sentry.io/42",
            ("https", "o1.ingest.sentry.io", 443, "", "42", Some("1")),
        ),
        ("http://KEY@sentry.local/0", ("http", "sentry.local", 80, "", "0", None)),
        ("https://KEY:secret@sentry.io/42", ("https", "sentry.io", 443, "", "42", None)),
        ("https://KEY:@sentry.io/42", ("https", "sentry.io", 443, "", "42", None)),
        ("https://KEY@sentry.io:9443/a/b/42", ("https", "sentry.io", 9443, "/a/b", "42", None)),
        (
            "https://KEY@O0042.Sentry.IO/042",
            ("https", "o0042.sentry.io", 443, "", "042", Some("0042")),
        ),
        ("https://KEY@o1x.sentry.io/42", ("https", "o1x.sentry.io", 443, "", "42", None)),
        ("https://KEY@o.sentry.io/42", ("https", "o.sentry.io", 443, "", "42", None)),
        ("https://KEY@o123/42", ("https", "o123", 443, "", "42", None)),
        ("https://KEY@[::1]:9000/42", ("https", "[::1]", 9000, "", "42", None)),
        (
            "https://KEY@o123456789012345678901.sentry.io/1",
            ("https", "o123456789012345678901.sentry.io", 443, "", "1", None),
        ),
    ];
    let rows = rows.iter().flat_map(|row| keys.map(|key| (row, key)));
    for (&(text, (scheme, host, port, path, project_id, org_id)), key) in rows {
        let dsn: Dsn = text.replace("KEY", key).parse().expect(text);
        assert_eq!(dsn.public_key(), key, "{text}");
        assert_eq!((dsn.scheme(), dsn.host(), dsn.port()), (scheme, host, port), "{text}");
        assert_eq!((dsn.path(), dsn.project_id()), (path, project_id), "{text}");
        assert_eq!(dsn.org_id(), org_id, "{text}");
    }
}

/// An invalid setting in code, or an invalid variable.
enum Bad {
    Code(SentryBuilder),
    Variable(&'static str, String),
}

#[test]
fn other_invalid_settings() {
    let code = Sentry::builder;
    let long = format!("{MARK}{}", "x".repeat(998));
    let number = "not a number from 0 to 1";
    let rate = |rate| Bad::Code(code().traces_sample_rate(rate));
    let rate_variable = |text: &str| Bad::Variable("SENTRY_TRACES_SAMPLE_RATE", text.to_owned());
    let variable = |name, text: &str| Bad::Variable(name, text.to_owned());
    let mut rows = vec![
        (rate(1.1), format!("traces_sample_rate: invalid sample rate: {number}")),
        (rate(-0.1), format!("traces_sample_rate: invalid sample rate: {number}")),
        (rate(f64::NAN), format!("traces_sample_rate: invalid sample rate: {number}")),
        (rate(f64::INFINITY), format!("traces_sample_rate: invalid sample rate: {number}")),
        (
            rate(1e-16),
            "traces_sample_rate: invalid sample rate: neither 0 nor at least 1e-15".into(),
        ),
        (rate_variable("1.1"), format!("SENTRY_TRACES_SAMPLE_RATE: invalid sample rate: {number}")),
        (rate_variable("NaN"), format!("SENTRY_TRACES_SAMPLE_RATE: invalid sample rate: {number}")),
        (rate_variable("zq7"), "SENTRY_TRACES_SAMPLE_RATE: not a number".into()),
        (rate_variable(" 0.5"), "SENTRY_TRACES_SAMPLE_RATE: not a number".into()),
        (rate_variable("0,5"), "SENTRY_TRACES_SAMPLE_RATE: not a number".into()),
        (rate_variable("50%"), "SENTRY_TRACES_SAMPLE_RATE: not a number".into()),
        (Bad::Code(code().org_id("")), "org_id: not 1 to 20 decimal digits".into()),
        (Bad::Code(code().release("")), "release: empty".into()),
        (Bad::Code(code().environment("")), "environment: empty".into()),
    ];
    for bad in ["zq7", "o1", "-1", "+1", "1.0", " 1", "١", "123456789012345678901"] {
        rows.push((Bad::Code(code().org_id(bad)), "org_id: not 1 to 20 decimal digits".into()));
        let sentence = "SENTRY_ORG_ID: not 1 to 20 decimal digits".into();
        rows.push((variable("SENTRY_ORG_ID", bad), sentence));
    }
    for (bad, reason) in [
        (&*long, "longer than 1000 bytes"),
        ("zq7\n", "holds a control character"),
        ("zq7\u{85}", "holds a control character"),
        ("\tzq7", "holds a control character"),
    ] {
        rows.push((Bad::Code(code().release(bad)), format!("release: {reason}")));
        rows.push((Bad::Code(code().environment(bad)), format!("environment: {reason}")));
        rows.push((variable("SENTRY_RELEASE", bad), format!("SENTRY_RELEASE: {reason}")));
        rows.push((variable("SENTRY_ENVIRONMENT", bad), format!("SENTRY_ENVIRONMENT: {reason}")));
    }
    for bad in ["zq7", "1", "0", "True", "TRUE", "yes", "on", " true", "false "] {
        for name in ["SENTRY_STRICT_TRACE_CONTINUATION", "SENTRY_PROPAGATE_TRACEPARENT"] {
            rows.push((variable(name, bad), format!("{name}: neither `true` nor `false`")));
        }
    }
    for (bad, place) in [(&[""][..], 1), (&["zq7", ""], 2), (&["", "zq7", ""], 1)] {
        let sentence = format!("target {place} is empty and would match every URL");
        let builder = code().trace_propagation_targets(bad.iter().copied());
        rows.push((Bad::Code(builder), format!("trace_propagation_targets: {sentence}")));
        if bad.len() > 1 {
            let name = "SENTRY_TRACE_PROPAGATION_TARGETS";
            rows.push((Bad::Variable(name, bad.join(", ")), format!("{name}: {sentence}")));
        }
    }
    for (bad, sentence) in rows {
        match bad {
            Bad::Code(builder) => assert_error("code", builder.build(), &sentence),
            Bad::Variable(name, value) => {
                let variables = Variables::set([(name, value.as_str())]);
                assert_error(name, Sentry::from_env(), &sentence);
                drop(variables);
            }
        }
    }
}

/// The longest accepted values: nothing at a limit is rejected.
#[test]
fn at_the_limits() {
    let text = "x".repeat(1000);
    let builder = Sentry::builder().release(text.as_str()).environment(text.as_str());
    assert!(builder.org_id("1".repeat(20)).build().is_ok());
    for rate in [0.0, -0.0, 1e-15, 1.0] {
        assert!(Sentry::builder().traces_sample_rate(rate).build().is_ok(), "{rate}");
    }
    let path = "https://key@sentry.io/".len() + "/1".len();
    let dsn = format!("https://key@sentry.io/{}/1", "p".repeat(512 - path));
    assert_eq!(dsn.len(), 512);
    assert!(dsn.parse::<Dsn>().is_ok());
}

/// A variable that is not UTF-8 is rejected as a whole.
#[cfg(unix)]
#[test]
fn not_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    for name in super::environment::NAMES {
        let variables = Variables::set([(name, OsStr::from_bytes(b"zq7\xff"))]);
        assert_error(name, Sentry::from_env(), &format!("{name}: not valid UTF-8"));
        drop(variables);
    }
}
