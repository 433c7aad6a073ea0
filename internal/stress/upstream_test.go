//go:build linux

package stress_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What the upstreams of this package hold back before they answer in another
// order, and for how long at most.
const (
	shuffled     = 24
	shuffledWait = 2 * time.Millisecond
)

// request is what an upstream reads of a message.
type request struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Name            string
		ProtocolVersion string
		Arguments       struct{ Canary string }
	}
}

const schema = `{"type":"object","properties":{"canary":{"type":"string"}},"required":["canary"],"additionalProperties":false}`

// tools of every upstream. hang answers when the test ends.
func toolList() string {
	var list []string
	for _, name := range [...]string{"echo", "hang", "alpha", "beta"} {
		list = append(list, fmt.Sprintf(`{"name":%q,"inputSchema":%s}`, name, schema))
	}
	return strings.Join(list, ",")
}

// answer is the message that answers m, and whether it is a call.
func (m *request) answer() (string, bool) {
	result := ""
	switch m.Method {
	case "initialize":
		result = fmt.Sprintf(`"protocolVersion":%q,"capabilities":{"tools":{}},"serverInfo":{"name":"stress","version":"1"}`, m.Params.ProtocolVersion)
	case "server/discover":
		result = `"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":60000,"cacheScope":"private"`
	case "tools/list":
		result = `"resultType":"complete","tools":[` + toolList() + `],"ttlMs":60000,"cacheScope":"private"`
	case "tools/call":
		result = fmt.Sprintf(`"resultType":"complete","content":[{"type":"text","text":%q}]`, m.Params.Arguments.Canary)
	case "ping":
	default:
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID), false
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{%s}}`, m.ID, result), m.Method == "tools/call"
}

// web is an upstream over HTTP that answers calls in an order of its own and
// keeps what it executed.
type web struct {
	url     string
	server  *httptest.Server
	shuffle bool          // hold answers back and reorder them
	slots   chan struct{} // as many calls are served at a time, and the others one after the other; nil: any number
	takes   time.Duration // each of them
	release chan struct{}
	calls   atomic.Int64

	mu       sync.Mutex
	executed map[string]bool   // canaries
	owner    map[string]string // upstream session to the client whose calls came on it
	shared   []string          // sessions that carried the calls of two clients
	waiting  []chan struct{}
	sessions int
}

func newWeb(t *testing.T, shuffle bool) *web {
	u := &web{shuffle: shuffle, release: make(chan struct{}), executed: map[string]bool{}, owner: map[string]string{}}
	s := httptest.NewServer(u)
	u.server, u.url = s, s.URL+"/mcp"
	t.Cleanup(func() { close(u.release); s.Close() })
	return u
}

// ServeHTTP implements http.Handler.
func (u *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	raw, err := io.ReadAll(r.Body)
	var m request
	if err != nil || json.Unmarshal(raw, &m) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if m.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	text, call := m.answer()
	if m.Method == "initialize" {
		u.mu.Lock()
		u.sessions++
		w.Header().Set("Mcp-Session-Id", fmt.Sprintf("up-%d", u.sessions))
		u.mu.Unlock()
	}
	if call {
		u.execute(&m, r.Header.Get("Mcp-Session-Id"))
		switch {
		case m.Params.Name == "hang":
			select {
			case <-u.release:
			case <-r.Context().Done():
			}
		case u.shuffle:
			u.hold()
		case u.slots != nil:
			u.slots <- struct{}{}
			<-time.After(u.takes)
			<-u.slots
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, text)
}

func (u *web) execute(m *request, session string) {
	u.calls.Add(1)
	canary := m.Params.Arguments.Canary
	client, _, _ := strings.Cut(canary, "/")
	u.mu.Lock()
	defer u.mu.Unlock()
	u.executed[canary] = true
	if session == "" {
		return
	}
	if had, ok := u.owner[session]; !ok {
		u.owner[session] = client
	} else if had != client {
		u.shared = append(u.shared, fmt.Sprintf("%s: %s and %s", session, had, client))
	}
}

func (u *web) has(canary string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.executed[canary]
}

// hold waits until enough others wait, and leaves with them in any order.
func (u *web) hold() {
	mine := make(chan struct{})
	u.mu.Lock()
	u.waiting = append(u.waiting, mine)
	switch len(u.waiting) {
	case shuffled:
		u.letGo()
	case 1:
		time.AfterFunc(shuffledWait, func() {
			u.mu.Lock()
			u.letGo()
			u.mu.Unlock()
		})
	}
	u.mu.Unlock()
	<-mine
}

// letGo needs mu.
func (u *web) letGo() {
	rand.Shuffle(len(u.waiting), func(i, j int) { u.waiting[i], u.waiting[j] = u.waiting[j], u.waiting[i] })
	for _, c := range u.waiting {
		close(c)
	}
	u.waiting = nil
}

// serveStdio is the stdio server: args are the file that gets the canary of
// each call before it is answered ("" for none) and the seconds that a
// grandchild in a session of its own sleeps ("" for no grandchild).
func serveStdio(args []string) {
	var done *os.File
	if len(args) > 0 && args[0] != "" {
		done, _ = os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	}
	if len(args) > 1 && args[1] != "" {
		grandchild := exec.Command("sleep", args[1])
		grandchild.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := grandchild.Start(); err != nil {
			panic(err)
		}
	}
	out := &disorder{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var m request
		if json.Unmarshal(in.Bytes(), &m) != nil || m.ID == nil {
			continue
		}
		text, call := m.answer()
		if call && done != nil {
			_, _ = done.WriteString(m.Params.Arguments.Canary + "\n")
		}
		out.put(text, call)
	}
	out.flush()
}

// disorder writes lines to stdout, those of calls in any order.
type disorder struct {
	mu   sync.Mutex
	held []string
}

func (d *disorder) put(line string, call bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !call {
		_, _ = os.Stdout.WriteString(line + "\n")
		return
	}
	d.held = append(d.held, line)
	switch len(d.held) {
	case shuffled:
		d.write()
	case 1:
		time.AfterFunc(shuffledWait, d.flush)
	}
}

func (d *disorder) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write()
}

// write needs mu.
func (d *disorder) write() {
	rand.Shuffle(len(d.held), func(i, j int) { d.held[i], d.held[j] = d.held[j], d.held[i] })
	var b bytes.Buffer
	for _, line := range d.held {
		b.WriteString(line + "\n")
	}
	_, _ = os.Stdout.Write(b.Bytes())
	d.held = nil
}

// stdioCommand is the YAML of a command that runs this binary as the stdio server.
func stdioCommand(t *testing.T, args ...string) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(slices.Concat([]string{self, childFlag}, args))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
