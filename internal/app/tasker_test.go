package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

const (
	runsTasks    = `"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`
	tasksInMeta  = `"extensions":{"io.modelcontextprotocol/tasks":{}}`
	taskerTools  = `[{"name":"slow","inputSchema":{"type":"object","required":["x"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]},"execution":{"taskSupport":"optional"}},{"name":"must","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}},{"name":"never","inputSchema":{"type":"object"}}]`
	goodOutcome  = `{"content":[],"structuredContent":{"n":1.0}}`
	relatedToOwn = `"_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"own-\u0031"}}`
)

// tasker is an upstream of one era that runs tools as tasks. It knows one task,
// and gives its id in a spelling of its own.
type tasker struct {
	server    *httptest.Server
	stateless bool

	mu      sync.Mutex
	silent  bool                   // it does not say that it runs tasks
	ttl     string                 // of the task, as JSON
	outcome string                 // of the task, a tool's result; empty while it works
	asks    bool                   // tasks/result asks something first
	answer  chan string            // what came back to that
	stream  map[string]chan string // the streams of the sessions, by session
	opened  int                    // sessions so far
	seen    []taskerSaw
}

// taskerSaw is what reached a tasker beside handshakes and lists.
type taskerSaw struct{ method, name, params string }

func tasking(t *testing.T, stateless bool) *tasker {
	t.Helper()
	k := &tasker{stateless: stateless, ttl: "60000.0", answer: make(chan string, 1), stream: map[string]chan string{}}
	k.server = httptest.NewServer(k)
	t.Cleanup(func() {
		k.server.CloseClientConnections()
		k.server.Close()
	})
	return k
}

// finish makes the task one that has ended with a result.
func (k *tasker) finish(outcome string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.outcome = outcome
}

// saw is what reached it, and forgets it.
func (k *tasker) saw() []taskerSaw {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.seen
	k.seen = nil
	return all
}

// say sends a message on every stream.
func (k *tasker) say(message string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.stream {
		s <- message
	}
}

func (k *tasker) streams() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.stream)
}

// ServeHTTP implements http.Handler.
func (k *tasker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && !k.stateless {
		k.listen(w, r)
		return
	}
	raw, err := io.ReadAll(r.Body)
	var m struct {
		ID     json.RawMessage
		Method string
		Params json.RawMessage
		Result json.RawMessage
	}
	if err != nil || r.Method != http.MethodPost || json.Unmarshal(raw, &m) != nil {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if m.Method == "" && len(m.ID) > 0 {
		k.answer <- string(m.Result)
	}
	if m.Method == "" || len(m.ID) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if k.stateless != (r.Header.Get("MCP-Protocol-Version") >= modern) && m.Method != "initialize" || k.stateless && m.Method == "initialize" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"not in this era"}}`, m.ID)
		return
	}
	k.reply(w, r, m.ID, m.Method, m.Params)
}

func (k *tasker) reply(w http.ResponseWriter, r *http.Request, id json.RawMessage, method string, params json.RawMessage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var p struct {
		ProtocolVersion, Name string
		Task                  json.RawMessage
		Meta                  struct {
			Can struct {
				Extensions map[string]json.RawMessage
			} `json:"io.modelcontextprotocol/clientCapabilities"`
		} `json:"_meta"`
	}
	_ = json.Unmarshal(params, &p) // what cannot be read is not there
	tasks, extension := ","+runsTasks, ","+tasksInMeta
	if k.silent {
		tasks, extension = "", ""
	}
	switch method {
	case "initialize":
		k.opened++
		w.Header().Set("Mcp-Session-Id", fmt.Sprintf("s-%d", k.opened))
		result(w, id, fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{"tools":{}%s},"serverInfo":{"name":"tasker","version":"1"}}`, p.ProtocolVersion, tasks))
		return
	case "server/discover":
		result(w, id, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}`+extension+`},"serverInfo":{"name":"tasker","version":"1"},"ttlMs":300000,"cacheScope":"private"}`)
		return
	case "tools/list":
		result(w, id, `{"tools":`+taskerTools+`,"resultType":"complete","ttlMs":300000,"cacheScope":"private"}`)
		return
	}
	k.seen = append(k.seen, taskerSaw{method, r.Header.Get("Mcp-Name"), string(params)})
	switch method {
	case "tools/call":
		switch {
		case !k.stateless && p.Task != nil:
			result(w, id, `{"task": {"taskId": "own-\u0031", "ttl":`+k.ttl+`,"vendor":9007199254740993},`+relatedToOwn+`}`)
		case k.stateless && p.Meta.Can.Extensions != nil:
			result(w, id, `{"resultType":"task","taskId": "own-\u0031","status":"working","ttlMs":`+k.ttl+`,"vendor":9007199254740993}`)
		default:
			result(w, id, goodOutcome)
		}
	case "tasks/result":
		k.conclude(w, r, id)
	case "tasks/get":
		result(w, id, k.state())
	default:
		result(w, id, `{"resultType":"complete"}`)
	}
}

// state is the task's; it needs mu.
func (k *tasker) state() string {
	b := `{"taskId":"own-1","status":"working","createdAt":"2026-01-01T00:00:00Z"`
	if k.outcome != "" && k.stateless {
		b += `,"result": ` + k.outcome
	}
	return b + `,"resultType":"complete"}`
}

// conclude answers tasks/result, after a question where it asks one; it needs mu.
func (k *tasker) conclude(w http.ResponseWriter, r *http.Request, id json.RawMessage) {
	outcome := k.outcome[:len(k.outcome)-1] + "," + relatedToOwn + "}"
	if !k.asks {
		result(w, id, outcome)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: %s\n\n", `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"somebody's"}}}}`)
	fmt.Fprintf(w, "data: %s\n\n", `{"jsonrpc":"2.0","id":"q-2","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}},`+relatedToOwn+`}}`)
	_ = http.NewResponseController(w).Flush()
	k.mu.Unlock()
	defer k.mu.Lock()
	for range 2 { // the first is refused
		select {
		case <-r.Context().Done():
			return
		case got := <-k.answer:
			if got != "" {
				fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s,\"answer\":%s}}\n\n", id, outcome[:len(outcome)-1], got)
				return
			}
		}
	}
}

// listen serves a session's GET stream.
func (k *tasker) listen(w http.ResponseWriter, r *http.Request) {
	messages := make(chan string, 16)
	session := r.Header.Get("Mcp-Session-Id")
	k.mu.Lock()
	k.stream[session] = messages
	k.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case m := <-messages:
			fmt.Fprintf(w, "data: %s\n\n", m)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			k.mu.Lock()
			delete(k.stream, session)
			k.mu.Unlock()
			return
		}
	}
}
