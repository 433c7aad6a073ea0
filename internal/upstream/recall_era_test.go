package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// opening is how long an ambiguous upstream takes to begin a session.
const opening = time.Second

// ambiguous is a shelf that speaks both eras.
type ambiguous struct{ *shelf }

func (s ambiguous) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	asks := func(method string) bool { return strings.Contains(string(raw), `"method":"`+method+`"`) }
	switch {
	case asks("server/discover"):
		return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{"tools":{},"resources":{}},"ttlMs":300000}}`)(r)
	case r.Header.Get("Mcp-Method") != "":
		return s.shelf.RoundTrip(r)
	case asks("initialize"):
		time.Sleep(opening)
		return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{}},"serverInfo":{"name":"up","version":"1"}}}`)(r)
	case asks("resources/read"):
		return s.result(int(s.asked.Add(1)), r)
	case r.Method == http.MethodPost:
		return says(http.StatusAccepted, "")(r)
	}
	return says(http.StatusMethodNotAllowed, "")(r)
}

func sessionRead(t *testing.T, session *gate.Session, id int) *gate.Exchange {
	t.Helper()
	return exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"resources/read","params":{"uri":"a:b"}}`, id))
}

// A call that ends up where answers do not say how long they hold lets those go at once who wait for its answer.
func TestRES16_WhoEndsUpInTheStatefulEra(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const each = 5 * time.Second
		s := &shelf{}
		s.result = func(n int, r *http.Request) (*http.Response, error) {
			time.Sleep(each)
			return tells("")(n, r)
		}
		p, m := shelfPool(t, s, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = ambiguous{s} }) // it is known to speak the stateless era
		session := newSession("alice")
		began := time.Now()
		var all sync.WaitGroup
		for id := range 10 {
			all.Go(func() {
				if number(t, p, sessionRead(t, session, id)) == 0 {
					t.Error("no answer")
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != opening+each || m.of("cache_wait") != 9 || s.asked.Load() != 10 {
			t.Errorf("ten took %s and %d requests, and %d of them waited for another", took, s.asked.Load(), m.of("cache_wait"))
		}
	})
}

// Nor does anybody wait while the client of the one who asked is asked something itself.
func TestRES16_WhileAClientIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const each = 5 * time.Second
		s := &shelf{}
		s.result = func(_ int, r *http.Request) (*http.Response, error) {
			time.Sleep(each)
			return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}}`)(r)
		}
		p, m := shelfPool(t, s, nil)
		session := newSession("alice")
		ctx, leave := context.WithCancel(t.Context())
		began, asked := time.Now(), make(chan time.Duration, 2)
		var all sync.WaitGroup
		for id := range 2 {
			all.Go(func() {
				_ = p.Forward(ctx, sessionRead(t, session, id), func(_ context.Context, m *gate.Message) error {
					if m.Kind == gate.Request { // which nobody answers
						asked <- time.Since(began)
					}
					return nil
				})
			})
		}
		first, second := <-asked, <-asked
		leave()
		all.Wait()
		if first != each || second != 2*each || m.of("cache_wait") != 1 {
			t.Errorf("the first is asked after %s, who waited for it after %s; %d waited", first, second, m.of("cache_wait"))
		}
	})
}
