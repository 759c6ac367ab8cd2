// sentry-go behind net/http, with its own handler and its own round tripper: reports the trace it
// continued or started, and calls the address in `to`.
package main

import (
	"net/http"
	"strconv"

	"github.com/getsentry/sentry-go"
	sentryhttp "github.com/getsentry/sentry-go/http"
	sentryhttpclient "github.com/getsentry/sentry-go/httpclient"

	"interop/service"
)

func main() {
	var settings struct {
		DSN         string   `json:"dsn"`
		Release     string   `json:"release"`
		Environment string   `json:"environment"`
		Rate        *float64 `json:"rate"`
		OrgID       *string  `json:"org_id"`
		Strict      bool     `json:"strict"`
	}
	service.Settings(&settings)
	options := sentry.ClientOptions{
		Dsn:                     settings.DSN,
		Release:                 settings.Release,
		Environment:             settings.Environment,
		StrictTraceContinuation: settings.Strict,
		DisableClientReports:    true,
	}
	if settings.Rate != nil {
		options.EnableTracing = true
		options.TracesSampleRate = *settings.Rate
	}
	if settings.OrgID != nil {
		id, err := strconv.ParseUint(*settings.OrgID, 10, 64)
		if err != nil {
			panic(err)
		}
		options.OrgID = id
	}
	if err := sentry.Init(options); err != nil {
		panic(err)
	}
	client := &http.Client{Transport: sentryhttpclient.NewSentryRoundTripper(nil)}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /trace", func(w http.ResponseWriter, r *http.Request) {
		hub := sentry.GetHubFromContext(r.Context())
		hub.CaptureMessage("interop")
		span := sentry.SpanFromContext(r.Context())
		report := service.Report{
			Headers: service.TraceHeaders(r.Header),
			TraceData: map[string]string{
				"sentry-trace": span.ToSentryTrace(),
				"baggage":      span.ToBaggage(),
			},
		}
		var err error
		if to := r.URL.Query().Get("to"); to != "" {
			var request *http.Request
			request, err = http.NewRequestWithContext(r.Context(), http.MethodGet, to, nil)
			if err == nil {
				report.Answer, err = service.Call(client, request)
			}
		}
		service.Answer(w, report, err)
	})
	service.Run(sentryhttp.New(sentryhttp.Options{}).Handle(mux))
}
