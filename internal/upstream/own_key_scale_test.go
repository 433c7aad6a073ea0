package upstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// keyServer speaks both eras and holds each call to the key that its arguments
// name. What the arguments say besides is how it misbehaves.
type keyServer struct {
	wrong, calls atomic.Int64
}

func (s *keyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m said
	key := r.Header.Get("X-Api-Key")
	_ = json.NewDecoder(r.Body).Decode(&m)
	if m.Method != "tools/call" && key != "" {
		s.wrong.Add(1)
	}
	w.Header().Set("Content-Type", "application/json")
	switch m.Method {
	case "initialize":
		fmt.Fprint(w, m.result(`{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"keys","version":"1"}}`))
	case "server/discover":
		fmt.Fprint(w, m.result(`{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`))
	case "tools/call":
		s.calls.Add(1)
		if !strings.Contains(string(m.Params.Arguments), `"`+strings.TrimPrefix(key, "canary-key-of-")+`"`) {
			s.wrong.Add(1)
		}
		s.call(w, &m, key)
	default:
		w.WriteHeader(map[bool]int{true: http.StatusAccepted, false: http.StatusMethodNotAllowed}[r.Method == http.MethodPost])
	}
}

func (s *keyServer) call(w http.ResponseWriter, m *said, key string) {
	switch m.Params.Name {
	case "unauthorized":
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusUnauthorized)
	case "broken":
		w.WriteHeader(http.StatusBadGateway)
	case "odd":
		w.Header().Set("Content-Type", "text/"+key)
	case "garbage":
		fmt.Fprintf(w, `{"%s":1,"%s":2}`, key, key)
	default:
		fmt.Fprint(w, m.result(fmt.Sprintf(`{"content":[],"canary":%s}`, m.Params.Arguments)))
		return
	}
	fmt.Fprint(w, key)
}

// witness gathers what a pool logs and puts on record, and its errors.
type witness struct {
	log lockedBuffer
}

func (w *witness) config(c *upstream.Config) {
	c.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Events = func(_ context.Context, e gate.Event) error {
		_, err := fmt.Fprintf(&w.log, "%+v\n", e)
		return err
	}
}

func (w *witness) fault(err error) {
	fault := &gate.Error{}
	asFault(err, &fault)
	_, _ = fmt.Fprintf(&w.log, "%v %+v %s\n", err, err, fault.Public)
}

// clean tells where a key was told, or is left.
func (w *witness) clean(t *testing.T, p *upstream.Pool) {
	t.Helper()
	_, _ = fmt.Fprintf(&w.log, "%+v %#v\n", p.Status(), p.Status())
	if text := w.log.String(); len(text) < 1000 || strings.Contains(text, "canary-key") {
		at := strings.Index(text, "canary-key")
		t.Errorf("told, in %d bytes: %.300s", len(text), text[max(at-150, 0):])
	}
	if found := left(t, p, "canary-key"); len(found) != 0 {
		t.Errorf("keys are left in %q", found)
	}
}

// perCaller is how many calls each caller makes: UPSTREAM_CALLS of them (625 for the whole
// of it), or as many as usual.
func perCaller(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("UPSTREAM_CALLS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("UPSTREAM_CALLS = %q", text)
	}
	return n
}

// I9, TEN-05, A19: two principals with two keys call by turns, in both eras, well and
// badly; every call goes with its caller's key, and nothing is left of either.
func TestOwnKey_TwoPrincipalsAtScale(t *testing.T) {
	t.Parallel()
	const callers = 16
	each := perCaller(t, 100)
	s, w := &keyServer{}, &witness{}
	p := httpPool(t, s, func(c *upstream.Config) {
		w.config(c)
		c.Upstreams[0].Credential = upstream.Credential{Header: "X-Api-Key", Request: keyHeader}
	})
	var wg sync.WaitGroup
	var sent, good atomic.Int64
	for i := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for n := range each {
				who := []string{"alice", "bob"}[(i+n)%2]
				tool := []string{"echo", "echo", "echo", "echo", "echo", "unauthorized", "broken", "odd", "garbage", "keyless"}[r.IntN(10)]
				args := fmt.Sprintf(`{"n":"%s-%d-%d","who":%q}`, who, i, n, who)
				ex := exchange(t, newSession(who), "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":"%d-%d","method":"tools/call","params":{"name":%q,"arguments":%s}}`, i, n, tool, args))
				if r.IntN(2) == 0 {
					ex = exchange(t, nil, "up", modernCall(tool, args))
				}
				ex.Principal.Subject = who
				if tool != "keyless" {
					sent.Add(1)
					ex.Inbound.Keys = map[string]gate.Secret{keyHeader: gate.NewSecret("canary-key-of-" + who)}
				}
				got, err := forward(t, p, ex)
				w.fault(err)
				switch {
				case tool == "keyless":
					if gate.CodeOf(err) != gate.CodeRequestKey {
						t.Errorf("call %d of %d: %v", n, i, err)
					}
				case tool != "echo":
					if err == nil {
						t.Errorf("call %d of %d: %s ended well", n, i, tool)
					}
				case err != nil || len(got) != 1 || !strings.Contains(string(got[0].Raw), args):
					t.Errorf("call %d of %d: %v, error %v", n, i, got, err)
				default:
					good.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if s.wrong.Load() != 0 || s.calls.Load() != sent.Load() || good.Load() < int64(callers*each/3) {
		t.Errorf("%d requests had another's key; %d calls were sent and %d arrived; %d went well", s.wrong.Load(), sent.Load(), s.calls.Load(), good.Load())
	}
	w.clean(t, p)
}

// The same with a process for each call.
func TestPerCall_TwoPrincipalsAtScale(t *testing.T) {
	t.Parallel()
	const callers = 8
	each := perCaller(t, 10)
	w := &witness{}
	p, c := perCall(t, "who", func(c *upstream.Config) { w.config(c); c.Upstreams[0].Timeout = time.Minute })
	var wg sync.WaitGroup
	pids := sync.Map{}
	for i := range callers {
		wg.Go(func() {
			for n := range each {
				who := []string{"alice", "bob"}[(i+n)%2]
				tool := []string{"who", "who", "who", "crash", "keyless"}[n%5]
				ex := exchange(t, newSession(fmt.Sprint(who, i)), "up", call(tool, `{}`))
				if n%3 == 0 {
					ex = exchange(t, nil, "up", modernCall(tool, `{}`))
				}
				ex.Principal.Subject = who
				if tool != "keyless" {
					ex.Inbound.Keys = map[string]gate.Secret{keyHeader: gate.NewSecret("canary-key-of-" + who)}
				}
				got, err := forward(t, p, ex)
				w.fault(err)
				if tool != "who" {
					if err == nil {
						t.Errorf("call %d of %d: %s ended well", n, i, tool)
					}
					continue
				}
				if err != nil || len(got) != 1 || field(t, got[0], "key") != `"`+digestOf("canary-key-of-"+who)+`"` || field(t, got[0], "calls") != "1" {
					t.Errorf("call %d of %d: %v, error %v", n, i, got, err)
					continue
				}
				if _, twice := pids.LoadOrStore(field(t, got[0], "pid"), true); twice {
					t.Errorf("call %d of %d shares the process %s", n, i, field(t, got[0], "pid"))
				}
			}
		})
	}
	wg.Wait()
	eventually(t, 20*time.Second, "no process is left", func() bool { now, _, _ := c.of(); return now == 0 })
	_, _ = io.WriteString(&w.log, fmt.Sprint(c.of()))
	w.clean(t, p)
}
