package remote_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/gate"
)

func said(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, text)
	}
}

// Answers that are none: of two texts, each with two dimensions.
func TestAnswersThatAreNone(t *testing.T) {
	two := func(a, b string) string {
		return `{"data": [{"index": 0, "embedding": ` + a + `}, {"index": 1, "embedding": ` + b + `}]}`
	}
	gem := func(a, b string) string { return `{"embeddings": [{"values": ` + a + `}, {"values": ` + b + `}]}` }
	for _, tc := range []struct {
		name, openai, gemini, want string
		mismatch                   bool
	}{
		{name: "no JSON", openai: "<html>", gemini: "<html>", want: "is not of the API that is configured"},
		{name: "nothing", want: "is not of the API that is configured"},
		{name: "another API", openai: `{"embeddings": [[1, 0], [0, 1]]}`, gemini: `{"data": []}`, want: "2 texts with 0 vectors"},
		{name: "too few", openai: `{"data": [{"index": 0, "embedding": [1, 0]}]}`, gemini: `{"embeddings": [{"values": [1, 0]}]}`, want: "2 texts with 1 vectors"},
		{name: "an index twice", openai: `{"data": [{"index": 1, "embedding": [1, 0]}, {"index": 1, "embedding": [1, 0]}]}`, want: "which text each is of"},
		{name: "no index", openai: `{"data": [{"embedding": [1, 0]}, {"embedding": [1, 0]}]}`, want: "which text each is of"},
		{name: "an index of no text", openai: `{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 2, "embedding": [1, 0]}]}`, want: "which text each is of"},
		{name: "a negative index", openai: `{"data": [{"index": -1, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 0]}]}`, want: "which text each is of"},
		{name: "a member twice", openai: `{"data": [], "data": []}`, gemini: `{"embeddings": [], "embeddings": []}`, want: "is not of the API that is configured"},
		{name: "longer vectors", openai: two("[1, 0, 0]", "[0, 1, 0]"), gemini: gem("[1, 0, 0]", "[0, 1, 0]"), want: "answers with vectors of 3", mismatch: true},
		{name: "a shorter vector", openai: two("[1, 0]", "[1]"), gemini: gem("[1, 0]", "[1]"), want: "answers with vectors of 1", mismatch: true},
		{name: "an empty vector", openai: two("[1, 0]", "[]"), gemini: gem("[1, 0]", "[]"), want: "answers with vectors of 0", mismatch: true},
		{name: "zero", openai: two("[1, 0]", "[0, 0]"), gemini: gem("[1, 0]", "[0, 0]"), want: "text 2 of 2 is zero"},
		{name: "next to zero", openai: two("[1, 0]", "[1e-300, 0]"), gemini: gem("[1, 0]", "[1e-300, 0]"), want: "text 2 of 2 is zero"},
		{name: "NaN", openai: two("[1, 0]", "[NaN, 0]"), gemini: gem("[1, 0]", "[NaN, 0]"), want: "a number that is none"},
		{name: "infinite", openai: two("[1, 0]", "[1e999, 0]"), gemini: gem("[1, 0]", "[1e999, 0]"), want: "number"},
		{name: "too large", openai: two("[1, 0]", "[1e200, 0]"), gemini: gem("[1, 0]", "[1e200, 0]"), want: "text 2 of 2 holds a number that is none"},
		{name: "null", openai: two("[1, 0]", "null"), want: "text 2 of 2 is no list of numbers"},
		{name: "null of Google's", openai: two("[1, 0]", "[]"), gemini: gem("[1, 0]", "null"), want: "answers with vectors of 0", mismatch: true},
		{name: "words", openai: two("[1, 0]", `["a", "b"]`), gemini: gem("[1, 0]", `["a", "b"]`), want: ""},
		{name: "base64 that is none", openai: two("[1, 0]", `"!!"`), want: "text 2 of 2 is no base64"},
		{name: "base64 cut off", openai: two("[1, 0]", `"AAAA"`), want: "text 2 of 2 is no base64"},
		{name: "base64 of NaN", openai: two("[1, 0]", `"AADAfwAAAAA="`), want: "text 2 of 2 holds a number that is none"},
		{name: "what follows", openai: two("[1, 0]", "[0, 1]") + "{}", gemini: gem("[1, 0]", "[0, 1]") + "{}", want: "is not of the API that is configured"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			texts := docs.Texts{All: []string{"one", "two"}, Key: gate.NewSecret("k")}
			check := func(e docs.Embedder) {
				v, err := e.Embed(t.Context(), texts)
				var mismatch *docs.MismatchError
				if err == nil || v != nil || !strings.Contains(err.Error(), tc.want) || errors.As(err, &mismatch) != tc.mismatch {
					t.Errorf("%s: %v, %v", e.Model().Kind, v, err)
				}
			}
			check(openAI(t, remote.OpenAISettings{Place: place(t, said(tc.openai)), Model: "m", Dimensions: 2}))
			if tc.gemini != "" {
				check(gemini(t, remote.GeminiSettings{Place: place(t, said(tc.gemini)), Model: "m", Dimensions: 2}))
			}
		})
	}
}

// An embedder that has too much to do says when to come back, in each of four ways.
func TestLater(t *testing.T) {
	for _, tc := range []struct {
		name, header, body string
		status             int
		want               time.Duration // -1: it is no matter of time
	}{
		{name: "seconds", status: 429, header: "17", want: 17 * time.Second},
		{name: "a date", status: 503, header: time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat), want: 30 * time.Minute},
		{name: "a date of before", status: 503, header: "Mon, 01 Jan 2024 00:00:00 GMT"},
		{name: "Google's", status: 429, body: `{"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}]}}`, want: 17 * time.Second},
		{name: "nothing", status: 429},
		{name: "nonsense", status: 429, header: "soon"},
		{name: "for ever", status: 429, header: "4294967295", want: time.Hour},
		{name: "nothing left to spend", status: 429, body: `{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}`, want: -1},
		{name: "a wrong request", status: 400, header: "17", want: -1},
		{name: "a fault", status: 500, header: "17", want: -1},
		{name: "elsewhere", status: 302, header: "17", want: -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := openAI(t, remote.OpenAISettings{Place: place(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				if tc.header != "" {
					w.Header().Set("Retry-After", tc.header)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})})
			_, err := e.Embed(t.Context(), docs.Texts{All: []string{"a"}})
			var later *docs.LaterError
			if err == nil || errors.As(err, &later) != (tc.want >= 0) || !strings.Contains(err.Error(), fmt.Sprint(tc.status)) {
				t.Fatal(err)
			}
			if later != nil && math.Abs((later.After-tc.want).Seconds()) > 60 && tc.want != 17*time.Second || later != nil && tc.want == 17*time.Second && later.After != tc.want {
				t.Errorf("it waits %v, want %v", later.After, tc.want)
			}
		})
	}
}

// Whatever an embedder says, and in which form, no error has a part of the key in it.
func TestNoErrorQuotesAKey(t *testing.T) {
	const key = "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"
	for name, h := range map[string]http.HandlerFunc{
		"plain": func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "API key "+key+" not valid") },
		"in part": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 401, "Incorrect API key: "+key[:8]+"***"+key[30:])
		},
		"as a string": func(w http.ResponseWriter, _ *http.Request) { answer(w, 403, map[string]string{"error": "no " + key}) },
		"as a message": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 500, map[string]string{"message": "no " + key})
		},
		"hidden": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 400, strings.Join(strings.Split(key, ""), "\u200b"))
		},
		"encoded":      func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, fmt.Sprintf("%x", key)) },
		"a redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/?key="+key, http.StatusFound) },
		"no HTTP":      hijacked("HTTP/1.1 " + key + "\r\n\r\n"),
		"no header":    hijacked("HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n"),
		"no JSON":      said(key),
		"a wrong type": said(`{"embedding": "` + key + `"}`),
		"an encoding":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", key) },
	} {
		t.Run(name, func(t *testing.T) {
			e := gemini(t, remote.GeminiSettings{Place: place(t, h)})
			_, err := e.Embed(t.Context(), docs.Texts{All: []string{"a"}, Key: gate.NewSecret(key)})
			if err == nil {
				t.Fatal("it was answered")
			}
			hex := fmt.Sprintf("%x", key)
			for i := range len(key) - 4 {
				if strings.Contains(err.Error(), key[i:i+4]) || strings.Contains(err.Error(), hex[i:i+8]) {
					t.Fatalf("a part of the key is in %q", err)
				}
			}
		})
	}
}

// hijacked answers with bytes that are not HTTP's.
func hijacked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, text)
	}
}

// What a message says is kept, on one line and within bounds.
func TestMessages(t *testing.T) {
	for message, want := range map[string]string{
		"model \"x\" not found, try pulling it first": "the embedder answered 404: model \"x\" not found, try pulling it first",
		"a\r\nb\x1b[31m\u202ec":                       "the embedder answered 404: a  b[31mc",
		strings.Repeat("é", 400):                      "the embedder answered 404: " + strings.Repeat("é", 150) + "…",
		"":                                            "the embedder answered 404",
	} {
		e := openAI(t, remote.OpenAISettings{Place: place(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, message) })})
		if _, err := e.Embed(t.Context(), docs.Texts{All: []string{"a"}}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", message, err)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 4<<20))
	_ = z.Close()
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"a bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, "is encoded"},
		"an answer without an end": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<10)); err != nil {
					return
				}
			}
		}, "is longer than"},
		"an error without an end": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			for {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<10)); err != nil {
					return
				}
			}
		}, "answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			e := openAI(t, remote.OpenAISettings{Place: place(t, tc.h)})
			if _, err := e.Embed(t.Context(), docs.Texts{All: []string{"a"}}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }() // it listens, and says nothing
		e, err := remote.NewOpenAI(remote.OpenAISettings{Model: "m", Dimensions: 1, Place: remote.Place{
			URL: "https://embed.example/v1", Dial: func(context.Context, string, string) (net.Conn, error) { return here, nil },
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Embed(t.Context(), docs.Texts{All: []string{"a"}})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 30s") {
			t.Errorf("after its time: %v", err)
		}
		if err := errors.Join(e.Close(), here.Close(), there.Close()); err != nil {
			t.Error(err)
		}
	})
	at := place(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client has gone
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	at.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		defer cancel()
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if _, err := openAI(t, remote.OpenAISettings{Place: at}).Embed(ctx, docs.Texts{All: []string{"a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// In the clear there is this machine alone, whatever localhost is said to be; elsewhere the
// certificate is held against the roots.
func TestConnections(t *testing.T) {
	s := &standIn{t: t, length: 1, native: 8}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(s.openAI))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report the client that does not trust it
	srv.StartTLS()
	t.Cleanup(srv.Close)
	at := remote.Place{URL: srv.URL + "/v1", Dial: new(net.Dialer).DialContext}
	texts := docs.Texts{All: []string{"a"}}
	if _, err := openAI(t, remote.OpenAISettings{Place: at}).Embed(t.Context(), texts); err == nil || !strings.Contains(err.Error(), "is not one to trust") {
		t.Errorf("an unknown certificate: %v", err)
	}
	at.Roots = x509.NewCertPool()
	at.Roots.AddCert(srv.Certificate())
	if v, err := openAI(t, remote.OpenAISettings{Place: at}).Embed(t.Context(), texts); err != nil || s.like(v, "a") != nil {
		t.Errorf("over TLS: %v, %v", v, err)
	}
	for _, a := range s.asked() {
		if a.path != "/v1/embeddings" {
			t.Errorf("asked %+v", a)
		}
	}
	at.URL, at.Dial = "http://localhost:1/v1", func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		t.Cleanup(func() { there.Close() })
		return here, nil
	}
	if _, err := openAI(t, remote.OpenAISettings{Place: at}).Embed(t.Context(), texts); err == nil || !strings.Contains(err.Error(), "leads to another machine") {
		t.Errorf("localhost elsewhere: %v", err)
	}
	at.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("an address where nothing is sent")}
	}
	if _, err := openAI(t, remote.OpenAISettings{Place: at}).Embed(t.Context(), texts); err == nil || !strings.Contains(err.Error(), "an address where nothing is sent") {
		t.Errorf("an address that is refused: %v", err)
	}
}

func TestWrongSettings(t *testing.T) {
	good := remote.Place{URL: "https://embed.example/v1", Dial: new(net.Dialer).DialContext}
	for want, change := range map[string]func(*remote.OpenAISettings){
		"must be absolute":          func(s *remote.OpenAISettings) { s.URL = "embed.example/v1" },
		"without a user name":       func(s *remote.OpenAISettings) { s.URL = "https://a:b@embed.example/v1" },
		"a query and a fragment":    func(s *remote.OpenAISettings) { s.URL = "https://embed.example/v1?key=a" },
		"must be https":             func(s *remote.OpenAISettings) { s.URL = "http://embed.example/v1" },
		"for this machine alone":    func(s *remote.OpenAISettings) { s.URL = "http://10.0.0.1/v1" },
		"nothing opens connections": func(s *remote.OpenAISettings) { s.Dial = nil },
		"a model is required":       func(s *remote.OpenAISettings) { s.Model = "" },
		"dimensions are required":   func(s *remote.OpenAISettings) { s.Dimensions = 0 },
		"1 to 8192":                 func(s *remote.OpenAISettings) { s.Dimensions = 8193 },
	} {
		s := remote.OpenAISettings{Place: good, Model: "m", Dimensions: 384}
		change(&s)
		if _, err := remote.NewOpenAI(s); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "the embedder openai: ") || strings.Contains(err.Error(), "embed.example") {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, s := range map[string]remote.GeminiSettings{
		"has letters, digits":  {Place: good, Model: "m/../n:x", Dimensions: 384},
		"a model is required":  {Place: good, Dimensions: 384},
		"dimensions are requi": {Place: good, Model: "m"},
	} {
		if _, err := remote.NewGemini(s); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "the embedder gemini: ") {
			t.Errorf("%s: %v", want, err)
		}
	}
	good.URL = ""
	if _, err := remote.NewGemini(remote.GeminiSettings{Place: good, Model: "gemini-embedding-001", Dimensions: 768}); err != nil {
		t.Errorf("Google's own place: %v", err)
	}
}
