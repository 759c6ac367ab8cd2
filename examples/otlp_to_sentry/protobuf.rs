//! A small reader of protobuf, for what is exported by OTLP
//! ([opentelemetry-proto](https://github.com/open-telemetry/opentelemetry-proto)).

use std::collections::HashMap;

/// Names and values, numbers as they print.
pub(crate) type Attributes = HashMap<String, String>;

/// What this program reads of an exported span.
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) trace_state: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Since 1970.
    pub(crate) start_nanos: u64,
    pub(crate) end_nanos: u64,
    /// Whether its status is an error.
    pub(crate) failed: bool,
    pub(crate) attributes: Attributes,
    /// The attributes of the service that sent it.
    pub(crate) resource: Attributes,
}

/// The kind of a span.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Server,
    Client,
    Other,
}

/// What this program reads of an exported log record.
pub(crate) struct Log {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
}

/// The spans of an `ExportTraceServiceRequest`, or `None` if the bytes are malformed.
pub(crate) fn spans(request: &[u8]) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for resource_spans in messages(request, 1)? {
        let mut resource = Attributes::new();
        for message in messages(resource_spans, 1)? {
            resource.extend(attributes(message, 1)?);
        }
        for scope_spans in messages(resource_spans, 2)? {
            for span in messages(scope_spans, 2)? {
                let status = messages(span, 15)?.pop().unwrap_or_default();
                spans.push(Span {
                    kind: match number(span, 6)? {
                        2 => Kind::Server,
                        3 => Kind::Client,
                        _ => Kind::Other,
                    },
                    start_nanos: fixed64(span, 7)?,
                    end_nanos: fixed64(span, 8)?,
                    failed: number(status, 3)? == 2,
                    trace_id: id(span, 1)?,
                    span_id: id(span, 2)?,
                    trace_state: text(span, 3)?,
                    parent_span_id: id(span, 4)?,
                    name: text(span, 5)?,
                    attributes: attributes(span, 9)?,
                    resource: resource.clone(),
                });
            }
        }
    }
    Some(spans)
}

/// The records of an `ExportLogsServiceRequest`, or `None` if the bytes are malformed.
pub(crate) fn logs(request: &[u8]) -> Option<Vec<Log>> {
    let mut logs = Vec::new();
    for resource_logs in messages(request, 1)? {
        for scope_logs in messages(resource_logs, 2)? {
            for record in messages(scope_logs, 2)? {
                let body = messages(record, 5)?.pop().unwrap_or_default();
                logs.push(Log {
                    trace_id: id(record, 9)?,
                    span_id: id(record, 10)?,
                    body: text(body, 1)?,
                    attributes: attributes(record, 6)?,
                });
            }
        }
    }
    Some(logs)
}

/// The attributes of a message that are texts or floating-point numbers.
fn attributes(message: &[u8], number: u64) -> Option<Attributes> {
    let mut found = Attributes::new();
    for attribute in messages(message, number)? {
        for value in messages(attribute, 2)? {
            let double = messages(value, 4)?.pop().and_then(|bytes| bytes.try_into().ok());
            let value = match double.map(f64::from_le_bytes) {
                Some(double) => double.to_string(),
                None => text(value, 1)?,
            };
            found.insert(text(attribute, 1)?, value);
        }
    }
    Some(found)
}

/// A number of eight bytes; 0 if the field is missing, as in protobuf.
fn fixed64(message: &[u8], number: u64) -> Option<u64> {
    let bytes = messages(message, number)?.pop();
    bytes.map_or(Some(0), |bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
}

/// Bytes, in hexadecimal; empty if the field is missing.
fn id(message: &[u8], number: u64) -> Option<String> {
    let bytes = messages(message, number)?.pop().unwrap_or_default();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A text field; empty if the field is missing, as in protobuf.
fn text(message: &[u8], number: u64) -> Option<String> {
    let bytes = messages(message, number)?.pop().unwrap_or_default();
    String::from_utf8(bytes.to_vec()).ok()
}

/// A value of a field: a number, or bytes, which are texts, messages, floating-point numbers.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The values of a field that are bytes.
fn messages(message: &[u8], wanted: u64) -> Option<Vec<&[u8]>> {
    let values = values(message, wanted)?.into_iter();
    let bytes = values.map(|value| match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Number(_) => None,
    });
    bytes.collect()
}

/// A number; 0 if the field is missing, as in protobuf.
fn number(message: &[u8], wanted: u64) -> Option<u64> {
    match values(message, wanted)?.pop() {
        Some(Value::Number(number)) => Some(number),
        Some(Value::Bytes(_)) => None,
        None => Some(0),
    }
}

/// The values of a field.
///
/// ```text
/// message = *( key value )       ; key = number << 3 | type
/// ```
fn values(mut message: &[u8], wanted: u64) -> Option<Vec<Value<'_>>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => Value::Bytes(take(&mut message, 8)?),
            2 => {
                let len = varint(&mut message)?;
                Value::Bytes(take(&mut message, len.try_into().ok()?)?)
            }
            5 => Value::Bytes(take(&mut message, 4)?),
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
