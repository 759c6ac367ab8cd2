//! Trace propagation targets: texts that a URL contains, and regular expressions.

use opentelemetry_sentry::{PropagationTargets, Target};

#[test]
fn texts_match_what_contains_them() {
    let api = "https://api.myecommerce.com";
    let rows: [(&[&str], &str, bool); 13] = [
        (&[api], "https://api.myecommerce.com", true),
        (&[api], "https://api.myecommerce.com/cart?page=2", true),
        (&[api], "https://api.myecommerce.com:8443/", true),
        (&[api], "http://api.myecommerce.com/", false),
        (&[api], "https://API.myecommerce.com/", false),
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

#[cfg(feature = "regex")]
#[test]
fn regular_expressions() {
    use opentelemetry_sentry::Sentry;
    use regex::Regex;

    let regex = |text| Regex::new(text).unwrap();
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
    // Beside texts; and one that matches everything was written, not left empty by accident.
    let mixed = PropagationTargets::new([Target::from(regex("^$")), Target::from("a.example")]);
    assert!(mixed.matches("") && mixed.matches("http://a.example") && !mixed.matches("b"));
    let builder = Sentry::builder();
    assert!(builder.clone().trace_propagation_targets([regex(".*")]).build().is_ok());
    assert!(builder.trace_propagation_targets([regex("")]).build().is_ok());
    assert_eq!(format!("{:?}", Target::from(regex("a+"))), format!("{:?}", regex("a+")));
}
