package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// heard is a message that came on a stream.
type heard struct {
	at     time.Time
	raw    string
	Method string
	Params struct {
		URI           string
		Notifications json.RawMessage
		Meta          map[string]json.RawMessage `json:"_meta"`
	}
	Result json.RawMessage
}

// maxHeard is more than any stream of a test brings.
const maxHeard = 10_000

// watch opens a stream as the client: a stateful client's own, or a listen of a
// stateless one with that filter. The channel closes when the stream ends, at the
// latest with the test.
func watch(t *testing.T, gw *gatetest.GW, c *gatetest.Client, id, filter string) <-chan heard {
	t.Helper()
	method, body := http.MethodGet, []byte(nil)
	if c.Stateless() {
		method, body = http.MethodPost, c.Request(id, "subscriptions/listen", `"notifications":`+filter)
	}
	url := gw.URL()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = c.Headers(body)
	if !c.Stateless() {
		req.Header.Set("Accept", "text/event-stream")
	}
	transport := &http.Transport{DisableCompression: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("%s is no stream: %d %s", method, resp.StatusCode, kind)
	}
	events, done := make(chan heard, maxHeard), make(chan struct{})
	go func() {
		defer close(done)
		defer close(events)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			data, ok := strings.CutPrefix(s.Text(), "data: ")
			if !ok || data == "" {
				continue
			}
			h := heard{at: time.Now(), raw: data}
			if err := json.Unmarshal([]byte(data), &h); err != nil {
				h.Method = fmt.Sprintf("no message: %v", err)
			}
			select {
			case events <- h:
			default: // the test counts what there is
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		transport.CloseIdleConnections()
	})
	return events
}

// next is the next message of a stream.
func next(t *testing.T, events <-chan heard) heard {
	t.Helper()
	select {
	case h, ok := <-events:
		if !ok {
			t.Fatal("the stream ended")
		}
		return h
	case <-time.After(limit):
		t.Fatal("nothing came on the stream")
	}
	return heard{}
}

// ends tells whether a stream has ended, and takes what has come on it.
func ends(events <-chan heard) bool {
	for {
		select {
		case _, more := <-events:
			if !more {
				return true
			}
		default:
			return false
		}
	}
}

// pair is an era of the client and one of the upstream.
type pair struct {
	version   string
	stateless bool // the upstream
}

func (p pair) String() string {
	if p.stateless {
		return p.version + " to stateless"
	}
	return p.version + " to stateful"
}

// pairs are all of them: two of one era, and two that are translated.
func pairs() []pair {
	var all []pair
	for _, version := range eras {
		all = append(all, pair{version, false}, pair{version, true})
	}
	return all
}

// inPairs runs an attack on each pair.
func inPairs(t *testing.T, attack func(t *testing.T, p pair)) {
	t.Helper()
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			attack(t, p)
		})
	}
}

// watchTools opens the stream on which a client hears that tools changed, and
// waits until the upstream can be heard on it.
func watchTools(t *testing.T, gw *gatetest.GW, c *gatetest.Client, k *talker) <-chan heard {
	t.Helper()
	events := watch(t, gw, c, `"w"`, `{"toolsListChanged":true}`)
	if c.Stateless() {
		if h := next(t, events); h.Method != "notifications/subscriptions/acknowledged" {
			t.Fatalf("first came %s", h.raw)
		}
	}
	k.listening(t, 1)
	return events
}
