package interop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.sentry.BaggageHeader;
import io.sentry.ISentryLifecycleToken;
import io.sentry.ISpan;
import io.sentry.ITransaction;
import io.sentry.Sentry;
import io.sentry.SentryTraceHeader;
import io.sentry.TransactionContext;
import io.sentry.TransactionOptions;
import io.sentry.util.TracingUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * io.sentry:sentry behind the JDK's server, used as its Spring filter uses it: reports the trace
 * it continued or started, and calls the address in `to`.
 */
public final class SentryService {
  public static void main(String[] args) throws Exception {
    Map<String, Object> settings = Service.settings();
    Sentry.init(
        options -> {
          options.setDsn((String) settings.get("dsn"));
          options.setRelease((String) settings.get("release"));
          options.setEnvironment((String) settings.get("environment"));
          if (settings.get("rate") instanceof Number rate) {
            options.setTracesSampleRate(rate.doubleValue());
          }
          options.setOrgId((String) settings.get("org_id"));
          options.setStrictTraceContinuation((Boolean) settings.get("strict"));
          options.setEnableExternalConfiguration(false);
          options.setSendClientReports(false);
          options.setMaxQueueSize(10000);
        });
    HttpServer server = Service.server();
    Service.handle(server, "/trace", SentryService::trace);
    Service.run(server);
  }

  private static String trace(HttpExchange exchange) throws Exception {
    try (ISentryLifecycleToken ignored = Sentry.forkedScopes("http").makeCurrent()) {
      // Null if tracing is not enabled.
      TransactionContext context =
          Sentry.continueTrace(
              exchange.getRequestHeaders().getFirst("sentry-trace"),
              exchange.getRequestHeaders().get("baggage"));
      ITransaction transaction = null;
      if (context != null) {
        context.setName("GET /trace");
        context.setOperation("http.server");
        TransactionOptions options = new TransactionOptions();
        options.setBindToScope(true);
        transaction = Sentry.startTransaction(context, options);
      }
      try {
        Sentry.captureMessage("interop");
        SentryTraceHeader trace = Sentry.getTraceparent();
        BaggageHeader baggage = Sentry.getBaggage();
        List<String[]> traceData = new ArrayList<>();
        traceData.add(header("sentry-trace", trace == null ? null : trace.getValue()));
        traceData.add(header("baggage", baggage == null ? null : baggage.getValue()));
        String to = Service.to(exchange);
        String answer = to == null ? "null" : call(to);
        return Service.report(Service.traceHeaders(exchange), traceData, answer);
      } finally {
        if (transaction != null) {
          transaction.finish();
        }
      }
    }
  }

  /** Does what the SDK's HTTP client integrations do. */
  private static String call(String to) throws Exception {
    ISpan active = Sentry.getSpan();
    ISpan span = active == null ? null : active.startChild("http.client", "GET");
    try {
      List<String[]> headers = new ArrayList<>();
      TracingUtils.TracingHeaders tracing =
          TracingUtils.traceIfAllowed(Sentry.getCurrentScopes(), to, null, span);
      if (tracing != null) {
        headers.add(header("sentry-trace", tracing.getSentryTraceHeader().getValue()));
        if (tracing.getBaggageHeader() != null) {
          headers.add(header("baggage", tracing.getBaggageHeader().getValue()));
        }
      }
      return Service.call(to, headers);
    } finally {
      if (span != null) {
        span.finish();
      }
    }
  }

  private static String[] header(String name, String value) {
    return new String[] {name, value};
  }
}
