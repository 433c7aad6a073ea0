package issuer_test

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// failures are ways in which a server fails to send body, which is good.
func failures(body func(...any) string) map[string]http.HandlerFunc {
	const js = "application/json"
	ways := map[string]http.HandlerFunc{
		"small gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", js)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, body())
			_ = z.Close()
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) { endless(w) },
		"slow":    func(w http.ResponseWriter, _ *http.Request) { slow(w, body()) },
		"hang":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"reset":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, status := range map[string]int{"201": 201, "204": 204, "206": 206, "304": 304, "400": 400, "401": 401, "404": 404, "429": 429, "500": 500, "503": 503} {
		ways[name] = func(w http.ResponseWriter, _ *http.Request) { reply(w, status, js, body()) }
	}
	for name, kind := range map[string]string{
		"HTML": "text/html", "text": "text/plain", "JWT": "application/jwt", "problem": "application/problem+json", "JSON of text": "text/json",
		"form": "application/x-www-form-urlencoded", "type without end": "application/json; charset", "stream": "text/event-stream",
	} {
		ways[name] = func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, kind, body()) }
	}
	for name, more := range map[string]http.Header{
		"no type": {"Content-Type": nil}, "two types": {"Content-Type": {js, "text/html"}}, "two types, other way": {"Content-Type": {"text/html", js}},
		"gzip": {"Content-Encoding": {"gzip"}}, "identity": {"Content-Encoding": {"identity"}}, "br": {"Content-Encoding": {"br"}},
		"cut off": {"Content-Length": {"10000"}}, "large header": {"X-A": {strings.Repeat("a", 100<<10)}},
	} {
		ways[name] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", js)
			maps.Copy(w.Header(), more)
			reply(w, 200, "", body())
		}
	}
	for name, to := range map[string]string{
		"to a sink": "http://sink.test/", "to https": "https://sink.test/", "to itself": "/elsewhere", "to another port": "http://127.0.0.1:81/", "with user": "http://u:p@127.0.0.1/elsewhere",
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			ways[http.StatusText(status)+" "+name] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				reply(w, status, js, body())
			}
		}
	}
	return ways
}

func reply(w http.ResponseWriter, status int, kind, body string) {
	if kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	for {
		if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
			return
		}
	}
}

// slow sends a byte each second.
func slow(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	for i := range body {
		if _, err := io.WriteString(w, body[i:i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		time.Sleep(time.Second)
	}
}
