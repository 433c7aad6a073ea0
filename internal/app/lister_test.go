package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"doorward/internal/gatetest"
)

// An answerer is a recorder with answers of its own to some methods: functions
// of params that return a result. It ends with the test, or with its server.
type answerer struct {
	*gatetest.UP
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]func(params []byte) string
}

func answering(t *testing.T, s gatetest.Script) *answerer {
	t.Helper()
	a := &answerer{UP: gatetest.Upstream(t, s), answers: map[string]func([]byte) string{}}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.stop)
	return a
}

// stop ends the server: an upstream that is away.
func (a *answerer) stop() {
	a.server.CloseClientConnections()
	a.server.Close()
}

// URL is the endpoint.
func (a *answerer) URL() string { return a.server.URL + "/mcp" }

// on makes what it answers to a method; nil leaves the method to the recorder.
func (a *answerer) on(method string, answer func(params []byte) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[method] = answer
}

// ServeHTTP implements http.Handler.
func (a *answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Params json.RawMessage
	}
	_ = json.Unmarshal(raw, &m) // what is no message is the recorder's
	a.mu.Lock()
	answer := a.answers[m.Method]
	a.mu.Unlock()
	if answer == nil || len(m.ID) == 0 {
		r.Body = io.NopCloser(bytes.NewReader(raw))
		a.UP.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, answer(m.Params))
}

// listed is a list's answer as a client reads it.
type listed struct {
	Tools             []shown
	Prompts           []shown
	Resources         []shown
	ResourceTemplates []shown
	NextCursor        string
	CacheScope        string
	TTLMs             *int64
	Meta              struct {
		Unavailable []string `json:"doorward/unavailable"`
	} `json:"_meta"`
}

// shown is one entry of a list.
type shown struct {
	Name, Title, URI, URITemplate string
	Meta                          map[string]json.RawMessage `json:"_meta"`
}

// list asks for a list, which must be answered.
func list(t *testing.T, c *gatetest.Client, method, params string) (listed, *gatetest.Reply) {
	t.Helper()
	r := c.Post(c.Request("1", method, params))
	var m struct{ Result listed }
	if err := json.Unmarshal(r.Final(), &m); err != nil || !r.OK() {
		t.Fatalf("%s of %s: %s, %v", method, c.Name, r, err)
	}
	return m.Result, r
}

// toolNames are the names of all tools that the client is shown, on one page.
func toolNames(t *testing.T, c *gatetest.Client) []string {
	t.Helper()
	got, _ := list(t, c, "tools/list", "")
	names := make([]string, 0, len(got.Tools))
	for _, tool := range got.Tools {
		names = append(names, tool.Name)
	}
	return names
}
