package upstream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

const discovery = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`

// A client may choose either era, whatever its upstreams speak: what they do not
// is translated.
func TestDiscoverOffersEveryVersion(t *testing.T) {
	t.Parallel()
	servers := map[string]upstream.Settings{
		"modern":  {URL: httptestURL(t, true)},
		"legacy":  {URL: httptestURL(t, false)},
		"command": {Command: childCommand("legacy")},
		"down":    {URL: "http://127.0.0.1:1/mcp"},
	}
	for _, tc := range []struct {
		name      string
		upstreams []string
		want      string
	}{
		{"stateless", []string{"modern"}, `"tools"`},
		{"stateful over HTTP", []string{"legacy"}, `"tools"`},
		{"stateful commands", []string{"command", "legacy"}, `"tools"`},
		{"one is down", []string{"down", "legacy"}, `"tools"`},
		{"all are down", []string{"down"}, `"listChanged":true`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var cfg upstream.Config
			for _, name := range slices.Sorted(maps.Keys(servers)) {
				set := servers[name]
				set.Name, set.Timeout = name, 10*time.Second
				cfg.Upstreams = append(cfg.Upstreams, set)
			}
			p := newPool(t, cfg)
			ex := exchange(t, nil, "", discovery)
			ex.Target.Upstreams, ex.Target.Plain = tc.upstreams, len(tc.upstreams) == 1
			got, err := forward(t, p, ex)
			if err != nil || len(got) != 1 {
				t.Fatalf("discovery: %v, error %v", got, err)
			}
			var answer struct {
				SupportedVersions []string        `json:"supportedVersions"`
				Capabilities      json.RawMessage `json:"capabilities"`
			}
			if err := json.Unmarshal(got[0].Bytes(got[0].Result), &answer); err != nil || !strings.Contains(string(answer.Capabilities), tc.want) {
				t.Fatalf("discovery %s: error %v", got[0].Raw, err)
			}
			if diff := cmp.Diff(mcp.Versions(gate.NoEra), answer.SupportedVersions); diff != "" {
				t.Errorf("supported versions (-want +got):\n%s", diff)
			}
		})
	}
}

func httptestURL(t *testing.T, stateless bool) string {
	t.Helper()
	srv := httptest.NewServer(sdkHandler(stateless))
	t.Cleanup(srv.Close)
	return srv.URL
}

// starts counts child processes.
type starts struct{ atomic.Int32 }

func (s *starts) Count(_, what string) {
	if what == "child_start" {
		s.Add(1)
	}
}

// What one look has shown is not asked of a new process for every client.
func TestDiscoverStartsNothingForAKnownEra(t *testing.T) {
	t.Parallel()
	var count starts
	p := newPool(t, upstream.Config{Meter: &count, Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("legacy")}}})
	if _, err := p.Observe(t.Context(), "up"); err != nil {
		t.Fatal(err)
	}
	before := count.Load()
	for range 3 {
		if _, err := forward(t, p, exchange(t, nil, "up", discovery)); err != nil {
			t.Fatal(err)
		}
	}
	if n := count.Load() - before; n != 1 { // the principal's own, of the era that it speaks
		t.Errorf("%d processes were started, want 1", n)
	}
	if st := p.Status()[0]; st.LastError != "" {
		t.Errorf("an upstream that works is said to have failed: %s", st.LastError)
	}
}

// An upstream that dies at its start is tried in each era, and then not again for
// a moment, whoever asks (security case RES-02), until it is configured anew.
func TestRES02_ACrashIsNotRepeatedForEveryRequest(t *testing.T) {
	t.Parallel()
	var count starts
	set := []upstream.Settings{{Name: "up", Command: []string{"/bin/false"}}}
	p := newPool(t, upstream.Config{Meter: &count, Upstreams: set})
	again := func(what string, want int32) {
		t.Helper()
		before := count.Load()
		for i := range 3 {
			ex := exchange(t, nil, "up", modernCall("echo", `{}`))
			ex.Principal.Subject = fmt.Sprint(what, i)
			_, err := forward(t, p, ex)
			wantCode(t, err, gate.CodeUpstreamDown)
		}
		if n := count.Load() - before; n != want {
			t.Errorf("%s: %d processes were started, want %d", what, n, want)
		}
	}
	again("at first", 2)
	if _, err := p.Reconfigure(set); err != nil {
		t.Fatal(err)
	}
	again("after a reload", 2)
}

// An HTTP upstream that said which era it speaks is not asked for the other again
// at once.
func TestTheOtherEraIsNotAskedOverAndOver(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		handler  http.Handler
		stateful bool   // the client
		probe    string // what asks for the client's era
	}{
		{"stateless to a stateful one", sdkHandler(false), false, "server/discover"},
		{"stateful to a stateless one", statelessOnly(sdkHandler(true)), true, "initialize"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			probes := &probed{Handler: tc.handler, method: tc.probe}
			p := httpPool(t, probes, nil)
			ask := func(who string) {
				t.Helper()
				ex := exchange(t, nil, "up", modernCall("say", `{"text":"hello"}`))
				ex.Principal.Subject = who
				if tc.stateful {
					ex = exchange(t, newSession(who), "up", call("say", `{"text":"hello"}`))
				}
				if got, err := forward(t, p, ex); err != nil || !bytes.Contains(got[len(got)-1].Raw, []byte("hello")) {
					t.Fatalf("call: %v, error %v", got, err)
				}
			}
			ask("first")
			ask("second")
			ask("third")
			if n := probes.n.Load(); n != 1 {
				t.Errorf("%s was asked %d times, want once", tc.probe, n)
			}
		})
	}
}

// probed counts the requests of a method.
type probed struct {
	http.Handler
	method string
	n      atomic.Int32
}

func (h *probed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	if bytes.Contains(raw, []byte(`"method":"`+h.method+`"`)) {
		h.n.Add(1)
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	h.Handler.ServeHTTP(w, r)
}

// statelessOnly is a server that has no handshake and says so.
func statelessOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if r.Header.Get("MCP-Protocol-Version") < "2026-07-28" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}}`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		h.ServeHTTP(w, r)
	})
}

// A handshake that only one client's words may have spoilt says nothing about
// the upstream.
func TestOneClientTeachesOthersNoEra(t *testing.T) {
	t.Parallel()
	h := &seen{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })}
	p := httpPool(t, h, nil)
	for want := range 3 {
		_, err := forward(t, p, exchange(t, newSession(fmt.Sprint(want)), "up", call("say", `{}`)))
		wantCode(t, err, gate.CodeUpstreamEra)
		// Each session asks for itself; server/discover was asked once, and once more.
		if n := h.count(http.MethodPost); n < want+2 || n > want+3 {
			t.Errorf("%d requests were sent for %d sessions", n, want+1)
		}
	}
}
