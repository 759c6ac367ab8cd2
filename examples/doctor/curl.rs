//! Reads a curl command as browsers copy it: for bash, and for Windows' cmd.

use crate::request::Request;

/// Options whose value is not an address.
const WITH_VALUE: [&str; 18] = [
    "--data",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "-d",
    "--form",
    "-F",
    "--cookie",
    "-b",
    "--user-agent",
    "-A",
    "--referer",
    "-e",
    "--user",
    "-u",
    "--output",
    "-o",
    "--proxy",
];

/// The last command of the text.
pub(crate) fn read(text: &str) -> Request {
    let words = if is_for_cmd(text) { words_of_cmd(text) } else { words_of_bash(text) };
    let mut request = Request::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "curl" => request.start("GET"),
            "-H" | "--header" => push_header(words.next().unwrap_or_default(), &mut request),
            "-X" | "--request" => request.method = words.next().map(str::to_owned),
            _ if WITH_VALUE.contains(&word) => _ = words.next(),
            _ => {
                if let Some((_, rest)) = word.split_once("://") {
                    request.push("host", rest.split(['/', '?', '#']).next().unwrap_or_default());
                }
            }
        }
    }
    request
}

fn push_header(header: &str, request: &mut Request) {
    if let Some((name, value)) = header.split_once(':') {
        request.push(name, value.trim_matches([' ', '\t']));
    }
}

/// cmd continues a line with `^`, bash with `\`.
fn is_for_cmd(text: &str) -> bool {
    text.contains("^\"") || text.lines().any(|line| line.ends_with('^'))
}

/// Chromium puts `^` before all that cmd could read as its own, quotes too. Then the program splits
/// the line: quotes hold a word together, `\"` is a quote.
fn words_of_cmd(text: &str) -> Vec<String> {
    let mut unescaped = String::new();
    let mut chars = text.chars().filter(|c| *c != '\r');
    while let Some(c) = chars.next() {
        match c {
            '^' => unescaped.extend(chars.next()),
            c => unescaped.push(c),
        }
    }
    let mut words = Words::default();
    let mut quoted = false;
    let mut chars = unescaped.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                words.open();
            }
            '\\' if chars.peek().is_some_and(|next| matches!(next, '"' | '\\')) => {
                chars.next().into_iter().for_each(|c| words.push(c));
            }
            c if c.is_whitespace() && !quoted => words.close(),
            c => words.push(c),
        }
    }
    words.finish()
}

/// `'..'`, `".."`, `$'..'` and `\`, as bash reads them.
fn words_of_bash(text: &str) -> Vec<String> {
    let mut words = Words::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                words.open();
                chars.by_ref().take_while(|c| *c != '\'').for_each(|c| words.push(c));
            }
            '"' => {
                words.open();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => chars.next().into_iter().for_each(|c| words.push(c)),
                        c => words.push(c),
                    }
                }
            }
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                words.open();
                while let Some(c) = chars.next().filter(|c| *c != '\'') {
                    match c {
                        '\\' => escape(&mut chars).into_iter().for_each(|c| words.push(c)),
                        c => words.push(c),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => _ = chars.next_if_eq(&'\n'),
                Some(c) => words.push(c),
            },
            c if c.is_whitespace() => words.close(),
            c => words.push(c),
        }
    }
    words.finish()
}

/// What follows a `\` inside `$'..'`.
fn escape(chars: &mut std::iter::Peekable<std::str::Chars>) -> Option<char> {
    let digits = match chars.next()? {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'x' => 2,
        'u' => 4,
        other => return Some(other),
    };
    let mut code = 0;
    for _ in 0..digits {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
        code = code * 16 + digit;
        chars.next();
    }
    char::from_u32(code)
}

#[derive(Default)]
struct Words {
    words: Vec<String>,
    open: Option<String>,
}

impl Words {
    /// An empty pair of quotes is a word.
    fn open(&mut self) {
        self.open.get_or_insert_with(Default::default);
    }

    fn push(&mut self, c: char) {
        self.open.get_or_insert_with(Default::default).push(c);
    }

    fn close(&mut self) {
        self.words.extend(self.open.take());
    }

    fn finish(mut self) -> Vec<String> {
        self.close();
        self.words
    }
}
