#!/usr/bin/env python3
"""Asks an implementation the rows that any Sentry SDK can answer. ../README.md describes the protocol.

    suite.py --check FILE NAME=COMMAND...   runs all and compares the page with the answers
    suite.py --update FILE NAME=COMMAND...  writes it
    suite.py --strict NAME=COMMAND...       prints differences and fails if there are any

Each COMMAND starts a program that prints its name in the first line, and then answers each request
line with one line. A program that does not start or answer fails the run.
"""

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import threading
from collections import Counter
from urllib.parse import unquote_to_bytes

VECTORS = pathlib.Path(__file__).resolve().parent.parent
TRACE_ID = "12312012123120121231201212312012"
SPAN_ID = "1121201211212012"
URL = "https://api.myecommerce.com/pay?card=1"
KEY = "49d0f7386ad645858ae85020e393bef3"
# Its host has no organization.
DSN = f"https://{KEY}@sentry.myecommerce.com/42"
SERVICE = {"dsn": DSN, "release": "shop@1.2.3", "environment": "production"}
# For one program, from its start to its last answer.
SECONDS = 120


class Unsupported(Exception):
    """The implementation has no such setting."""


class Subject:
    """A program under test."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.timer = threading.Timer(SECONDS, self.process.kill)
        self.timer.daemon = True
        self.timer.start()
        try:
            hello = self.read()
            self.name, self.version = hello["sdk"], hello["version"]
        except BaseException:
            self.stop()
            raise

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"no answer from {shlex.join(self.process.args)}")
        return json.loads(line)

    def hop(self, headers, settings, span="checkout", url=URL):
        request = {"headers": headers, "settings": settings, "span": span, "url": url}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        if "unsupported" in answer:
            raise Unsupported(answer["unsupported"])
        return answer

    def stop(self):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()


def rows(file):
    return json.loads((VECTORS / file).read_text(encoding="utf-8"))


def text(value):
    """A string, or the list of its parts."""
    if isinstance(value, str):
        return value
    part = lambda p: p if isinstance(p, str) else p.get("join", "").join(
        p["repeat"].replace("#", str(n + 1)) for n in range(p["times"])
    )
    return "".join(map(part, value))


def sentry_trace(answer):
    """The parts of the outgoing `sentry-trace`."""
    match = re.fullmatch(r"([0-9a-f]{32})-([0-9a-f]{16})(?:-([01]))?", sent(answer, "sentry-trace"))
    return match.groups() if match else (None, None, None)


def sent(answer, name):
    return answer["sent"].get(name) or ""


def members(header):
    return [m.strip().partition("=")[::2] for m in header.split(",") if m.strip()]


def dsc(answer):
    of_sentry = [(k, v) for k, v in members(sent(answer, "baggage")) if k.startswith("sentry-")]
    return {key.removeprefix("sentry-"): value for key, value in of_sentry}


def continuation(answer, expected):
    """How it differs from continuing the trace of `expected`, a `sentry-trace` or None."""
    got = answer["continued"]
    if expected is None:
        return None if got is None else "continues an invalid trace"
    if got is None:
        return "does not continue"
    trace_id, span_id, *flag = expected.split("-")
    if (got["trace_id"], got["parent_span_id"]) != (trace_id, span_id):
        return "continues with different ids"
    if got["sampled"] != {"1": True, "0": False}.get(*flag or [None]):
        return "reads a different flag"
    return None


def forwarded(header, expected, rand=(0, 1)):
    """How `header` differs from the frozen DSC that should have been sent."""
    got, want = members(header), members(expected)
    if not want:
        return own(dict(got))
    if not got:
        return "sends no DSC"
    got_values, want_values = dict(got), dict(want)
    if missing := [key for key in want_values if key not in got_values]:
        return "adds no `sample_rand`" if missing == ["sentry-sample_rand"] and "{rand}" in expected \
            else "loses members"
    if any(key not in want_values for key in got_values) or len(got) != len(got_values):
        return "adds members"
    spelled = False
    for key, value in want_values.items():
        if value == "{rand}":
            made_up = number(got_values[key])
            if not 0 <= made_up < 1:
                return "sends an invalid `sample_rand`"
            if not rand[0] <= made_up < rand[1]:
                return "adds a contradictory `sample_rand`"
        elif unquote_to_bytes(value) != unquote_to_bytes(got_values[key]):
            if key != "sentry-sample_rand":
                return "changes values"
            return "rewrites `sample_rand`"
        elif value != got_values[key]:
            spelled = True
    if spelled:
        return "re-encodes"
    return None if [key for key, _ in got] == [key for key, _ in want] else "changes the order"


def own(got):
    """What it sends when no Sentry header should be sent."""
    if not got:
        return None
    rand_alone = all(key.endswith("sample_rand") for key in got)
    return "sends only `sample_rand`" if rand_alone else "sends its own DSC"


def number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def first(*findings):
    return next((finding for finding in findings if finding), None)


# Each function takes a row and returns how the answer differs, or None.


def parsing(subject, row):
    headers = [["sentry-trace", text(row["in"])]]
    return continuation(subject.hop(headers, SERVICE), row.get("out"))


def repeated(subject, row):
    headers = [["sentry-trace", text(line)] for line in row["lines"]]
    return continuation(subject.hop(headers, SERVICE), row["out"])


def baggage(subject, row):
    trace = row.get("sentry_trace", f"{TRACE_ID}-{SPAN_ID}-1")
    headers = [["sentry-trace", trace]] if trace is not None else []
    headers += [["baggage", text(line)] for line in row["lines"]]
    answer = subject.hop(headers, SERVICE | row.get("settings", {}))
    if row.get("refused") or trace is None:
        return continuation(answer, None)
    expected = text(row["out"] or "")
    # The implementation chooses the added number.
    if "sample_rand" not in "".join(map(text, row["lines"])):
        expected = re.sub("(?<=sentry-sample_rand=)0[.0-9]+", "{rand}", expected)
    return first(
        continuation(answer, trace),
        forwarded(sent(answer, "baggage"), expected, row.get("rand", (0, 1))),
    )


def sampling(subject, row):
    flag = {"none": None, "deferred": "", "0": "-0", "1": "-1"}[row["parent"]]
    headers = [] if flag is None else [["sentry-trace", f"{TRACE_ID}-{SPAN_ID}{flag}"]]
    if row["baggage"] is not None:
        headers.append(["baggage", row["baggage"]])
    service = SERVICE | {"dsn": f"https://{KEY}@o42.ingest.sentry.io/42"} | row["setting"]
    answer = subject.hop(headers, service, row.get("span", "checkout"))
    trace_id, _, sampled = sentry_trace(answer)
    if (trace_id == TRACE_ID) != (flag is not None):
        return "does not continue"
    want = row["flag"] or sampled
    if (sampled or "deferred") != want:
        return "sends a different flag"
    recorded = row["recorded"] if row["recorded"] is not None else sampled == "1"
    if answer["recorded"] != recorded:
        return "records differently"
    return composed(dsc(answer), sampled, row)


def composed(got, sampled, row):
    if row["dsc"] is None:
        return own(got)
    for key, value in row["dsc"].items():
        if value is None and key in got:
            return f"sends `{key}`"
        if value is not None and key not in got:
            return f"sends no `{key}`"
        if value is not None and unquote_to_bytes(value) != unquote_to_bytes(got[key]):
            same = key == "sample_rate" and number(value) == number(got[key])
            return f"formats `{key}` differently" if same else f"sends a different `{key}`"
    if "sample_rand" not in got:
        return "sends no `sample_rand`"
    rate, rand = number(got.get("sample_rate")), number(got["sample_rand"])
    checked = sampled is not None and not row.get("contradicts") and rate == rate
    return "its numbers contradict its flag" if checked and (rand < rate) != (sampled == "1") else None


def captured(subject, row):
    # HTTP header names are case-insensitive.
    # A long value is a list of its parts.
    joined = lambda value: value if isinstance(value, str) else "".join(value)
    headers = [[name.lower(), joined(value)] for name, value in row["headers"]]
    trace = dict(headers)["sentry-trace"]
    dsc = dict(headers).get("baggage", "")
    rand = "" if not dsc or "sentry-sample_rand=" in dsc else ",sentry-sample_rand={rand}"
    service = {"dsn": f"https://{KEY}@o1.ingest.sentry.io/42", "release": "checkout@7", "environment": "staging"}
    relayed = subject.hop(headers, service)
    findings = [continuation(relayed, trace), forwarded(sent(relayed, "baggage"), dsc + rand)]
    _, _, flag = sentry_trace(relayed)
    if flag != (trace.split("-") + [None])[2]:
        findings.append("without a rate, sends a different flag")
    elif flag is not None:
        # A rate that would decide otherwise.
        decided = subject.hop(headers, service | {"traces_sample_rate": 1.0 - float(flag)})
        if sentry_trace(decided)[2] != flag or decided["recorded"] != (flag == "1"):
            findings.append("makes a new decision")
    return first(*findings)


def matrix(subject, row):
    flag = {None: "", "deferred": "", "0": "-0", "1": "-1"}[row["incoming_flag"]]
    headers = [["sentry-trace", f"{TRACE_ID}-{SPAN_ID}{flag}"]]
    headers.append(["baggage", f"sentry-trace_id={TRACE_ID},sentry-release=head"])
    target = "https://api.myecommerce.com" if row["target_matches"] else "https://auth.myecommerce.com"
    service = SERVICE | {"trace_propagation_targets": [target]}
    if row["traces_sample_rate"] is not None:
        service["traces_sample_rate"] = row["traces_sample_rate"]
    answer = subject.hop(headers if row["incoming"] == "present" else [], service)
    trace_id, _, _ = sentry_trace(answer)
    if (trace_id is not None) != row["headers_sent"] or bool(dsc(answer)) != row["headers_sent"]:
        return "sends headers" if answer["sent"] else "sends no headers"
    if answer["recorded"] != row["spans_recorded"]:
        return "records differently"
    if trace_id is not None and (trace_id == TRACE_ID) != bool(row["same_trace_id"]):
        return "does not continue"
    return None


def strict(subject, row):
    members = [f"sentry-trace_id={TRACE_ID}", "sentry-release=head"]
    if row["baggage_org_id"] is not None:
        members.append(f"sentry-org_id={row['baggage_org_id']}")
    headers = [["sentry-trace", f"{TRACE_ID}-{SPAN_ID}-0"], ["baggage", ",".join(members)]]
    service = SERVICE | {
        "traces_sample_rate": 1.0,
        "strict_trace_continuation": row["strict_trace_continuation"],
    }
    if row["own_org_id"] is not None:
        service["org_id"] = row["own_org_id"]
    answer = subject.hop(headers, service)
    trace_id, _, flag = sentry_trace(answer)
    if (trace_id == TRACE_ID) != row["continue"]:
        return "continues another organization's trace" if trace_id == TRACE_ID else "does not continue"
    if (flag, answer["recorded"]) != (("0", False) if row["continue"] else ("1", True)):
        return "makes a new decision" if row["continue"] else "keeps the rejected decision"
    release = unquote_to_bytes(dsc(answer).get("release", ""))
    return None if release == (b"head" if row["continue"] else b"shop@1.2.3") else "sends a different DSC"


def asked(file):
    """The rows of a file that any implementation can answer."""
    # These rows test the parser's list.
    if file == "sentry_trace.json":
        return [row for row in rows(file) if "," not in text(row["in"])]
    # HTTP libraries differ in these bytes.
    if file == "sentry_trace_headers.json":
        return [row for row in rows(file) if "".join(map(text, row["lines"])).isascii()]
    # OpenTelemetry's baggage, and what fits into a trace state.
    if file == "baggage.json":
        return [row for row in rows(file) if "out" in row and "own" not in row]
    # In these rows this crate uses OpenTelemetry's randomness.
    return [row for row in rows(file) if "the trace id decides" not in row.get("name", "")]


FILES = {
    "sentry_trace.json": parsing,
    "sentry_trace_headers.json": repeated,
    "baggage.json": baggage,
    "captured_heads.json": captured,
    "interop_heads.json": captured,
    "sampling.json": sampling,
    "propagation_matrix.json": matrix,
    "strict_continuation.json": strict,
}


def run(command):
    """The implementation's name and version, and by file each row's difference, or None."""
    subject = Subject(command)
    try:
        found = {}
        for file, check in FILES.items():
            answers = []
            for row in asked(file):
                try:
                    finding = check(subject, row)
                except Unsupported as setting:
                    finding = f"not asked: no `{setting}`"
                answers.append((row.get("name", json.dumps(row)), finding))
            if not answers:
                raise SystemExit(f"{file}: no row was asked")
            found[file] = answers
        return subject.name, subject.version, found
    finally:
        subject.stop()


def page(results):
    lines = [
        "## Answers of other SDKs to our rows",
        "",
        "`tests/vectors` is a suite for any implementation; `tests/vectors/runners` asks these SDKs "
        "the rows about parsing, continuation and outgoing headers. A row states what this crate "
        "does: where the specification is silent, a different answer is not a fault. "
        "`tests/vectors/README.md` lists where this crate differs from its peers, and why.",
    ]
    for name, version, found in results:
        lines += [
            "",
            f"`{name}` {version}:",
            "",
            "| rows | passed | differs | by kind |",
            "| --- | --- | --- | --- |",
        ]
        for file, answers in found.items():
            kinds = Counter(finding for _, finding in answers if finding)
            skipped = sum(n for kind, n in kinds.items() if kind.startswith("not asked"))
            by_kind = "; ".join(f"{kind}: {n}" for kind, n in sorted(kinds.items(), key=rank))
            differs = kinds.total() - skipped
            passed = len(answers) - kinds.total()
            lines.append(f"| `{file}` | {passed} | {differs} | {by_kind or '–'} |")
    return "\n".join(lines) + "\n"


def rank(item):
    return (-item[1], item[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--update", type=pathlib.Path)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--list", action="store_true", help="print every row that differs")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    results = [run(command) for command in options.command]
    text = page(results)
    differs = [
        f"{name}: {file}: {row}: {finding}"
        for name, _, found in results
        for file, answers in found.items()
        for row, finding in answers
        if finding
    ]
    if options.list or options.strict:
        print("\n".join(differs))
    if options.update:
        options.update.write_text(text, encoding="utf-8")
    print(text)
    if options.strict and differs:
        sys.exit(f"{len(differs)} rows differ")
    if options.check and options.check.read_text(encoding="utf-8") != text:
        sys.exit(f"{options.check} differs from this run; --update rewrites it")


if __name__ == "__main__":
    main()
