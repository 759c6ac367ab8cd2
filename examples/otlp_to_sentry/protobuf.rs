//! As much of protobuf as is needed to look into what leaves over OTLP
//! ([opentelemetry-proto](https://github.com/open-telemetry/opentelemetry-proto)).

use std::collections::HashMap;

/// Names and values, numbers as they print.
pub(crate) type Attributes = HashMap<String, String>;

/// What is looked at of an exported span.
#[allow(dead_code)] // each program that looks into one needs a part of it
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) trace_state: String,
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// The attributes of the service that sent it.
    pub(crate) resource: Attributes,
}

/// What is looked at of an exported log record.
#[allow(dead_code)]
pub(crate) struct Log {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
}

/// The spans of an `ExportTraceServiceRequest`, or `None` where it is none.
pub(crate) fn spans(request: &[u8]) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for resource_spans in messages(request, 1)? {
        let mut resource = Attributes::new();
        for message in messages(resource_spans, 1)? {
            resource.extend(attributes(message, 1)?);
        }
        for scope_spans in messages(resource_spans, 2)? {
            for span in messages(scope_spans, 2)? {
                spans.push(Span {
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

/// The records of an `ExportLogsServiceRequest`, or `None` where it is none.
#[allow(dead_code)]
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

/// Bytes, in hexadecimal; empty where they are not there.
fn id(message: &[u8], number: u64) -> Option<String> {
    let bytes = messages(message, number)?.pop().unwrap_or_default();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A text field; empty where it is not there, as protobuf has it.
fn text(message: &[u8], number: u64) -> Option<String> {
    let bytes = messages(message, number)?.pop().unwrap_or_default();
    String::from_utf8(bytes.to_vec()).ok()
}

/// The values of a field that are bytes: texts, messages, floating-point numbers.
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

/// Seven bits a byte, the lowest first; the highest bit says whether more follow.
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
