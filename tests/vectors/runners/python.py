"""`sentry_sdk` as a subject of `suite.py`: reads one request per line and writes one answer per line."""

import json
import sys

import sentry_sdk
from sentry_sdk.tracing_utils import should_propagate_trace
from sentry_sdk.transport import Transport


class Nowhere(Transport):
    def capture_envelope(self, envelope):
        pass


def answer(headers, settings, span, url):
    # The SDK's sampler does not get the head's rate.
    if "inherit_or_sample_with" in settings:
        return {"unsupported": "inherit_or_sample_with"}
    start(settings)
    # WSGI joins a repeated header.
    names = dict.fromkeys(name for name, _ in headers)
    incoming = {name: ",".join(line for n, line in headers if n == name) for name in names}
    with sentry_sdk.isolation_scope():
        transaction = sentry_sdk.continue_trace(incoming, op="http.server", name=span)
        context = sentry_sdk.get_isolation_scope()._propagation_context
        with sentry_sdk.start_transaction(transaction):
            with sentry_sdk.start_span(op="http.client", name="GET") as client:
                return {
                    "continued": continued(context, incoming.get("sentry-trace", "")),
                    "recorded": bool(transaction.sampled),
                    "sent": send(client, url),
                }


def start(settings):
    if "traces_sampler" in settings:
        rate = settings["traces_sampler"]
        settings = settings | {"traces_sampler": lambda cx: rate}
    sentry_sdk.init(
        **settings,
        transport=Nowhere,
        default_integrations=False,
        auto_enabling_integrations=False,
        send_client_reports=False,
        auto_session_tracking=False,
    )


def continued(context, header):
    if context is None or (context.parent_span_id is None and context.trace_id not in header):
        return None
    return {
        "trace_id": context.trace_id,
        "parent_span_id": context.parent_span_id,
        "sampled": context.parent_sampled,
    }


def send(client, url):
    if not should_propagate_trace(sentry_sdk.get_client(), url):
        return {}
    headers = sentry_sdk.get_current_scope().iter_trace_propagation_headers(span=client)
    return {name: value for name, value in headers if value}


print(json.dumps({"sdk": "sentry_sdk", "version": sentry_sdk.VERSION}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(**json.loads(line))), flush=True)
