//! Tests of the grammars, to show that the tests based on them can fail.

use crate::w3c::{baggage, decoded, tracestate};

#[test]
fn baggage_grammar_follows_w3c() {
    for good in ["a=1", "a=", "a = 1 ;p ; q = 2 , b==c", "a=1;k+b=2", "%=%", "a=1\t;\tp=x=y"] {
        assert!(baggage(good).is_ok(), "{good:?}: {:?}", baggage(good));
    }
    for bad in [
        "",
        ",",
        "a",
        "=1",
        "a=1,",
        "a=1;",
        "a=1;;p",
        "a=1;=x",
        "a b=1",
        "a=b c",
        "a=\"q\"",
        "a=é",
        "é=1",
        "a=\\",
        "a=1;p q",
        "a=1;p=q r",
        "a=1\n",
        "a=\0",
        "a=1;p,b",
        "a(=1",
        "a=1;p[=1",
        "a=\u{7f}",
    ] {
        assert!(baggage(bad).is_err(), "{bad:?}: {:?}", baggage(bad));
    }
    let member = &baggage("a = 1;p;q = x=y").unwrap()[0];
    assert_eq!((&*member.key, &*member.value), ("a", "1"));
    let properties = [("p".to_owned(), None), ("q".to_owned(), Some("x=y".to_owned()))];
    assert_eq!(member.properties, properties);
    assert_eq!(decoded("%2C%c3%A9%%4%4x"), ",é%%4%4x");
}

#[test]
fn tracestate_grammar_follows_w3c() {
    let long = "k".repeat(256);
    let list = |count: usize| -> String {
        let members: Vec<String> = (0..count).map(|n| format!("k{n}=1")).collect();
        members.join(",")
    };
    for good in [
        "",
        "a=1",
        "0a=1",
        "a@b=x y",
        "a=1 , ,\tb=2",
        "a*/_-=~",
        "a= x",
        &format!("{long}=1"),
        &format!("a={long}"),
        &list(32),
    ] {
        assert!(tracestate(good).is_ok(), "{good:?}: {:?}", tracestate(good));
    }
    for bad in [
        "a",
        "a=",
        "=x",
        "A=1",
        "_a=1",
        "a=b=c",
        "a=é",
        "é=1",
        "a=1\r\nx: 1",
        "a=\0",
        "a=1,a=2",
        "a =1",
        "a=x\ty",
        "a.b=1",
        "a=\u{7f}",
        &format!("{long}k=1"),
        &format!("a={long}k"),
        &list(33),
    ] {
        assert!(tracestate(bad).is_err(), "{bad:?}: {:?}", tracestate(bad));
    }
}
