package interop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.sentry.JsonObjectReader;
import java.io.IOException;
import java.io.StringReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

/** Shared by both services: the JDK's HTTP server and client, and JSON. */
final class Service {
  static final List<String> TRACE_HEADERS =
      List.of("sentry-trace", "baggage", "traceparent", "tracestate");

  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  interface Handler {
    /** The JSON that answers the request. */
    String answer(HttpExchange exchange) throws Exception;
  }

  static HttpServer server() throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 64);
    server.setExecutor(Executors.newCachedThreadPool());
    return server;
  }

  static void handle(HttpServer server, String path, Handler handler) {
    server.createContext(
        path,
        exchange -> {
          int status = 200;
          String body;
          try {
            body = handler.answer(exchange);
          } catch (Exception error) {
            error.printStackTrace();
            status = 500;
            body = error.toString();
          }
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().set("content-type", "application/json");
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  /** Prints its address, and ends when standard input does. */
  static void run(HttpServer server) throws IOException {
    server.start();
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort() + "/trace");
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }

  /** The address in `to`, or null. */
  static String to(HttpExchange exchange) {
    String query = exchange.getRequestURI().getRawQuery();
    for (String pair : query == null ? new String[0] : query.split("&")) {
      if (pair.startsWith("to=")) {
        return URLDecoder.decode(pair.substring(3), StandardCharsets.UTF_8);
      }
    }
    return null;
  }

  static String call(String to, List<String[]> headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(to)).timeout(Duration.ofSeconds(25));
    headers.forEach(header -> request.header(header[0], header[1]));
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
  }

  /** The trace headers that arrived. A repeated header is repeated here. */
  static List<String[]> traceHeaders(HttpExchange exchange) {
    List<String[]> headers = new ArrayList<>();
    for (String name : TRACE_HEADERS) {
      exchange
          .getRequestHeaders()
          .getOrDefault(name, List.of())
          .forEach(value -> headers.add(new String[] {name, value}));
    }
    return headers;
  }

  static String report(List<String[]> headers, List<String[]> traceData, String answer) {
    StringBuilder json = new StringBuilder("{\"headers\":[");
    for (int i = 0; i < headers.size(); i++) {
      json.append(i == 0 ? "[" : ",[").append(quoted(headers.get(i)[0])).append(',');
      json.append(quoted(headers.get(i)[1])).append(']');
    }
    json.append("],\"trace_data\":{");
    for (int i = 0; i < traceData.size(); i++) {
      json.append(i == 0 ? "" : ",").append(quoted(traceData.get(i)[0])).append(':');
      json.append(quoted(traceData.get(i)[1]));
    }
    return json.append("},\"answer\":").append(answer).append('}').toString();
  }

  static String quoted(String text) {
    if (text == null) {
      return "null";
    }
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c < ' ') {
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    return json.append('"').toString();
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> parse(String json) throws IOException {
    try (JsonObjectReader reader = new JsonObjectReader(new StringReader(json))) {
      return (Map<String, Object>) reader.nextObjectOrNull();
    }
  }

  static Map<String, Object> settings() throws IOException {
    return parse(System.getenv("INTEROP_SETTINGS"));
  }
}
