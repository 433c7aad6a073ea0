package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// FuzzEndpoint: what an upstream names never leads to another origin.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"/messages?s=1", "messages", "?s=1", "//evil.example/", "http://a@up.example:8080/", "https://up.example:8080/", "http:x", "\\\\evil.example\\", "http://up.example:8080@evil.example/"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "http", User: url.UserPassword("u", "p"), Host: "up.example:8080", Path: "/sse", RawQuery: "key=1"}
	f.Fuzz(func(t *testing.T, named string) {
		to, err := endpoint(base, named)
		if err != nil {
			if !errors.Is(err, errProtocol) || len(named) > 10 && strings.Contains(err.Error(), named) {
				t.Errorf("error %v", err)
			}
			return
		}
		if to.Scheme != "http" || !strings.EqualFold(to.Host, base.Host) || to.User != nil || to.Opaque != "" || to.Fragment != "" {
			t.Errorf("%q leads to %s", named, to)
		}
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.String(), http.NoBody); err != nil {
			t.Errorf("%q is no place to post to: %v", named, err)
		}
	})
}

func TestEndpoint_DefaultPort(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "up.example", Path: "/sse"}
	if _, err := endpoint(base, "https://up.example:443/x"); err != nil {
		t.Error(err)
	}
	if _, err := endpoint(base, "https://up.example:80/x"); err == nil {
		t.Error("another port is another origin")
	}
}

func TestDetectsSSE(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("opening: %w: %w", errOtherEra, &statusError{http.StatusBadRequest}), true},
		{&statusError{http.StatusNotFound}, true},
		{&gate.Error{Code: gate.CodeUpstreamProtocol, Err: &statusError{http.StatusMethodNotAllowed}}, true},
		{&statusError{http.StatusConflict}, false},
		{fmt.Errorf("%w: status 401", errRefused), false},
		{&waitError{errDown, http.StatusServiceUnavailable, 0, false}, false},
		{errTimeout, false},
		{nil, false},
	} {
		if got := detectsSSE(tc.err); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.err, got, tc.want)
		}
	}
}

// A line may take as long as it likes to begin, and no longer than patience to
// end, however it dribbles in.
func TestSteadyReader(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	const patience = 200 * time.Millisecond
	lines := newLineReader(newSteadyReader(r, patience), 1000)
	defer time.AfterFunc(2*patience, func() { _, _ = w.WriteString("whole\npart") }).Stop()
	if line, err := lines.next(); err != nil || string(line) != "whole" {
		t.Fatalf("line %q, error %v", line, err)
	}
	stop := make(chan struct{})
	dribbled := make(chan struct{})
	go func() {
		defer close(dribbled)
		tick := time.NewTicker(patience / 10)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, _ = w.WriteString("x")
			}
		}
	}()
	begun := time.Now()
	_, err = lines.next()
	if took := time.Since(begun); !errors.Is(err, errStalled) || took > time.Minute {
		t.Errorf("error %v after %s", err, took)
	}
	close(stop)
	<-dribbled
}

// On a link that serves several principals, what names no call belongs to none.
func TestMux_Owner(t *testing.T) {
	t.Parallel()
	for _, owned := range []bool{true, false} {
		loose := 0
		x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) { loose++ }, owned)
		older := x.enter(&outgoing{id: 1, asks: true, logs: true, token: true})
		x.enter(&outgoing{id: 2, asks: true, logs: true})
		for _, raw := range []string{
			`{"jsonrpc":"2.0","id":"a","method":"elicitation/create","params":{}}`,
			`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`,
			`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}`,
			`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}`,
			`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`,
		} {
			m, err := mcp.ParseUpstream([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			x.dispatch(m)
		}
		want := map[bool][2]int{true: {3, 1}, false: {1, 3}}[owned]
		if got := [2]int{len(older.queue), loose}; got != want {
			t.Errorf("owned %v: the older call got %d and nobody %d, want %v", owned, got[0], got[1], want)
		}
	}
}

// answered is a sender that keeps what it is given.
type answered []string

func (s *answered) send(_ context.Context, raw []byte) error {
	*s = append(*s, string(raw))
	return nil
}

// What an upstream asks during a call that leaves is answered, and what it asks then is nobody's.
func TestMux_QuestionsOfACallThatLeaves(t *testing.T) {
	t.Parallel()
	loose := 0
	x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) { loose++ }, true)
	w := x.enter(&outgoing{id: 1, asks: true})
	ask := func(id string) {
		m, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","id":"` + id + `","method":"elicitation/create","params":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		x.dispatch(m)
	}
	ask("a")
	var to answered
	x.leave(t.Context(), &to, w)
	ask("b")
	if len(to) != 1 || !strings.Contains(to[0], `"id":"a","error"`) || loose != 1 || len(w.queue) != 0 {
		t.Errorf("answered %q, %d are nobody's, %d wait", to, loose, len(w.queue))
	}
}

// A request that was not sent for want of a credential counts as refused, and is not said to
// have been refused by the upstream.
func TestWithheldRequest(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("opening: %w", withheld{errSecret})
	if !errors.Is(err, errRefused) || !errors.Is(err, errSecret) {
		t.Errorf("%v is not what it counts as", err)
	}
	if text := err.Error(); strings.Contains(text, errRefused.Error()) || !strings.Contains(text, "nothing was sent") || !strings.Contains(text, errSecret.Error()) {
		t.Errorf("it reads %q", text)
	}
}
