//! HTML: from a server to the browser that shows its page.

use crate::carrier::trace_data::TraceData;

impl TraceData {
    /// One `<meta>` tag a line for the `<head>` of a page. Sentry's browser SDK continues the trace
    /// from them. Empty if there is nothing to send.
    ///
    /// The values are escaped. They include the context's `baggage`. A cached page puts every
    /// reader in one trace; omit the tags there.
    ///
    /// ```
    /// use opentelemetry_sentry::TraceData;
    ///
    /// let data = TraceData::from([("baggage", "note=\"a<b&c\"")]);
    /// assert_eq!(
    ///     data.to_meta_tags(),
    ///     r#"<meta name="baggage" content="note=&quot;a&lt;b&amp;c&quot;">"#,
    /// );
    /// ```
    pub fn to_meta_tags(&self) -> String {
        let mut tags = String::new();
        for (name, value) in self.iter() {
            if !tags.is_empty() {
                tags.push('\n');
            }
            tags.push_str("<meta name=\"");
            push_escaped(name, &mut tags);
            tags.push_str("\" content=\"");
            push_escaped(value, &mut tags);
            tags.push_str("\">");
        }
        tags
    }
}

/// Escapes text for an attribute's value, and for everywhere else in a page.
fn push_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
