package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
)

const taskRoles = `
upstreams: {up: {url: "%s"}}
profiles: {only: {upstreams: [up], names: plain}}
roles: {user: {allow: [{tools: ["up/**"]}]}}
`

// deals is a gateway before a tasker, with alice, whose task it is, and bob.
type deals struct {
	*gatetest.GW
	t     *testing.T
	k     *tasker
	alice *gatetest.Client
	bob   *gatetest.Client
	can   string // the capabilities that requests declare
}

func dealing(t *testing.T, stateless bool) *deals {
	t.Helper()
	return dealingWith(t, tasking(t, stateless))
}

func dealingWith(t *testing.T, k *tasker) *deals {
	t.Helper()
	stateless := k.stateless
	d := &deals{t: t, k: k, can: `{"elicitation":{}}`}
	version := "2025-11-25"
	if stateless {
		version, d.can = modern, `{`+tasksInMeta+`}`
	}
	d.GW = gatetest.Gateway(t, fmt.Sprintf(taskRoles, d.k.server.URL), nil)
	d.Approve("")
	d.alice, d.bob = d.As("alice", "user"), d.As("bob", "user")
	for _, c := range []*gatetest.Client{d.alice, d.bob} {
		d.open(c, version)
	}
	return d
}

// open makes a client of a version, which declares what the deals say; it
// returns what the gateway says that it can.
func (d *deals) open(c *gatetest.Client, version string) string {
	d.t.Helper()
	c.Version, c.Session = version, ""
	body := c.Request("0", "server/discover", "")
	if !c.Stateless() {
		body = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,"capabilities":%s,"clientInfo":{"name":"t","version":"1"}}}`, version, d.can)
	}
	r := c.Post(body)
	var m struct {
		Result struct{ Capabilities json.RawMessage }
	}
	if err := json.Unmarshal(r.Final(), &m); err != nil || !r.OK() {
		d.t.Fatalf("opening: %s", r)
	}
	if c.Session = r.Header.Get("Mcp-Session-Id"); c.Session != "" {
		c.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	}
	return string(m.Result.Capabilities)
}

// body is a request of the client's era that declares what the deals say.
func (d *deals) body(c *gatetest.Client, method, params string) []byte {
	body := c.Request("7", method, params)
	if c.Stateless() {
		body = bytes.Replace(body, []byte(`clientCapabilities":{}`), []byte(`clientCapabilities":`+d.can), 1)
	}
	return body
}

// on is a request about a task.
func (d *deals) on(c *gatetest.Client, method, id string) *gatetest.Reply {
	d.t.Helper()
	return c.Post(d.body(c, method, `"taskId":"`+id+`"`), "Mcp-Name", id)
}

// make has alice make the task and returns its id.
func (d *deals) make() string {
	d.t.Helper()
	params, want := `"name":"up__slow","arguments":{"x":1},"task":{"ttl":60000}`, `{"task": {"taskId": "%[1]s", "ttl":%[2]s,"vendor":9007199254740993},"_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"%[1]s"}}}`
	if d.alice.Stateless() {
		params, want = `"name":"up__slow","arguments":{"x":1}`, `{"resultType":"task","taskId": "%[1]s","status":"working","ttlMs":%[2]s,"vendor":9007199254740993}`
	}
	r := d.alice.Post(d.body(d.alice, "tools/call", params))
	var m struct {
		Result struct {
			TaskID string
			Task   struct{ TaskID string }
		}
	}
	if err := json.Unmarshal(r.Final(), &m); err != nil {
		d.t.Fatalf("making a task: %s", r)
	}
	id := m.Result.TaskID + m.Result.Task.TaskID
	if got := string(r.Final()); id == "" || !strings.Contains(got, fmt.Sprintf(want, id, d.k.ttl)) || strings.Contains(got, "own-") {
		d.t.Fatalf("making a task: %s", r)
	}
	return id
}

// The experimental tasks of 2025-11-25, from end to end.
func TestTasksStateful(t *testing.T) {
	t.Parallel()
	d := dealing(t, false)
	if can := d.open(d.alice, "2025-11-25"); !strings.Contains(can, `"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}`) {
		t.Errorf("the gateway says that it can %s", can)
	}
	if r := d.alice.Post(d.body(d.alice, "tools/list", "")); !bytes.Contains(r.Body, []byte("up__must")) {
		t.Errorf("listed: %s", r)
	}
	id := d.make()
	if saw := d.k.saw(); len(saw) != 1 || !strings.Contains(saw[0].params, `"task":{"ttl":60000}`) {
		t.Errorf("the upstream saw %+v", saw)
	}
	if r := d.on(d.alice, "tasks/get", id); !r.OK() || !bytes.Contains(r.Body, []byte(`"taskId":"`+id+`"`)) || bytes.Contains(r.Body, []byte("own-")) {
		t.Errorf("asked for its state: %s", r)
	}
	if saw := d.k.saw(); len(saw) != 1 || saw[0].params != `{"taskId":"own-\u0031"}` {
		t.Errorf("the upstream saw %+v", saw)
	}
	d.k.finish(goodOutcome)
	if r := d.on(d.alice, "tasks/result", id); !r.OK() || !bytes.Contains(r.Body, []byte(`"structuredContent":{"n":1.0},"_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"`+id+`"}}`)) {
		t.Errorf("asked for its result: %s", r)
	}
	d.k.finish(`{"content":[],"structuredContent":{"n":"no"}}`)
	if r := d.on(d.alice, "tasks/result", id); r.Refusal != "result.invalid" {
		t.Errorf("a result that breaks the schema: %s", r)
	}
	if r := d.on(d.alice, "tasks/cancel", id); !r.OK() {
		t.Errorf("ending it: %s", r)
	}
	for _, method := range []string{"tasks/list", "tasks/update"} {
		if r := d.on(d.alice, method, id); r.Code != -32601 || r.Refusal != "method.unknown" {
			t.Errorf("%s: %s", method, r)
		}
	}
	again := d.As("again", "user") // another session of the same principal
	again.Key = d.alice.Key
	d.open(again, "2025-11-25")
	if r := d.on(again, "tasks/get", id); !r.OK() || !bytes.Contains(r.Body, []byte(`"taskId":"`+id+`"`)) {
		t.Errorf("from another session: %s", r)
	}
}

// What a stateful upstream says of tasks outside the calls about them, and what
// it asks for one, comes with the client's own id, and not at all when it is of
// another's task.
func TestTasksAsideStateful(t *testing.T) {
	t.Parallel()
	d := dealing(t, false)
	events := watch(t, d.GW, d.alice, "", "")
	eventually(t, "both sessions have a stream", func() bool { return d.k.streams() == 2 })
	id := d.make()
	for _, task := range []string{"somebody's", `own-\u0031`} {
		d.k.say(`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"` + task + `","status":"working"}}`)
	}
	if h := next(t, events); h.raw != `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"`+id+`","status":"working"}}` {
		t.Errorf("alice heard %s", h.raw)
	}
	d.k.mu.Lock()
	d.k.asks, d.k.outcome = true, goodOutcome
	d.k.mu.Unlock()
	messages := d.stream(d.body(d.alice, "tasks/result", `"taskId":"`+id+`"`))
	question := <-messages
	related := `"_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"` + id + `"}}`
	if !strings.Contains(question, related) || !strings.Contains(question, "elicitation/create") {
		t.Fatalf("alice was asked %s", question)
	}
	var m struct{ ID json.RawMessage }
	if err := json.Unmarshal([]byte(question), &m); err != nil {
		t.Fatal(err)
	}
	d.alice.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":{"action":"decline",%s}}`, m.ID, related))
	if got := <-messages; !strings.Contains(got, `"answer":{"action":"decline",`+relatedToOwn+`}`) {
		t.Errorf("the upstream was answered: %s", got)
	}
	if left := len(events); left != 0 {
		t.Errorf("alice heard %d messages more", left)
	}
	again := d.As("again", "user") // another session of hers hears of it once it has asked
	again.Key = d.alice.Key
	d.open(again, "2025-11-25")
	events = watch(t, d.GW, again, "", "")
	eventually(t, "three sessions have a stream", func() bool { return d.k.streams() == 3 })
	d.k.say(`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"own-1","status":"unheard"}}`)
	d.on(again, "tasks/get", id)
	d.k.say(`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"own-1","status":"heard"}}`)
	if h := next(t, events); !strings.Contains(h.raw, `"taskId":"`+id+`"`) {
		t.Errorf("the other session heard %s", h.raw)
	}
}

// An id is good for no longer than the upstream keeps the task.
func TestTasksExpire(t *testing.T) {
	t.Parallel()
	for _, stateless := range []bool{false, true} {
		k := tasking(t, stateless)
		k.ttl = "0"
		d := dealingWith(t, k)
		id := d.make()
		d.k.saw()
		if r := d.on(d.alice, "tasks/get", id); r.Refusal != "task.unknown" || len(d.k.saw()) != 0 {
			t.Errorf("stateless %v: %s", stateless, r)
		}
	}
}

// An upstream that did not say that it runs tasks is asked for none.
func TestTasksNotOffered(t *testing.T) {
	t.Parallel()
	for _, stateless := range []bool{false, true} {
		k := tasking(t, stateless)
		k.silent = true
		d := dealingWith(t, k)
		if can := d.open(d.alice, d.alice.Version); strings.Contains(can, "tasks") {
			t.Errorf("stateless %v: the gateway says that it can %s", stateless, can)
		}
		if r := d.alice.Post(d.body(d.alice, "tools/call", `"name":"up__must","arguments":{}`)); !r.OK() {
			t.Errorf("stateless %v: a plain call: %s", stateless, r)
		}
		if saw := k.saw(); len(saw) != 1 || strings.Contains(saw[0].params, "extensions") {
			t.Errorf("stateless %v: the upstream saw %+v", stateless, saw)
		}
		r := d.alice.Post(d.body(d.alice, "tools/call", `"name":"up__slow","arguments":{"x":1},"task":{}`))
		if saw := k.saw(); !stateless && (r.Refusal != "task.unsupported" || len(saw) != 0) {
			t.Errorf("a call as a task: %s; the upstream saw %+v", r, saw)
		}
	}
}

// stream posts as alice and returns the messages of the answer as they come.
func (d *deals) stream(body []byte) <-chan string {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.URL(), bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = d.alice.Headers(body)
	transport := &http.Transport{}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	messages, done := make(chan string, maxHeard), make(chan struct{})
	go func() {
		defer close(done)
		defer close(messages)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if data, ok := strings.CutPrefix(s.Text(), "data: "); ok && data != "" {
				messages <- data
			}
		}
	}()
	d.t.Cleanup(func() {
		resp.Body.Close()
		<-done
		transport.CloseIdleConnections()
	})
	return messages
}

// The extension for tasks of 2026-07-28, from end to end.
func TestTasksStateless(t *testing.T) {
	t.Parallel()
	d := dealing(t, true)
	if can := d.open(d.alice, modern); !strings.Contains(can, tasksInMeta) {
		t.Errorf("the gateway says that it can %s", can)
	}
	id := d.make()
	if saw := d.k.saw(); len(saw) != 1 || !strings.Contains(saw[0].params, `clientCapabilities":{`+tasksInMeta+`}`) {
		t.Errorf("the upstream saw %+v", saw)
	}
	state := func(want string) {
		t.Helper()
		r := d.on(d.alice, "tasks/get", id)
		if !bytes.Contains(r.Body, []byte(want)) || bytes.Contains(r.Body, []byte("own-")) {
			t.Errorf("asked for its state: %s, want %s", r, want)
		}
	}
	state(`{"taskId":"` + id + `","status":"working"`)
	if saw := d.k.saw(); len(saw) != 1 || saw[0].name != "own-1" || !strings.Contains(saw[0].params, `"taskId":"own-\u0031"`) {
		t.Errorf("the upstream saw %+v", saw)
	}
	d.k.finish(goodOutcome)
	state(`"result": ` + goodOutcome)
	d.k.finish(`{"content":[],"structuredContent":{}}`)
	state(`"code":"result.invalid"`)
	update := d.body(d.alice, "tasks/update", `"taskId":"`+id+`","inputResponses":{"a":{"action":"decline"}}`)
	if r := d.alice.Post(update, "Mcp-Name", id); !r.OK() {
		t.Errorf("answering it: %s", r)
	}
	if r := d.on(d.alice, "tasks/cancel", id); !r.OK() {
		t.Errorf("ending it: %s", r)
	}
	if r := d.on(d.alice, "tasks/result", id); r.Code != -32601 {
		t.Errorf("a method of the other era: %s", r)
	}
	if r := d.alice.Post(d.body(d.alice, "tasks/get", `"taskId":"`+id+`"`), "Mcp-Name", "own-1"); r.Refusal != "message.header_mismatch" {
		t.Errorf("another id in the header: %s", r)
	}
	d.can = `{}`
	d.k.saw()
	if r := d.on(d.alice, "tasks/get", id); r.Code != -32021 {
		t.Errorf("without the capability: %s", r)
	}
	listen := d.body(d.alice, "subscriptions/listen", `"notifications":{"taskIds":["`+id+`"]}`)
	if r := d.alice.Post(listen); r.Code != -32021 {
		t.Errorf("a listen without the capability: %s", r)
	}
	if r := d.alice.Post(d.body(d.alice, "tools/call", `"name":"up__slow","arguments":{"x":1}`)); !r.OK() || bytes.Contains(r.Body, []byte("taskId")) {
		t.Errorf("a call without the capability: %s", r)
	}
	if saw := d.k.saw(); len(saw) != 1 || saw[0].method != "tools/call" || strings.Contains(saw[0].params, "extensions") {
		t.Errorf("the upstream saw %+v", saw)
	}
}

// TEN-11: an id of a task is no credential. Whoever else brings it, wherever
// else, and whatever was done to it, the answer is the same, and the upstream
// hears nothing.
func TestTEN11_TaskIDs(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateful": false, "stateless": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dealing(t, stateless)
			id := d.make()
			methods := []string{"tasks/get", "tasks/cancel", "tasks/result"}
			if stateless {
				methods[2] = "tasks/update"
			}
			elsewhere := d.As("elsewhere", "user")
			elsewhere.Key, elsewhere.Path = d.alice.Key, "only"
			d.open(elsewhere, d.alice.Version)
			d.k.saw()
			last := byte('A')
			if id[20] == 'A' {
				last = 'B'
			}
			for what, by := range map[string]struct {
				who *gatetest.Client
				id  string
			}{
				"another principal":    {d.bob, id},
				"another profile":      {elsewhere, id},
				"a character changed":  {d.alice, id[:20] + string(last) + id[21:]},
				"cut":                  {d.alice, id[:len(id)-1]},
				"the upstream's own":   {d.alice, "own-1"},
				"nothing":              {d.alice, ""},
				"the name of the tool": {d.alice, "up__slow"},
			} {
				for _, method := range methods {
					r := d.on(by.who, method, by.id)
					if r.Code != -32602 || r.Refusal != "task.unknown" || !bytes.Contains(r.Body, []byte(`"no such task"`)) {
						t.Errorf("%s, %s: %s", what, method, r)
					}
				}
			}
			if saw := d.k.saw(); len(saw) != 0 {
				t.Errorf("the upstream saw %+v", saw)
			}
			d.withdrawn(id)
		})
	}
}

// withdrawn takes away, one after the other, what a task needs: its tool's
// approval, the policy's word, its upstream.
func (d *deals) withdrawn(id string) {
	t := d.t
	t.Helper()
	refused := func(code string) {
		t.Helper()
		if r := d.on(d.alice, "tasks/get", id); r.Refusal != code {
			t.Errorf("got %s, want %s", r, code)
		}
		if saw := d.k.saw(); len(saw) != 0 {
			t.Errorf("%s: the upstream saw %+v", code, saw)
		}
	}
	entries, err := d.App.Entries(t.Context(), admin.Review{Upstream: "up", Shown: true})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(entries, func(e admin.Entry) bool { return e.Name == "slow" })
	ref := []admin.Ref{{Upstream: "up", Kind: "tool", Name: "slow", Digest: entries[i].Digest}}
	if _, err := d.App.Reject(t.Context(), "test", ref); err != nil {
		t.Fatal(err)
	}
	refused("tool.rejected")
	if _, err := d.App.Approve(t.Context(), "test", ref); err != nil {
		t.Fatal(err)
	}
	if r := d.on(d.alice, "tasks/get", id); !r.OK() {
		t.Errorf("approved again: %s", r)
	}
	d.k.saw()
	for _, change := range []struct{ from, to, code string }{
		{`allow: [{tools: ["up/**"]}]`, `allow: [{tools: ["up/**"]}], deny: [{tools: [up/slow]}]`, "policy.denied"},
		{`upstreams: {up:`, `upstreams: {other:`, "task.unknown"},
	} {
		path := filepath.Join(d.Dir, "doorward.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(strings.ReplaceAll(string(text), change.from, change.to), "upstreams: [up]", "upstreams: ["+strings.TrimSuffix(strings.TrimPrefix(change.to, "upstreams: {"), ":")+"]")
		if change.code == "policy.denied" {
			changed = strings.ReplaceAll(string(text), change.from, change.to)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.App.Reload(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		refused(change.code)
	}
}

// Tasks are not translated, and a tool that runs as one only is hidden from
// whoever could not call it.
func TestTasksAcrossEras(t *testing.T) {
	t.Parallel()
	const asked = `,"task":{"ttl":1}`
	for _, tc := range []struct {
		version   string
		stateless bool
		hidden    bool
		tool      string
		more      string
		refusal   string
	}{
		{modern, false, true, "must", "", "task.unsupported"},
		{modern, false, true, "slow", asked, "task.unsupported"},
		{modern, false, true, "slow", "", ""},
		{"2025-06-18", false, true, "must", "", "task.unsupported"},
		{"2025-06-18", false, true, "must", asked, "task.unsupported"},
		{"2025-06-18", false, true, "slow", "", ""},
		{"2025-11-25", false, false, "must", "", "task.unsupported"},
		{"2025-11-25", false, false, "must", asked, ""},
		{"2025-11-25", false, false, "never", asked, "task.unsupported"},
		{"2025-11-25", true, false, "slow", asked, "task.unsupported"},
		{"2025-11-25", true, false, "must", "", ""},
		{modern, true, false, "must", asked, ""},
	} {
		t.Run(fmt.Sprintf("%s stateless=%v %s%s", tc.version, tc.stateless, tc.tool, tc.more), func(t *testing.T) {
			t.Parallel()
			d := dealing(t, tc.stateless)
			can := d.open(d.alice, tc.version)
			same := tc.stateless == d.alice.Stateless() && tc.version != "2025-06-18"
			if strings.Contains(can, "tasks") != same {
				t.Errorf("the gateway says that it can %s", can)
			}
			if r := d.alice.Post(d.body(d.alice, "tools/list", "")); bytes.Contains(r.Body, []byte("up__must")) == tc.hidden || !r.OK() {
				t.Errorf("listed: %s", r)
			}
			d.k.saw()
			r := d.alice.Post(d.body(d.alice, "tools/call", `"name":"up__`+tc.tool+`","arguments":{"x":1}`+tc.more))
			saw := d.k.saw()
			if r.Refusal != tc.refusal || tc.refusal != "" && (r.Code != -32601 || len(saw) != 0) || tc.refusal == "" && !r.OK() {
				t.Errorf("called: %s; the upstream saw %+v", r, saw)
			}
			if cannot := tc.tool == "must" && !same && tc.refusal != ""; cannot != bytes.Contains(r.Body, []byte("cannot be had in this protocol version")) {
				t.Errorf("called: %s", r)
			}
			if !same && bytes.Contains(r.Body, []byte("taskId")) {
				t.Errorf("called: %s", r)
			}
		})
	}
}
