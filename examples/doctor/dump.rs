//! Reads what people have at hand: a `curl -v` dump, plain headers, a browser's "Copy as cURL".

use http::HeaderName;

use crate::curl;
use crate::request::{Answer, Request, CORS_HEADERS, TRACE_HEADERS};

/// The last request of the text, and its answer. Lines that are neither are skipped.
pub(crate) fn read(text: &str) -> Request {
    if text.trim_start().starts_with("curl ") {
        return curl::read(text);
    }
    // Between the lines of `curl -v 2>&1` stands the body, and that may hold anything.
    let is_dump = text.lines().any(|line| line.starts_with("> ") || is_of_frame(line));
    let mut request = Request::default();
    // curl shows the headers of HTTP/2 and HTTP/3 as it hands them over, and most versions show them
    // again with `> `.
    let mut frame = Request::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(header) = frame_header(line) {
            read_frame_header(header, &mut frame);
        } else if let Some(line) = line.strip_prefix("> ") {
            read_request_line(line, &mut request);
        } else if let Some(line) = line.strip_prefix("< ") {
            read_answer_line(line, &mut request);
        } else if !is_dump && (request.answer.is_some() || status(line).is_some()) {
            read_answer_line(line, &mut request);
        } else if let Some(name) = name_alone(line).filter(|_| !is_dump) {
            read_pair(name, lines.next().unwrap_or_default(), &mut request);
        } else if !is_dump {
            read_request_line(line, &mut request);
        }
    }
    if request.is_empty() && !frame.is_empty() {
        frame.answer = request.answer;
        return frame;
    }
    request
}

fn read_request_line(line: &str, request: &mut Request) {
    if let Some((name, value)) = pseudo_header(line) {
        read_pair(name, value, request);
    } else if let Some((name, value)) = header(line) {
        request.push(name, value);
    } else if let Some(method) = method(line) {
        request.start(method);
    }
}

fn read_answer_line(line: &str, request: &mut Request) {
    if let Some(status) = status(line) {
        request.answer = Some(Answer::of_status(status));
    } else if let Some((name, value)) = header(line) {
        request.push_to_answer(name, value);
    }
}

/// `name: value`
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some((name, value.trim_matches([' ', '\t', '\r'])))
}

/// `GET /cart HTTP/1.1`
fn method(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let method = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))?;
    words.nth(1)?.starts_with("HTTP/").then_some(method)
}

/// `HTTP/1.1 200 OK`
fn status(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once(' ')?;
    version.strip_prefix("HTTP/")?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn is_of_frame(line: &str) -> bool {
    frame_header(line).is_some()
}

/// `* [HTTP/2] [1] [name: value]`, or in older versions of curl `* h2h3 [name: value]`.
fn frame_header(line: &str) -> Option<&str> {
    let line = line.strip_prefix("* ")?.trim_end().strip_suffix(']')?;
    let rest = match line.strip_prefix("[HTTP/") {
        Some(rest) => rest.split_once("] [")?.1.split_once("] [")?.1,
        None => line.strip_prefix("h2h3 [").or_else(|| line.strip_prefix("h2 ["))?,
    };
    Some(rest)
}

/// A name in a line of its own, as network tabs copy it, with its value in the next line.
fn name_alone(line: &str) -> Option<&str> {
    let name = line.trim_end();
    let name = name.strip_suffix(':').unwrap_or(name);
    let is_known = TRACE_HEADERS.contains(&name) || CORS_HEADERS.contains(&name);
    (is_known || [":method", ":authority"].contains(&name)).then_some(name)
}

/// `:method: GET`, of HTTP/2 and HTTP/3
fn pseudo_header(line: &str) -> Option<(&str, &str)> {
    let end = 1 + line.strip_prefix(':')?.find(": ")?;
    Some((&line[..end], line[end + 2..].trim_end()))
}

fn read_pair(name: &str, value: &str, request: &mut Request) {
    let value = value.trim_matches([' ', '\t', '\r']);
    match name {
        // Its headers may stand before it.
        ":method" => request.method = Some(value.to_owned()),
        ":authority" => request.push("host", value),
        name if name.starts_with(':') => {}
        name => request.push(name, value),
    }
}

fn read_frame_header(header: &str, frame: &mut Request) {
    match pseudo_header(header) {
        Some((":method", method)) => frame.start(method),
        Some((name, value)) => read_pair(name, value, frame),
        None => {
            if let Some((name, value)) = self::header(header) {
                frame.push(name, value);
            }
        }
    }
}
