//! `Server-Timing`: from a server to the browser, for responses without `<meta>` tags.

use crate::carrier::trace_data::TraceData;
use crate::wire::baggage::is_key;

impl TraceData {
    /// The value of a `Server-Timing` response header. Sentry's browser SDK continues the trace
    /// from it. `None` if there is nothing to send.
    ///
    /// ```text
    /// server-timing-metric = metric-name ";desc=" DQUOTE description DQUOTE
    /// ```
    ///
    /// It is always a valid header value. A page of another origin sees it only if a
    /// `Timing-Allow-Origin` header names that origin
    /// ([Server Timing](https://www.w3.org/TR/server-timing/)).
    ///
    /// ```
    /// use opentelemetry_sentry::TraceData;
    ///
    /// let data = TraceData::from([("sentry-trace", "1-2"), ("baggage", "sentry-release=1")]);
    /// assert_eq!(
    ///     data.to_server_timing().as_deref(),
    ///     Some(r#"sentry-trace;desc="1-2", baggage;desc="sentry-release=1""#),
    /// );
    /// ```
    pub fn to_server_timing(&self) -> Option<String> {
        let mut header = String::new();
        let sendable = |(name, value): &(&str, &str)| is_key(name) && value.bytes().all(is_text);
        for (name, value) in self.iter().filter(sendable) {
            if !header.is_empty() {
                header.push_str(", ");
            }
            header.push_str(name);
            header.push_str(";desc=\"");
            for character in value.chars() {
                if matches!(character, '"' | '\\') {
                    header.push('\\');
                }
                header.push(character);
            }
            header.push('"');
        }
        (!header.is_empty()).then_some(header)
    }
}

/// What a quoted string may hold, with or without a backslash before it (RFC 9110, section 5.6.4).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (0x20..=0x7e).contains(&byte)
}
