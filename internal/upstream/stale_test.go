package upstream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// answers is a server of the stateful era in this process, whose one tool has a
// description that may change.
func answers(says *atomic.Pointer[string], lists *atomic.Int32) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var m struct {
			ID     json.RawMessage
			Method string
		}
		_ = json.Unmarshal(raw, &m) // the gateway's own
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "Mcp-Session-Id": {"s"}}, Request: r}
		result := ""
		switch m.Method {
		case "initialize":
			result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}`
		case "tools/list":
			lists.Add(1)
			result = fmt.Sprintf(`{"tools":[{"name":"echo","description":%q,"inputSchema":{"type":"object"}}]}`, *says.Load())
		default:
			resp.StatusCode = http.StatusAccepted
			if r.Method != http.MethodPost {
				resp.StatusCode = http.StatusMethodNotAllowed
			}
			resp.Body = http.NoBody
			return resp, nil
		}
		resp.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)))
		return resp, nil
	}
}

// PIN-06: a change that the server keeps quiet about is seen within a minute, on a
// session that stays open.
func TestPIN06_QuietChangeIsSeenWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var says atomic.Pointer[string]
		var lists atomic.Int32
		say := func(s string) { says.Store(&s) }
		say("one")
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: "http://127.0.0.66/mcp", Wire: answers(&says, &lists)}}})
		session := newSession("a")
		offered := func() gate.Digest {
			t.Helper()
			items, _, err := p.Items(t.Context(), exchange(t, session, "up", call("echo", `{}`)), "up", gate.Tool)
			if err != nil || len(items) != 1 {
				t.Fatalf("%v, %v", items, err)
			}
			return items[0].Digest
		}
		first := offered()
		if offered() != first || lists.Load() != 1 {
			t.Errorf("the list was read %d times", lists.Load())
		}
		say("two")
		time.Sleep(time.Minute)
		if offered() == first {
			t.Error("after a minute the change is not seen")
		}
		if n := lists.Load(); n != 2 {
			t.Errorf("the list was read %d times, want 2", n)
		}
	})
}

// ruled are pins that can change.
type ruled struct {
	pins
	mu   sync.Mutex
	held bool
}

func (r *ruled) ServerAllowed(string, gate.Digest, []byte) gate.Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		return gate.Refuse(gate.CodeUpstreamHeld, "held", "")
	}
	return gate.Pass()
}

// The last list of an upstream that fails is shown to who saw it, and to nobody else.
func TestStaleLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, rules := &way{}, &ruled{pins: approveAll()}
		p, _, _ := wayPool(t, w, func(c *upstream.Config) { c.Pins = rules })
		items, stale, err := p.Items(t.Context(), echo(t), "up", gate.Tool)
		if err != nil || len(items) != 1 || stale {
			t.Fatalf("items %v, error %v", items, err)
		}
		w.fails(refuses)
		for n := range 10 {
			time.Sleep(6 * time.Minute) // beyond what a list may be kept
			items, stale, err := p.Items(t.Context(), echo(t), "up", gate.Tool)
			if err != nil || len(items) != 1 || !stale || items[0].State != gate.Approved {
				t.Fatalf("look %d: items %v, error %v", n, items, err)
			}
			if _, _, err := p.Find(t.Context(), echo(t), "up", gate.Tool, "echo"); err == nil {
				t.Fatal("it can be called")
			}
		}
		other := echo(t)
		other.Principal = &gate.Principal{Method: "test", Subject: "other"}
		if items, _, err := p.Items(t.Context(), other, "up", gate.Tool); err == nil {
			t.Errorf("another reads %v", items)
		}
		rules.mu.Lock()
		rules.held = true
		rules.mu.Unlock()
		if items, _, err := p.Items(t.Context(), echo(t), "up", gate.Tool); err == nil {
			t.Errorf("of a server that is held: %v", items)
		}
		rules.mu.Lock()
		rules.held = false
		rules.mu.Unlock()
		time.Sleep(24 * time.Hour)
		if items, _, err := p.Items(t.Context(), echo(t), "up", gate.Tool); err == nil {
			t.Errorf("a day later: %v", items)
		}
		w.fails(nil)
		time.Sleep(2 * time.Minute)
		if items, stale, err := p.Items(t.Context(), echo(t), "up", gate.Tool); err != nil || stale {
			t.Errorf("back again: %v, error %v", items, err)
		}
	})
}

// RES-15: what goes on with a call that has asked was sent before. An upstream that fails meanwhile, so that
// its tools cannot be looked up, has a call of unknown outcome, and not one to try again.
func TestRES15_MidwayIsNotBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, _, _ := wayPool(t, w, nil)
		w.fails(refuses)
		bring := func(seal func(*gate.Exchange, string) (string, error)) *gate.Exchange {
			call := func(state string) *gate.Exchange {
				return exchange(t, nil, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"requestState":%q,%s}}`, state, meta))
			}
			first := call("")
			first.Target.Item = &gate.Item{Name: "echo"}
			state, err := seal(first, "x")
			if err != nil {
				t.Fatal(err)
			}
			ex := call(state)
			ex.Target = gate.Target{} // as before it is resolved
			return ex
		}
		forged := func(*gate.Exchange, string) (string, error) { return "x", nil }
		for ex, want := range map[*gate.Exchange]gate.Code{
			echo(t): gate.CodeUpstreamDown, bring(p.SealTheirs): gate.CodeUpstreamOutcome,
			bring(p.SealHold): gate.CodeUpstreamDown, bring(forged): gate.CodeUpstreamDown, // nothing was sent
		} {
			_, _, err := p.Find(t.Context(), ex, "up", gate.Tool, "echo")
			if e, ok := errors.AsType[*gate.Error](err); !ok || e.Code != want || want == gate.CodeUpstreamOutcome && e.Wait != 0 {
				t.Errorf("%v, want %s", err, want)
			}
		}
	})
}
