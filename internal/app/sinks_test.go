package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// siem takes batches of records, unless it is down.
type siem struct {
	url  string
	down atomic.Bool
	mu   sync.Mutex
	seqs []uint64
	got  bytes.Buffer // every byte of what it took
}

func newSiem(t *testing.T) *siem {
	t.Helper()
	s := &siem{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// ServeHTTP implements http.Handler.
func (s *siem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var batch []struct {
		Record struct {
			Seq uint64 `json:"seq"`
		} `json:"record"`
	}
	if s.down.Load() || json.Unmarshal(body, &batch) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.got.Write(body)
	for _, one := range batch {
		s.seqs = append(s.seqs, one.Record.Seq)
	}
}

func (s *siem) taken() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seqs)
}

func copiedTo(t *testing.T, s *siem, more string) *house {
	t.Helper()
	h := &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})}
	h.GW = gatetest.Gateway(t, houseRoles+fmt.Sprintf("audit: {sinks: [{kind: http, name: siem, url: %q%s}]}\n", s.url, more), map[string]*gatetest.UP{"up": h.up})
	h.Approve("")
	h.alice = h.As("alice", "reader").Open(eras[0])
	return h
}

// DUR-07: while a required copy is too far behind, no call reaches an upstream and
// every refusal is on record; when it is back, calls pass. What is on record when the
// gateway ends has been copied, in order and once.
func TestDUR07ARequiredCopy(t *testing.T) {
	t.Parallel()
	s := newSiem(t)
	h := copiedTo(t, s, ", required: true, lag: 1s")
	eventually(t, "calls pass while the copy keeps up", func() bool { return h.alice.Call("up__echo", `{}`).OK() })
	behind := func() int { return len(h.Records(audit.Query{Event: "audit.sink_behind"})) }
	before := behind()
	s.down.Store(true)
	var refused *gatetest.Reply
	eventually(t, "calls are refused", func() bool {
		before := h.up.Posts()
		refused = h.alice.Call("up__echo", `{}`)
		return !refused.OK() && h.up.Posts() == before
	})
	if refused.Refusal != "audit.unavailable" || refused.Code != 5030 {
		t.Errorf("the refusal is %s", refused)
	}
	got := h.Records(audit.Query{Exchange: refused.Exchange})
	if len(got) != 1 || got[0].Kind != audit.KindOutcome || got[0].Code != "audit.unavailable" || got[0].Status != "failed" {
		t.Errorf("on record: %+v", got)
	}
	eventually(t, "that calls are refused is on record", func() bool { return behind() > before })
	if reasons := h.App.Ready(t.Context()); len(reasons) != 1 || !strings.HasPrefix(reasons[0], "audit sinks: ") {
		t.Errorf("readiness: %q", reasons)
	}
	scrape := httptest.NewRecorder()
	h.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if text := scrape.Body.String(); !strings.Contains(text, `doorward_audit_sink_lag_records{sink="siem"} `) || strings.Contains(text, `doorward_audit_sink_failures_total{sink="siem"} 0`) {
		t.Errorf("the metrics are\n%s", text)
	}
	s.down.Store(false)
	eventually(t, "calls pass again", func() bool { return h.alice.Call("up__echo", `{}`).OK() })
	h.Stop()
	all := s.taken()
	for i, seq := range all {
		if seq != uint64(i+1) {
			t.Fatalf("record %d came in the place of %d", seq, i+1)
		}
	}
	if n := len(h.Records(audit.Query{})); len(all) != n {
		t.Errorf("%d records of %d were copied", len(all), n)
	}
}

// A copy that nobody requires stops nothing.
func TestDUR07ACopyThatIsNotRequired(t *testing.T) {
	t.Parallel()
	s := newSiem(t)
	s.down.Store(true)
	h := copiedTo(t, s, ", lag: 1s")
	eventually(t, "it has failed", func() bool { return len(h.Records(audit.Query{Event: "audit.sink_failed"})) > 0 })
	for range 20 {
		if r := h.alice.Call("up__echo", `{}`); !r.OK() {
			t.Fatalf("%s", r)
		}
	}
	if reasons := h.App.Ready(t.Context()); len(reasons) != 0 {
		t.Errorf("readiness: %q", reasons)
	}
	if len(s.taken()) != 0 {
		t.Error("it has taken something")
	}
}
