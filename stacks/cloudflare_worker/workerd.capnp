using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    # "private" and "local" are for services on this machine.
    (name = "internet", network = (
      allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  bindings = [
    (name = "SENTRY_DSN", fromEnvironment = "SENTRY_DSN"),
    (name = "SENTRY_RELEASE", fromEnvironment = "SENTRY_RELEASE"),
    (name = "SENTRY_ENVIRONMENT", fromEnvironment = "SENTRY_ENVIRONMENT"),
    (name = "SENTRY_TRACES_SAMPLE_RATE", fromEnvironment = "SENTRY_TRACES_SAMPLE_RATE"),
    (name = "SENTRY_ORG_ID", fromEnvironment = "SENTRY_ORG_ID"),
    (name = "SENTRY_TRACE_PROPAGATION_TARGETS",
     fromEnvironment = "SENTRY_TRACE_PROPAGATION_TARGETS"),
  ],
);
