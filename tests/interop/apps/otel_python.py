"""The stock OpenTelemetry SDK in Flask behind waitress: speaks W3C's headers and does not
know Sentry."""

import json
import os
import sys
import threading
import urllib.request

import flask
import waitress
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace._sampling_experimental import (
    composable_always_off,
    composable_parent_threshold,
    composable_traceid_ratio_based,
    composite_sampler,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

settings = json.loads(os.environ["INTEROP_SETTINGS"])
propagators = [TraceContextTextMapPropagator()]
if settings["baggage"]:
    propagators.append(W3CBaggagePropagator())
propagator = CompositePropagator(propagators)
TRACE_HEADERS = ("sentry-trace", "baggage", "traceparent", "tracestate")


def tracer_with(sampler):
    return TracerProvider(sampler=composite_sampler(sampler)).get_tracer("interop")


root = composable_traceid_ratio_based(settings["rate"])
tracer = tracer_with(composable_parent_threshold(root))
app = flask.Flask(__name__)


def extract(headers):
    carrier = {}
    for name, value in headers:
        carrier.setdefault(name, []).append(value)
    # Repeated lines are one list.
    return propagator.extract({n: ",".join(v) for n, v in carrier.items()}, Context())


def inject(context):
    carrier = {}
    propagator.inject(carrier, context)
    return carrier


def start(tracer, name, kind, parent):
    return trace.set_span_in_context(tracer.start_span(name, parent, kind=kind), parent)


@app.get("/trace")
def traced():
    # WSGI joins repeated headers with a comma.
    headers = [[n, flask.request.headers[n]] for n in TRACE_HEADERS if n in flask.request.headers]
    server = start(tracer, "GET /trace", trace.SpanKind.SERVER, extract(headers))
    to = flask.request.args.get("to")
    answer = None
    if to is not None:
        client = start(tracer, "GET", trace.SpanKind.CLIENT, server)
        request = urllib.request.Request(to, headers=inject(client))
        answer = json.load(urllib.request.urlopen(request, timeout=25))
        trace.get_current_span(client).end()
    trace.get_current_span(server).end()
    return flask.jsonify(headers=headers, trace_data=inject(server), answer=answer)


@app.post("/decide")
def decide():
    """The samplers' decisions for the sender of each list of headers: `1` or `0`.

    The SDK's tracer calls a sampler without the trace state, so the samplers are called directly.
    `traced_` is the tracer's decision for the same headers.
    """
    question = flask.request.json
    inherits = composable_parent_threshold(composable_always_off())
    decides = composable_traceid_ratio_based(question["rate"])
    answers = {}
    for name, sampler in (("inherited", inherits), ("decided", decides)):
        asked = composite_sampler(sampler)
        tracer = tracer_with(sampler)
        by_hand, traced = [], []
        for headers in question["requests"]:
            parent = extract(headers)
            context = trace.get_current_span(parent).get_span_context()
            result = asked.should_sample(
                parent, context.trace_id, "GET", trace.SpanKind.SERVER, None, None,
                context.trace_state,
            )
            by_hand.append("1" if result.decision.is_sampled() else "0")
            span = tracer.start_span("GET", parent, kind=trace.SpanKind.SERVER)
            traced.append("1" if span.get_span_context().trace_flags.sampled else "0")
        answers[name] = "".join(by_hand)
        answers["traced_" + name] = "".join(traced)
    return flask.jsonify(answers)


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


server = waitress.create_server(app, host="127.0.0.1", port=0, threads=8)
threading.Thread(target=end_with_the_test, daemon=True).start()
print(f"listening on http://127.0.0.1:{server.effective_port}/trace", flush=True)
server.run()
