//! Trace propagation targets: texts that a URL contains, and regular expressions.

use opentelemetry_sentry::{PropagationTargets, Sentry, Target};

#[test]
fn texts_match_what_contains_them() {
    let api = "https://api.myecommerce.com";
    let rows: [(&[&str], &str, bool); 17] = [
        (&[api], "https://api.myecommerce.com", true),
        (&[api], "https://api.myecommerce.com/cart?page=2", true),
        (&[api], "https://api.myecommerce.com:8443/", true),
        (&[api], "http://api.myecommerce.com/", false),
        (&[api], "https://API.myecommerce.com/", true),
        (&["https://api.myEcommerce.com"], "https://api.myecommerce.com/x", true),
        (&["HTTPS://API"], "https://api.myecommerce.com/x", true),
        (&["/Cart"], "https://api.myecommerce.com/cart", true),
        // Only for ASCII.
        (&["/Ä"], "https://api.myecommerce.com/ä", false),
        (&[api], "https://auth.myecommerce.com/", false),
        (&[api], "https://tracker.example/?u=https://api.myecommerce.com", true),
        (&["/api/"], "http://10.0.0.1/api/v1", true),
        (&["/api/"], "http://10.0.0.1/apis", false),
        (&[api, "auth."], "https://auth.myecommerce.com/", true),
        (&[".*"], "https://api.myecommerce.com", false),
        (&[], "https://api.myecommerce.com", false),
        (&[], "", false),
    ];
    for (targets, url, matches) in rows {
        let targets = PropagationTargets::new(targets.iter().copied());
        assert_eq!(targets.matches(url), matches, "{targets:?}: {url}");
    }
    for everywhere in [PropagationTargets::everywhere(), PropagationTargets::default()] {
        assert!(everywhere.matches("https://tracker.example") && everywhere.matches(""));
    }
}

/// Any kind of list of texts.
#[test]
fn lists_of_texts() {
    let text = String::from("a.example");
    let lists = [
        PropagationTargets::new(["a.example"]),
        PropagationTargets::new(vec!["a.example"]),
        PropagationTargets::new([&text]),
        PropagationTargets::new([text.clone()]),
        PropagationTargets::new(Some(Target::from("a.example"))),
        PropagationTargets::new("b,a.example".split(',')),
    ];
    for targets in lists {
        assert!(targets.matches("https://a.example/"), "{targets:?}");
        assert!(!targets.matches("https://c.example/"), "{targets:?}");
    }
}

#[test]
fn origins() {
    let api = "https://api.myecommerce.com";
    let rows = [
        (api, "https://api.myecommerce.com", true),
        (api, "https://api.myecommerce.com/cart?page=2", true),
        (api, "https://api.myecommerce.com:443/", true),
        (api, "HTTPS://API.Myecommerce.COM./", true),
        (api, " https://user:pw@api.myecommerce.com#top ", true),
        (api, "https://api.myecommerce.com?x", true),
        (api, "https://api.myecommerce.com.evil.example/", false),
        (api, "https://api.myecommerce.com@evil.example/", false),
        (api, "https://evil.example/?to=https://api.myecommerce.com", false),
        (api, "https://evil.example\\@api.myecommerce.com/", false),
        (api, "http://api.myecommerce.com/", false),
        (api, "http://api.myecommerce.com:443/", false),
        (api, "https://api.myecommerce.com:8443/", false),
        (api, "https://auth.myecommerce.com/", false),
        (api, "/cart", false),
        (api, "", false),
        // An address alone has no scheme.
        (api, "api.myecommerce.com:443", true),
        (api, "API.myecommerce.com", true),
        (api, "api.myecommerce.com:80", false),
        (api, "api.myecommerce.com.evil.example:443", false),
        ("http://api.example", "api.example:80", true),
        ("http://api.example", "api.example:443", false),
        ("HTTP://Api.Example:8080", "http://api.example:8080/", true),
        ("http://[::1]:9000", "http://[::1]:9000/x", true),
        ("http://[::1]:9000", "[::1]:9000", true),
        ("amqp://broker.example:5672", "amqp://broker.example:5672/shop", true),
        ("amqp://broker.example", "amqp://broker.example/shop", true),
        ("amqp://broker.example", "amqp://broker.example:5672/shop", false),
    ];
    for (origin, url, matches) in rows {
        let targets = PropagationTargets::new([Target::origin(origin)]);
        assert_eq!(targets.matches(url), matches, "{origin}: {url}");
    }
}

#[test]
fn invalid_origins_are_errors() {
    let wrong = [
        "",
        "https://",
        "api.example",
        "api.example:443",
        "://api.example",
        "1https://api.example",
        "ht tps://api.example",
        "https://api.example/",
        "https://api.example/cart",
        "https://api.example?x",
        "https://api.example#x",
        "https://user@api.example",
        "https://api.example:",
        "https://api.example:0",
        "https://api.example:65536",
        "https://api.example:x",
        "https://api.example.",
        "https://*.example",
        "https://api example",
        "https://[::1",
        " https://api.example",
    ];
    for origin in wrong {
        let targets = || [Target::from("a"), Target::origin(origin)];
        let error = Sentry::builder().trace_propagation_targets(targets()).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "trace_propagation_targets: target 2 is not an origin: a scheme, `://`, a host, and \
             perhaps a port",
            "{origin}"
        );
        let targets = PropagationTargets::new([Target::origin(origin)]);
        assert!(!targets.matches("https://api.example/") && !targets.matches(origin), "{origin}");
    }
}

#[test]
fn functions() {
    let targets = PropagationTargets::new([
        Target::matching(|url| url.starts_with("https://api.example/Cart")),
        Target::from("/internal/"),
    ]);
    assert!(targets.matches("HTTPS://Api.example/Cart"));
    assert!(!targets.matches("https://api.example/cart"), "the path keeps its case");
    assert!(targets.matches("http://10.0.0.1/internal/"), "one of several");
    // Everywhere except one host.
    let all_but = Target::matching(|url| !url.starts_with("https://tracker.example/"));
    let targets = PropagationTargets::new([all_but]);
    assert!(
        targets.matches("https://api.example/") && !targets.matches("https://tracker.example/")
    );
    // A panic counts as no match, and the other targets still count.
    let panics = || Target::matching(|_| panic!("no host"));
    let targets = PropagationTargets::new([panics(), Target::from("api.example")]);
    assert!(
        targets.matches("https://api.example/") && !targets.matches("https://tracker.example/")
    );
    assert_eq!(format!("{:?}", panics()), "Matching(..)");
    assert!(Sentry::builder().trace_propagation_targets([panics()]).build().is_ok());
}

/// The text after the first 8192 bytes does not count, and no character is cut in two.
#[test]
fn the_start_of_a_long_url() {
    let url = |padding: usize| format!("https://a.example/{}/api/", "x".repeat(padding));
    let targets = PropagationTargets::new(["/api/"]);
    let start = "https://a.example/".len();
    assert!(targets.matches(&url(8192 - start - "/api/".len())));
    assert!(!targets.matches(&url(8192 - start - "/api/".len() + 1)));
    assert!(
        !targets.matches(&"é".repeat(8192))
            && targets.matches(&format!("/api/{}", "é".repeat(8192)))
    );
    let length = PropagationTargets::new([Target::matching(|url| url.len() == 8191)]);
    assert!(length.matches(&format!("x{}", "é".repeat(8192))));
}

#[cfg(feature = "regex")]
#[test]
fn regular_expressions() {
    use regex::Regex;

    let regex = |text| Regex::new(text).unwrap();
    // Scheme and host are lower-cased, the rest is unchanged.
    let lower = PropagationTargets::new([regex("^https://UseR@api\\.example:80/Cart$")]);
    assert!(lower.matches("HTTPS://UseR@API.example:80/Cart"));
    assert!(!lower.matches("HTTPS://user@API.example:80/Cart"));
    assert!(!lower.matches("HTTPS://UseR@API.example:80/cart"));
    assert!(PropagationTargets::new([regex("^api:80$")]).matches("API:80"), "an address alone");
    let targets = PropagationTargets::new([regex("^https://[a-z]+\\.example/"), regex("(?i)API")]);
    for (url, matches) in [
        ("https://shop.example/", true),
        ("https://shop.example", false),
        ("http://shop.example/", false),
        ("http://10.0.0.1/api", true),
        ("http://x/?https://shop.example/", false),
    ] {
        assert_eq!(targets.matches(url), matches, "{url}");
    }
    // Mixed with texts. A pattern that matches everything is accepted, because it is not an empty
    // text.
    let mixed = PropagationTargets::new([Target::from(regex("^$")), Target::from("a.example")]);
    assert!(mixed.matches("") && mixed.matches("http://a.example") && !mixed.matches("b"));
    let builder = Sentry::builder();
    assert!(builder.clone().trace_propagation_targets([regex(".*")]).build().is_ok());
    assert!(builder.trace_propagation_targets([regex("")]).build().is_ok());
    assert_eq!(format!("{:?}", Target::from(regex("a+"))), format!("{:?}", regex("a+")));
}
