package upstream_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

const discovery = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`

// A client that speaks both eras takes the stateless one where it is offered:
// it must only be where no upstream is lost by it.
func TestDiscoverOffersTheEraThatAllSpeak(t *testing.T) {
	t.Parallel()
	stateful, both := mcp.Versions(gate.Stateful), mcp.Versions(gate.NoEra)
	servers := map[string]upstream.Settings{
		"modern":  {URL: httptestURL(t, true)}, // the SDK's stateless server says that it speaks every version
		"legacy":  {URL: httptestURL(t, false)},
		"command": {Command: childCommand("legacy")},
		"purist":  {Command: childCommand("echo")}, // says 2026-07-28 alone
		"down":    {URL: "http://127.0.0.1:1/mcp"},
	}
	for _, tc := range []struct {
		name      string
		upstreams []string
		want      []string
	}{
		{"stateless", []string{"modern"}, both},
		{"stateful over HTTP", []string{"legacy"}, stateful},
		{"stateful commands", []string{"command", "legacy"}, stateful},
		{"all speak the stateful era", []string{"modern", "legacy"}, stateful},
		{"no era in common", []string{"purist", "legacy"}, both},
		{"one is down", []string{"down", "purist"}, both},
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
				SupportedVersions []string         `json:"supportedVersions"`
				Capabilities      *json.RawMessage `json:"capabilities"`
			}
			if err := json.Unmarshal(got[0].Bytes(got[0].Result), &answer); err != nil || answer.Capabilities == nil {
				t.Fatalf("discovery %s: error %v", got[0].Raw, err)
			}
			if diff := cmp.Diff(tc.want, answer.SupportedVersions); diff != "" {
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
	if n := count.Load() - before; n != 0 {
		t.Errorf("%d processes were started", n)
	}
	if st := p.Status()[0]; st.LastError != "" {
		t.Errorf("an upstream that works is said to have failed: %s", st.LastError)
	}
}

// An upstream that died at its start may be one of the other era or not: the
// next requests start nothing for a moment, until it is configured or looked at
// anew, or is another executable.
func TestACrashIsNotRepeatedForEveryRequest(t *testing.T) {
	t.Parallel()
	var count starts
	link := filepath.Join(t.TempDir(), "command")
	if err := os.Symlink("/bin/false", link); err != nil {
		t.Fatal(err)
	}
	set := []upstream.Settings{{Name: "up", Command: []string{link}}}
	p := newPool(t, upstream.Config{Meter: &count, Upstreams: set})
	again := func(what string, want int32) {
		t.Helper()
		before := count.Load()
		for i := range 3 {
			ex := exchange(t, nil, "up", modernCall("echo", `{}`))
			ex.Principal.Subject = fmt.Sprint(what, i)
			_, err := forward(t, p, ex)
			wantCode(t, err, gate.CodeUpstreamEra)
		}
		if n := count.Load() - before; n != want {
			t.Errorf("%s: %d processes were started, want %d", what, n, want)
		}
	}
	again("at first", 1)
	again("then", 0)
	if err := p.Reconfigure(set); err != nil {
		t.Fatal(err)
	}
	again("after a reload", 1)
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/true", link); err != nil {
		t.Fatal(err)
	}
	again("another executable", 1)
}

// An HTTP upstream that said which era it speaks is not asked again at once.
func TestTheOtherEraIsNotAskedOverAndOver(t *testing.T) {
	t.Parallel()
	refuses := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}}`)
	})
	for _, tc := range []struct {
		name     string
		handler  http.Handler
		stateful bool
	}{
		{"stateless to a stateful one", sdkHandler(false), false},
		{"stateful to a stateless one", refuses, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := &seen{Handler: tc.handler}
			p := httpPool(t, h, nil)
			ask := func(who string) {
				t.Helper()
				ex := exchange(t, nil, "up", modernCall("say", `{}`))
				if tc.stateful {
					ex = exchange(t, newSession(who), "up", call("say", `{}`))
				}
				_, err := forward(t, p, ex)
				wantCode(t, err, gate.CodeUpstreamEra)
			}
			ask("first")
			before := h.count(http.MethodPost)
			ask("second")
			ask("third")
			if n := h.count(http.MethodPost) - before; n != 0 {
				t.Errorf("%d requests were sent", n)
			}
			_, _ = p.Observe(t.Context(), "up")
			before = h.count(http.MethodPost)
			ask("fourth")
			if n := h.count(http.MethodPost) - before; tc.stateful && n == 0 {
				t.Error("a look at the upstream did not let it be tried again")
			}
		})
	}
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
		if n := h.count(http.MethodPost); n != want+1 {
			t.Errorf("%d requests were sent, want %d", n, want+1)
		}
	}
}
