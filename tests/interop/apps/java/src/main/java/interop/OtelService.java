package interop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.extension.incubator.trace.samplers.ComposableSampler;
import io.opentelemetry.sdk.extension.incubator.trace.samplers.CompositeSampler;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The stock opentelemetry-sdk: speaks W3C's headers and does not know Sentry. */
public final class OtelService {
  private static final TextMapGetter<List<String[]>> GETTER =
      new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(List<String[]> headers) {
          return headers.stream().map(header -> header[0]).toList();
        }

        /** Repeated lines are one list. */
        @Override
        public String get(List<String[]> headers, String name) {
          List<String> values =
              headers.stream().filter(h -> h[0].equals(name)).map(h -> h[1]).toList();
          return values.isEmpty() ? null : String.join(",", values);
        }
      };

  private static TextMapPropagator propagator;
  private static Tracer tracer;

  public static void main(String[] args) throws Exception {
    Map<String, Object> settings = Service.settings();
    TextMapPropagator w3c = W3CTraceContextPropagator.getInstance();
    propagator =
        (Boolean) settings.get("baggage")
            ? TextMapPropagator.composite(w3c, W3CBaggagePropagator.getInstance())
            : w3c;
    double rate = ((Number) settings.get("rate")).doubleValue();
    tracer = tracer(ComposableSampler.parentThreshold(ComposableSampler.probability(rate)));
    HttpServer server = Service.server();
    Service.handle(server, "/trace", OtelService::trace);
    Service.handle(server, "/decide", OtelService::decide);
    Service.run(server);
  }

  private static Tracer tracer(ComposableSampler sampler) {
    return SdkTracerProvider.builder()
        .setSampler(CompositeSampler.wrap(sampler))
        .build()
        .get("interop");
  }

  private static String trace(HttpExchange exchange) throws Exception {
    List<String[]> headers = Service.traceHeaders(exchange);
    Context parent = propagator.extract(Context.root(), headers, GETTER);
    Span span = start(tracer, "GET /trace", SpanKind.SERVER, parent);
    Context context = parent.with(span);
    String to = Service.to(exchange);
    String answer = "null";
    if (to != null) {
      Span client = start(tracer, "GET", SpanKind.CLIENT, context);
      answer = Service.call(to, injected(context.with(client)));
      client.end();
    }
    span.end();
    return Service.report(headers, injected(context), answer);
  }

  private static List<String[]> injected(Context context) {
    List<String[]> headers = new ArrayList<>();
    propagator.inject(context, headers, (all, name, value) -> all.add(new String[] {name, value}));
    return headers;
  }

  private static Span start(Tracer tracer, String name, SpanKind kind, Context parent) {
    return tracer.spanBuilder(name).setSpanKind(kind).setParent(parent).startSpan();
  }

  /** The samplers' decisions for the sender of each list of headers: `1` or `0`. */
  @SuppressWarnings("unchecked")
  private static String decide(HttpExchange exchange) throws Exception {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    Map<String, Object> question = Service.parse(body);
    double rate = ((Number) question.get("rate")).doubleValue();
    Tracer inherits = tracer(ComposableSampler.parentThreshold(ComposableSampler.alwaysOff()));
    Tracer decides = tracer(ComposableSampler.probability(rate));
    StringBuilder inherited = new StringBuilder();
    StringBuilder decided = new StringBuilder();
    for (Object request : (List<Object>) question.get("requests")) {
      List<String[]> headers = new ArrayList<>();
      for (Object header : (List<Object>) request) {
        headers.add(((List<String>) header).toArray(new String[0]));
      }
      Context parent = propagator.extract(Context.root(), headers, GETTER);
      inherited.append(decision(inherits, parent));
      decided.append(decision(decides, parent));
    }
    return "{\"inherited\":\"" + inherited + "\",\"decided\":\"" + decided + "\"}";
  }

  private static char decision(Tracer tracer, Context parent) {
    Span span = start(tracer, "GET", SpanKind.SERVER, parent);
    return span.getSpanContext().isSampled() ? '1' : '0';
  }
}
