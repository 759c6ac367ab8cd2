using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ( name = "app", worker = .app ),
    ( name = "internet", network = ( allow = ["local"] ) ),
  ],
  sockets = [ ( name = "app", address = "127.0.0.1:0", http = (), service = "app" ) ],
);

const app :Workerd.Worker = (
  modules = [ ( name = "app", esModule = embed "cloudflare.js" ) ],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [ ( name = "INTEROP_SETTINGS", fromEnvironment = "INTEROP_SETTINGS" ) ],
);
