//! The rules in integer arithmetic: slow, and without the library's code.

/// 2^56, the number of values of a trace's randomness.
pub(crate) const M: u128 = 1 << 56;

/// The number of values of a six-digit `sample_rand`.
pub(crate) const MICROS: u128 = 1_000_000;

/// `K = round_half_up(rate * 2^56)`, from the exact value of the `f64`.
pub(crate) fn kept(rate: f64) -> u128 {
    if rate <= 0.0 {
        return 0;
    }
    // value = mantissa / 2^shift for a normal number
    let mantissa = u128::from(rate.to_bits() & ((1 << 52) - 1)) | 1 << 52;
    let shift = 1075 - (rate.to_bits() >> 52);
    ((mantissa << 56) + (1 << (shift - 1))) >> shift
}

/// `T = 2^56 - K`.
pub(crate) fn threshold(rate: f64) -> u128 {
    M - kept(rate)
}

/// OTel's rule.
pub(crate) fn is_sampled(randomness: u128, rate: f64) -> bool {
    randomness >= threshold(rate)
}

/// `J`: the least number of millionths not below the rate.
pub(crate) fn boundary(rate: f64) -> u128 {
    let mut micros = ((rate * 1e6) as u128).saturating_sub(2);
    while micros as f64 / 1e6 < rate {
        micros += 1;
    }
    micros
}

/// The `sample_rand`, in millionths, of a trace with this randomness.
pub(crate) fn sample_rand(randomness: u128, rate: f64) -> u128 {
    let micros = (M - 1 - randomness) * MICROS / M;
    match is_sampled(randomness, rate) {
        true => micros.min(boundary(rate) - 1),
        false => micros.max(boundary(rate)),
    }
}

/// The first six digits of a `sample_rand`, in millionths.
pub(crate) fn first_digits(rand: f64) -> u128 {
    let mut micros = (rand * 1e6) as u128 + 2;
    while micros as f64 / 1e6 > rand {
        micros -= 1;
    }
    micros
}

/// The randomness that a `sample_rand` implies, given the decision if there is one.
pub(crate) fn randomness_of(micros: u128, decision: Option<(bool, f64)>) -> u128 {
    let mut inverse = micros * M / MICROS;
    if inverse * MICROS < micros * M {
        inverse += 1;
    }
    match decision {
        Some((true, rate)) => inverse = inverse.min(kept(rate) - 1),
        Some((false, rate)) => inverse = inverse.max(kept(rate)),
        None => {}
    }
    M - 1 - inverse
}

/// A trace's randomness as another consistent sampler reads it.
pub(crate) fn randomness(trace_id: &str, ot: Option<&str>) -> u128 {
    let digits = field(ot, "rv").unwrap_or(&trace_id[18..]);
    assert_eq!(digits.len(), 14, "{digits}");
    number(digits)
}

/// A threshold in the form of `th`: without trailing zeros, except that zero is `0`.
pub(crate) fn th(threshold: u128) -> Option<String> {
    let digits = format!("{threshold:014x}");
    match digits.trim_end_matches('0') {
        _ if threshold == M => None,
        "" => Some("0".to_owned()),
        digits => Some(digits.to_owned()),
    }
}

/// The threshold of a `th` with 1 to 14 digits.
pub(crate) fn parse_th(digits: &str) -> u128 {
    assert!((1..=14).contains(&digits.len()), "{digits}");
    number(digits) * 16_u128.pow(14 - digits.len() as u32)
}

fn number(digits: &str) -> u128 {
    assert!(digits.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{digits}");
    u128::from_str_radix(digits, 16).expect("hexadecimal digits")
}

/// One field of an `ot` member.
pub(crate) fn field<'a>(ot: Option<&'a str>, name: &str) -> Option<&'a str> {
    let fields = ot?.split(';').map(|field| field.split_once(':').expect("a field"));
    let mut values = fields.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next();
    assert!(values.next().is_none(), "{name} is twice in {ot:?}");
    value
}

#[test]
fn the_oracle_knows_the_numbers_of_the_specification() {
    let rows = [
        (1.0, Some("0")),
        (0.5, Some("8")),
        (0.25, Some("c")),
        (0.1, Some("e6666666666666")),
        (1.0 / 3.0, Some("aaaaaaaaaaaaac")),
        (1e-6, Some("ffffef39085f4a")),
        (0.0, None),
    ];
    for (rate, digits) in rows {
        assert_eq!(th(threshold(rate)).as_deref(), digits, "{rate}");
        assert_eq!(digits.map_or(M, parse_th), threshold(rate), "{rate}");
    }
}
