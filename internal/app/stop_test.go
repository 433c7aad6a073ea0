package app_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const stopping = `version: 1
data_dir: data
listen: {address: "127.0.0.1:0", health: true, stop: {notice: NOTICE, grace: GRACE}}
upstreams: {up: {url: "${up}"}}
`

// leaving is a gateway with a call that its upstream holds.
func leaving(t *testing.T, notice, grace string) (h *house, release func(), answer <-chan *gatetest.Reply) {
	t.Helper()
	h = &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "slow")})}
	h.GW = gatetest.Gateway(t, strings.NewReplacer("NOTICE", notice, "GRACE", grace).Replace(stopping), map[string]*gatetest.UP{"up": h.up})
	h.Approve("")
	h.alice = h.As("alice").Open("2025-11-25")
	h.bob = h.As("bob").Open("2026-07-28")
	started, release := h.up.Hold("slow")
	body := h.alice.Request("9", "tools/call", `"name":"up__slow","arguments":{}`)
	req := h.request(http.MethodPost, "/mcp", body)
	req.Header = h.alice.Headers(body)
	got := make(chan *gatetest.Reply, 1)
	go func() {
		defer close(got)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return // it was cut off
		}
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		if err == nil {
			got <- &gatetest.Reply{Status: resp.StatusCode, Body: all}
		}
	}()
	select {
	case <-started:
	case r := <-got:
		t.Fatalf("the call is not under way: %v", r)
	}
	return h, release, got
}

// request is one to the clients' listener.
func (h *house) request(method, path string, body []byte) *http.Request {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.Address()+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// outcomes are those on record of calls of slow.
func (h *house) outcomes() (statuses []string) {
	h.t.Helper()
	for _, r := range h.Records(audit.Query{}) {
		if r.Kind == audit.KindOutcome && r.Item == "slow" {
			statuses = append(statuses, r.Status)
		}
	}
	return statuses
}

// DUR-36: a gateway that is told to end first says that it is not ready, and serves on for
// a while; then takes nobody in, finishes what is under way, ends streams as the protocol
// has it, and has the outcome of everything on record.
func TestDUR36_StopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	notice := 2 * time.Second
	for !finishesWhatIsUnderWay(t, notice) { // a machine that is too slow for it gets longer
		notice *= 5
	}
}

// finishesWhatIsUnderWay tells whether the notice was long enough to ask during it.
func finishesWhatIsUnderWay(t *testing.T, notice time.Duration) bool {
	t.Helper()
	h, release, answer := leaving(t, notice.String(), "30s")
	ask := h.alice.Headers(nil)
	ask.Set("Accept", "text/event-stream")
	get := h.request(http.MethodGet, "/mcp", nil)
	get.Header = ask
	stream, err := http.DefaultClient.Do(get)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, bufio.NewReader(stream.Body))
		ended <- err
	}()

	over, began := make(chan struct{}), time.Now()
	late := func() bool { return time.Since(began) >= notice }
	go func() { defer close(over); h.Stop() }()
	eventually(t, "/readyz says no", func() bool {
		resp, err := http.DefaultClient.Do(h.request(http.MethodGet, "/readyz", nil))
		if err != nil {
			if !late() {
				t.Fatal(err)
			}
			return true
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable && bytes.Equal(all(t, resp.Body), []byte("not ready\n"))
	})
	if got := admin.Unready(h.App.Ready(context.Background())); len(got) != 1 || got[0] != "stopping" {
		t.Errorf("the reasons are %q", got)
	}
	if late() {
		release()
		<-over
		return false
	}
	if r := h.bob.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("a call during the notice: %s", r)
	}
	if err := <-ended; err != nil {
		t.Errorf("the stream did not end as streams end: %v", err)
	}
	release()
	if r := <-answer; r == nil || r.Status != http.StatusOK || !bytes.Contains(r.Body, []byte(`"id":9`)) {
		t.Errorf("the call under way: %+v", r)
	}
	<-over
	if got := h.outcomes(); len(got) != 1 || got[0] != "ok" {
		t.Errorf("the outcomes are %q", got)
	}
	if resp, err := http.DefaultClient.Do(h.request(http.MethodGet, "/readyz", nil)); err == nil {
		resp.Body.Close()
		t.Error("it still listens")
	}
	return true
}

// DUR-36: what is not over after the grace is cut off, and that is on record.
func TestDUR36_AfterTheGraceCallsAreCutOff(t *testing.T) {
	t.Parallel()
	h, _, answer := leaving(t, "0s", "50ms")
	if err := h.Cut(); err == nil || !strings.Contains(err.Error(), "1 calls were cut off") {
		t.Errorf("the gateway ended with %v", err)
	}
	if r := <-answer; r != nil {
		t.Errorf("the call was answered: %+v", r)
	}
	if got := h.outcomes(); len(got) != 1 || got[0] == "ok" {
		t.Errorf("the outcomes are %q", got)
	}
}
