// Package service has the code that both services share: where they listen, and what they answer.
package service

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

var traceHeaders = []string{"sentry-trace", "baggage", "traceparent", "tracestate"}

// Report is the answer of every service under test.
type Report struct {
	Headers   [][2]string       `json:"headers"`
	TraceData map[string]string `json:"trace_data"`
	Answer    json.RawMessage   `json:"answer"`
}

// Settings come from the test.
func Settings(into any) {
	if err := json.Unmarshal([]byte(os.Getenv("INTEROP_SETTINGS")), into); err != nil {
		panic(err)
	}
}

// TraceHeaders are those that arrived. A repeated header is repeated here.
func TraceHeaders(header http.Header) [][2]string {
	headers := [][2]string{}
	for _, name := range traceHeaders {
		for _, value := range header.Values(name) {
			headers = append(headers, [2]string{name, value})
		}
	}
	return headers
}

// Call sends a request to the address and returns its JSON.
func Call(client *http.Client, request *http.Request) (json.RawMessage, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// Answer writes the answer or the error.
func Answer(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("content-type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Run prints its address, and ends when standard input does.
func Run(handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on http://%s/trace\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	panic(http.Serve(listener, handler))
}
