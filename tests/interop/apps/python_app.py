"""sentry-sdk in Flask behind waitress: reports the trace it continued or started, and calls the
address in `to` through the instrumented standard library."""

import json
import os
import sys
import threading
import urllib.request

import flask
import sentry_sdk
import waitress

settings = json.loads(os.environ["INTEROP_SETTINGS"])
sentry_sdk.init(
    dsn=settings["dsn"],
    release=settings["release"],
    environment=settings["environment"],
    traces_sample_rate=settings["rate"],
    org_id=settings["org_id"],
    strict_trace_continuation=settings["strict"],
    # Under load it would halve the rate.
    enable_backpressure_handling=False,
    # The fake ingest reads plain bodies only.
    _experiments={"transport_compression_level": 0},
)

app = flask.Flask(__name__)
TRACE_HEADERS = ("sentry-trace", "baggage", "traceparent", "tracestate")


@app.get("/trace")
def trace():
    sentry_sdk.capture_message("interop")
    to = flask.request.args.get("to")
    return flask.jsonify(
        # WSGI joins repeated headers with a comma.
        headers=[[n, flask.request.headers[n]] for n in TRACE_HEADERS if n in flask.request.headers],
        trace_data={
            "sentry-trace": sentry_sdk.get_traceparent(),
            "baggage": sentry_sdk.get_baggage(),
        },
        answer=None if to is None else json.load(urllib.request.urlopen(to, timeout=25)),
    )


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


server = waitress.create_server(app, host="127.0.0.1", port=0, threads=8)
threading.Thread(target=end_with_the_test, daemon=True).start()
print(f"listening on http://127.0.0.1:{server.effective_port}/trace", flush=True)
server.run()
