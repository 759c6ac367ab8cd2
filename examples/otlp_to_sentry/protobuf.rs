//! Just enough protobuf to read an `ExportTraceServiceRequest`
//! ([opentelemetry-proto](https://github.com/open-telemetry/opentelemetry-proto)).

use std::collections::HashMap;

/// The parts of an exported span that are checked.
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) trace_state: String,
    pub(crate) name: String,
    /// The text attributes of the service that sent it.
    pub(crate) resource: HashMap<String, String>,
}

/// The spans of a request, or `None` if it is malformed.
pub(crate) fn spans(request: &[u8]) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for resource_spans in messages(request, 1)? {
        let mut attributes = HashMap::new();
        for resource in messages(resource_spans, 1)? {
            for attribute in messages(resource, 1)? {
                for value in messages(attribute, 2)? {
                    attributes.insert(text(attribute, 1)?, text(value, 1)?);
                }
            }
        }
        for scope_spans in messages(resource_spans, 2)? {
            for span in messages(scope_spans, 2)? {
                let trace_id = messages(span, 1)?.into_iter().flatten();
                spans.push(Span {
                    trace_id: trace_id.map(|byte| format!("{byte:02x}")).collect(),
                    trace_state: text(span, 3)?,
                    name: text(span, 5)?,
                    resource: attributes.clone(),
                });
            }
        }
    }
    Some(spans)
}

/// A text field; empty if absent, as in protobuf.
fn text(message: &[u8], number: u64) -> Option<String> {
    let bytes = messages(message, number)?.pop().unwrap_or_default();
    String::from_utf8(bytes.to_vec()).ok()
}

/// The values of a length-delimited field: texts, bytes, messages.
///
/// ```text
/// message = *( key value )       ; key = number << 3 | type
/// ```
fn messages(mut message: &[u8], wanted: u64) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => take(&mut message, 8)?,
            2 => {
                let len = varint(&mut message)?;
                take(&mut message, len.try_into().ok()?)?
            }
            5 => take(&mut message, 4)?,
            _ => return None,
        };
        if key >> 3 == wanted {
            found.push(value);
        }
    }
    Some(found)
}

fn take<'a>(message: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let value = message.get(..len)?;
    *message = message.get(len..)?;
    Some(value)
}

/// Seven bits per byte, lowest first. The highest bit says whether more follow.
fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
