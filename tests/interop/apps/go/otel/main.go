// The stock OpenTelemetry SDK behind net/http: speaks W3C's headers and does not know Sentry.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"interop/service"
)

func tracer(sampler sdktrace.Sampler) trace.Tracer {
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler)).Tracer("interop")
}

func main() {
	var settings struct {
		Rate    float64 `json:"rate"`
		Baggage bool    `json:"baggage"`
	}
	service.Settings(&settings)
	propagators := []propagation.TextMapPropagator{propagation.TraceContext{}}
	if settings.Baggage {
		propagators = append(propagators, propagation.Baggage{})
	}
	propagator := propagation.NewCompositeTextMapPropagator(propagators...)
	tracer := tracer(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(settings.Rate)))
	server := trace.WithSpanKind(trace.SpanKindServer)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /trace", func(w http.ResponseWriter, r *http.Request) {
		parent := propagator.Extract(context.Background(), carrier(r.Header))
		ctx, span := tracer.Start(parent, "GET /trace", server)
		defer span.End()
		data := propagation.MapCarrier{}
		propagator.Inject(ctx, data)
		report := service.Report{Headers: service.TraceHeaders(r.Header), TraceData: data}
		var err error
		if to := r.URL.Query().Get("to"); to != "" {
			report.Answer, err = call(ctx, tracer, propagator, to)
		}
		service.Answer(w, report, err)
	})
	mux.HandleFunc("POST /decide", func(w http.ResponseWriter, r *http.Request) {
		answer, err := decide(r, propagator)
		service.Answer(w, answer, err)
	})
	service.Run(mux)
}

// Repeated lines of tracestate are one list, but this carrier returns only the first.
func carrier(header http.Header) propagation.HeaderCarrier {
	joined := header.Clone()
	for _, name := range []string{"Tracestate", "Baggage"} {
		if values := header.Values(name); len(values) > 1 {
			joined.Set(name, strings.Join(values, ","))
		}
	}
	return propagation.HeaderCarrier(joined)
}

func call(ctx context.Context, tracer trace.Tracer, propagator propagation.TextMapPropagator, to string) (json.RawMessage, error) {
	ctx, span := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return nil, err
	}
	propagator.Inject(ctx, propagation.HeaderCarrier(request.Header))
	return service.Call(http.DefaultClient, request)
}

// The samplers' decisions for the sender of each list of headers: `1` or `0`.
func decide(r *http.Request, propagator propagation.TextMapPropagator) (any, error) {
	var question struct {
		Rate     float64       `json:"rate"`
		Requests [][][2]string `json:"requests"`
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		return nil, err
	}
	inherits := tracer(sdktrace.ParentBased(sdktrace.NeverSample()))
	// Go has no composite sampler. This one reads neither `th` nor `rv`.
	decides := tracer(sdktrace.TraceIDRatioBased(question.Rate))
	var inherited, decided strings.Builder
	for _, request := range question.Requests {
		header := http.Header{}
		for _, pair := range request {
			header.Add(pair[0], pair[1])
		}
		parent := propagator.Extract(context.Background(), carrier(header))
		inherited.WriteByte(decision(inherits, parent))
		decided.WriteByte(decision(decides, parent))
	}
	return map[string]string{"inherited": inherited.String(), "decided": decided.String()}, nil
}

func decision(tracer trace.Tracer, parent context.Context) byte {
	_, span := tracer.Start(parent, "GET", trace.WithSpanKind(trace.SpanKindServer))
	if span.SpanContext().IsSampled() {
		return '1'
	}
	return '0'
}
