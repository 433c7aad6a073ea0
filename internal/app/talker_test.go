package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// everything is what a talker says it can.
const everything = `{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"logging":{}}`

// limit bounds every wait for something that must happen.
const limit = time.Minute

// A talker is a recorder of one era that speaks outside of calls as well: on the
// stream of each session, or on each subscriptions/listen. During a call of ask
// it asks its client what question says. It ends with the test.
type talker struct {
	*gatetest.UP
	server    *httptest.Server
	stateless bool

	mu       sync.Mutex
	question string // method and params of what ask asks, as members of an object
	streams  map[*talk]struct{}
	sessions int
	filters  []string                        // what each listen asked for
	asks     int                             // calls of ask
	answers  []string                        // what came back: responses, or a request's params
	waiting  map[string]chan json.RawMessage // by the id of the question
	reads    []time.Time                     // of tools/list
}

// talk is one open stream.
type talk struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	over bool
	tag  string // the id of the listen; empty on a session's stream
}

func talking(t *testing.T, stateless bool, s gatetest.Script) *talker {
	t.Helper()
	s.Eras = []string{"stateful"}
	if stateless {
		s.Eras = []string{"stateless"}
	}
	k := &talker{UP: gatetest.Upstream(t, s), stateless: stateless, streams: map[*talk]struct{}{}, waiting: map[string]chan json.RawMessage{}}
	k.server = httptest.NewServer(k)
	t.Cleanup(func() {
		k.server.CloseClientConnections()
		k.server.Close()
	})
	return k
}

// URL is the endpoint.
func (k *talker) URL() string { return k.server.URL + "/mcp" }

// Set is what the recorder's is, in the same era.
func (k *talker) Set(s gatetest.Script) {
	s.Eras = []string{"stateful"}
	if k.stateless {
		s.Eras = []string{"stateless"}
	}
	k.UP.Set(s)
}

// ServeHTTP implements http.Handler.
func (k *talker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct {
			Name, ProtocolVersion string
			Notifications         json.RawMessage
		}
		Result json.RawMessage
		Error  json.RawMessage
	}
	_ = json.Unmarshal(raw, &m) // what is no message is the recorder's
	wrong := k.stateless != (r.Header.Get("MCP-Protocol-Version") >= "2026-07-28") && m.Method != "initialize"
	switch {
	case r.Method == http.MethodGet && !k.stateless:
		k.open(w, r, "")
	case m.Method == "subscriptions/listen" && k.stateless:
		k.mu.Lock()
		k.filters = append(k.filters, string(m.Params.Notifications))
		k.mu.Unlock()
		k.open(w, r, string(m.ID), fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":%s,"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, m.Params.Notifications, m.ID))
	case m.Method == "" && len(m.ID) > 0:
		k.answered(string(m.ID), append(m.Result, m.Error...))
		w.WriteHeader(http.StatusAccepted)
	case m.Method == "initialize" && !k.stateless:
		k.mu.Lock()
		k.sessions++
		w.Header().Set("Mcp-Session-Id", fmt.Sprintf("talk-%d", k.sessions))
		k.mu.Unlock()
		result(w, m.ID, fmt.Sprintf(`{"protocolVersion":%q,"capabilities":%s,"serverInfo":{"name":"talker","version":"1"}}`, m.Params.ProtocolVersion, everything))
	case m.Method == "server/discover" && k.stateless:
		result(w, m.ID, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":`+everything+`,"serverInfo":{"name":"talker","version":"1"},"ttlMs":300000,"cacheScope":"private"}`)
	case m.Method == "tools/call" && strings.HasPrefix(m.Params.Name, "ask") && !wrong:
		k.ask(w, r, m.ID, raw)
	default:
		if m.Method == "tools/list" {
			k.mu.Lock()
			k.reads = append(k.reads, time.Now())
			k.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		k.UP.ServeHTTP(w, r)
	}
}

func result(w http.ResponseWriter, id []byte, text string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, text)
}

// open holds a stream until its client leaves.
func (k *talker) open(w http.ResponseWriter, r *http.Request, tag string, first ...string) {
	s := &talk{w: w, tag: tag}
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	s.say(1, first...)
	k.mu.Lock()
	k.streams[s] = struct{}{}
	k.mu.Unlock()
	<-r.Context().Done()
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	k.mu.Lock()
	delete(k.streams, s)
	k.mu.Unlock()
}

// say writes messages n times over.
func (s *talk) say(n int, messages ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	for range n {
		for _, m := range messages {
			fmt.Fprintf(s.w, "data: %s\n\n", m)
		}
	}
	_ = http.NewResponseController(s.w).Flush()
}

// say sends a message n times on every stream. params are members of its object.
func (k *talker) say(n int, method, params string) {
	k.mu.Lock()
	all := make([]*talk, 0, len(k.streams))
	for s := range k.streams {
		all = append(all, s)
	}
	k.mu.Unlock()
	for _, s := range all {
		p := params
		if s.tag != "" {
			if p != "" {
				p += ","
			}
			p += `"_meta":{"io.modelcontextprotocol/subscriptionId":` + s.tag + `}`
		}
		s.say(n, fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{%s}}`, method, p))
	}
}

// ask answers a call of ask with a question first.
func (k *talker) ask(w http.ResponseWriter, r *http.Request, id json.RawMessage, raw []byte) {
	k.mu.Lock()
	k.asks++
	question, name, answer := k.question, fmt.Sprintf(`"q-%d"`, k.asks), make(chan json.RawMessage, 1)
	k.waiting[name] = answer
	k.mu.Unlock()
	if k.stateless {
		var m struct {
			Params struct{ RequestState, InputResponses json.RawMessage }
		}
		_ = json.Unmarshal(raw, &m) // it was read before
		if m.Params.RequestState == nil {
			result(w, id, `{"resultType":"input_required","inputRequests":{`+question+`},"requestState":"st\u0061te"}`)
			return
		}
		k.mu.Lock()
		k.answers = append(k.answers, string(m.Params.RequestState)+string(m.Params.InputResponses))
		k.mu.Unlock()
		result(w, id, `{"content":[{"type":"text","text":"went on"}]}`)
		return
	}
	s := &talk{w: w}
	w.Header().Set("Content-Type", "text/event-stream")
	s.say(1, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, name, question))
	select {
	case got := <-answer:
		s.say(1, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"went on"}],"answer":%s}}`, id, got))
	case <-r.Context().Done():
	}
}

func (k *talker) answered(id string, value json.RawMessage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers = append(k.answers, string(value))
	if c := k.waiting[id]; c != nil {
		delete(k.waiting, id)
		c <- value
	}
}

// told are the answers so far.
func (k *talker) told() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.answers...)
}

// listening waits until n streams are open.
func (k *talker) listening(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d streams are open at the upstream", n), func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.streams) >= n
	})
}

// eventually waits until something holds: what is looked at often at first, and then less,
// for to look takes time from whoever brings it about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	pause := 2 * time.Millisecond
	for end := time.After(limit); !holds(); {
		select {
		case <-time.After(pause):
			pause = min(2*pause, 50*time.Millisecond)
		case <-end:
			t.Fatalf("it never was that %s", what)
		}
	}
}

// within waits until something holds, at most for a time that a gateway must keep; what
// the machine keeps everybody waiting for does not count.
func within(t *testing.T, most time.Duration, what string, holds func() bool) {
	t.Helper()
	watch := gatetest.Start(t)
	defer watch.Stop()
	eventually(t, what, func() bool {
		if holds() {
			return true
		}
		if watch.Read() > most {
			t.Fatalf("not within %v: %s", most, what)
		}
		return false
	})
}
