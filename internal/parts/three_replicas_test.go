package parts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

// three are three gateways behind nginx as it is shipped, that share a PostgreSQL and a
// Redis, before an upstream that keeps every request.
type three struct {
	*nginx
	up       *gatetest.UP
	web      *http.Server // up's, at upAt; nil while it is away
	upAt     string
	idp      *gatetest.IDP
	database *storetest.Postgres
	redis    *storetest.Server
	state    string    // the directory of what the gateways' secrets are in
	from     [3]string // addresses whose clients nginx sends to the first, second and third gateway
}

// threeConfig is what docs/how-to/run-behind-nginx.md and share-state.md have. look reads,
// count changes something, send waits for a lead's yes. %[1]s is where it listens, %[2]s
// the directory of the secrets, %[3]s the upstream, %[4]s the issuer, %[5]s limits.
const threeConfig = `version: 1
listen:
  address: %[1]s
  public_url: ` + publicURL + `
  allowed_addresses: [127.0.0.0/25]
  trusted_proxies: [127.0.0.1/32]
  health: true
  stop: {notice: 3s}
state: {kind: postgres, dsn: dsn, redis: redis, key: key}
secrets:
  dsn: {from: "file:%[2]s/dsn"}
  redis: {from: "file:%[2]s/redis"}
  key: {from: "file:%[2]s/key"}
identity:
  api_keys: true
  signed_requests: {window: 5m}
  issuers: [{issuer: %[4]q}]
upstreams: {up: {url: %[3]q}}
trust: {first_use: approve}
roles:
  lead: {}
  caller:
    subjects: ["*"]
    allow:
      - tools: [up/look, up/count]
      - {tools: [up/send], mode: approve, approvers: {roles: [lead], expires: 10m}}
limits: {%[5]s}
`

const (
	budget  = "per_principal: 100/1m"
	noLimit = "per_principal: 1000000/1m, per_address: 1000000/1m"
)

func newThree(t *testing.T, limits string) *three {
	t.Helper()
	tool := func(name, hints string) json.RawMessage {
		return json.RawMessage(`{"name":"` + name + `","description":"does it","inputSchema":{"type":"object"},"annotations":{` + hints + `}}`)
	}
	f := &three{
		up:       gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{tool("look", `"readOnlyHint":true`), tool("count", ""), tool("send", "")}}),
		idp:      gatetest.Provider(t),
		database: storetest.NewPostgres(t),
		// As share-state.md asks for: what was used survives it.
		redis: storetest.Redis(t, "--appendonly", "yes", "--appendfsync", "always"),
		state: t.TempDir(),
	}
	for name, text := range map[string]string{"dsn": f.database.DSN(), "redis": f.redis.URL(), "key": strings.Repeat("5eed", 16)} {
		if err := os.WriteFile(filepath.Join(f.state, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.upAt = freeAddress(t)
	f.rise(t)
	t.Cleanup(func() { _ = f.web.Close() })
	f.nginx = nginxBefore(t, 3, []string{"--role", "caller"}, func(at string) string { return f.config(at, limits) })
	for i := 10; i < 120 && (f.from[0] == "" || f.from[1] == "" || f.from[2] == ""); i++ {
		from := fmt.Sprintf("127.0.0.%d", i)
		got := f.caller(from, "").post(t, "tools/list", "")
		p := f.line("from "+from, of(got.exchange))
		for r, at := range f.behind {
			if p.Replica == at && f.from[r] == "" {
				f.from[r] = from
			}
		}
	}
	for r, from := range f.from {
		if from == "" {
			t.Fatalf("no client of 110 addresses is sent to replica %d", r)
		}
	}
	return f
}

// rise lets the upstream listen, always at the same address.
func (f *three) rise(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", f.upAt)
	if err != nil {
		t.Fatal(err)
	}
	f.web = &http.Server{Handler: f.up, ReadHeaderTimeout: patience}
	go func(s *http.Server) { _ = s.Serve(ln) }(f.web) // until it is closed
}

func (f *three) config(at, limits string) string {
	return fmt.Sprintf(threeConfig, at, f.state, "http://"+f.upAt+"/mcp", f.idp.URL(), limits)
}

// limit makes the gateways reload their configuration with other limits.
func (f *three) limit(limits string) {
	f.t.Helper()
	for i, g := range f.replicas {
		g.write("doorward.yaml", f.config(f.behind[i], limits))
		if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			f.t.Fatal(err)
		}
		eventually(f.t, "the configuration is reloaded", func() bool { return g.log.count("reloaded") > 0 })
	}
}

// restart ends a gateway as an operator does, and starts it again on its directory.
func (f *three) restart(i int) {
	f.t.Helper()
	if err := f.replicas[i].cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	<-f.replicas[i].exited
	f.again(i)
}

// end lets all gateways say at once that they stop; newNginx waits for each.
func (f *three) end() {
	for _, g := range f.replicas {
		_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
}

// again starts a gateway that has ended.
func (f *three) again(i int) {
	f.t.Helper()
	old := f.replicas[i]
	f.replicas[i] = &gateway{t: f.t, dir: old.dir, hidden: old.hidden, exited: make(chan struct{})}
	f.replicas[i].serve()
}

// caller is a client at an address, with a credential: that of newNginx, where it is empty.
type caller struct {
	http    *http.Client
	key     string
	session string // of the era that has them
}

func (f *three) caller(from, key string) *caller {
	c := f.client(from, false)
	c.Timeout = time.Minute
	if key == "" {
		key = f.key
	}
	return &caller{http: c, key: key}
}

// got is an answer.
type got struct {
	status            int
	code              string // of a refusal
	exchange, session string
	body              []byte
	err               error // there is no answer
}

func (g got) String() string { return fmt.Sprintf("status %d, %v, %.300s", g.status, g.err, g.body) }

// good tells whether the answer is the upstream's.
func (g got) good() bool {
	return g.err == nil && g.status == http.StatusOK && g.code == "" && bytes.Contains(g.body, []byte(`"result"`)) && !bytes.Contains(g.body, []byte("input_required"))
}

// request is a message in the caller's era with its headers, without a credential.
func (c *caller) request(method, params string) (body []byte, h http.Header) {
	era := gatetest.Client{Version: stateless}
	if c.session != "" || method == "initialize" {
		era.Version, era.Session = stateful, c.session
	}
	body = era.Request("1", method, params)
	return body, era.Headers(body)
}

// post sends a message as the caller.
func (c *caller) post(t *testing.T, method, params string) got {
	body, h := c.request(method, params)
	h.Set("Authorization", "Bearer "+c.key)
	return c.send(t, body, h)
}

// call calls a tool of the upstream with an argument of its own.
func (c *caller) call(t *testing.T, tool, n, more string) got {
	return c.post(t, "tools/call", fmt.Sprintf(`"name":"up__%s","arguments":{"n":%q}%s`, tool, n, more))
}

func (c *caller) send(t *testing.T, body []byte, h http.Header) (g got) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+"/mcp", bytes.NewReader(body))
	if err != nil {
		return got{err: err}
	}
	r.Header = h
	r.GetBody = nil // it would be sent once more where a connection closes
	res, err := c.http.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer res.Body.Close()
	g = got{status: res.StatusCode, exchange: res.Header.Get("Doorward-Exchange"), session: res.Header.Get("Mcp-Session-Id")}
	if g.body, g.err = io.ReadAll(res.Body); g.err != nil {
		return g
	}
	var m struct {
		Error  struct{ Data struct{ Code string } }
		Result struct {
			Meta struct {
				Refusal struct{ Code string } `json:"doorward/refusal"`
			} `json:"_meta"`
		}
	}
	_ = json.Unmarshal(g.body, &m) // what is none of ours has no code
	g.code = m.Error.Data.Code + m.Result.Meta.Refusal.Code
	return g
}

// made is how often each call of a tool reached the upstream, by its argument.
func (f *three) made(tool string) map[string]int {
	all := map[string]int{}
	for _, s := range f.up.Seen("tools/call") {
		var p struct{ Arguments struct{ N string } }
		if err := json.Unmarshal(s.Params, &p); err != nil {
			f.t.Errorf("the upstream got %s", s.Params)
		}
		if s.Name == tool {
			all[p.Arguments.N]++
		}
	}
	return all
}
