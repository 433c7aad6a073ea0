package parts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHeldCallOfARealServer: writing a file waits for two people. They decide at
// the command line, with a gateway that was killed in between; a stateless client
// sends its call again, and the file is written once.
func TestHeldCallOfARealServer(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0"}
upstreams:
  files: {command: %s, sandbox: {write: [docs]}, arguments: {path: path}}
roles:
  lead: {}
  writer:
    allow:
      - tools: [files/read_text_file]
        where: {path: {under: ["$DIR/docs"]}}
      - tools: [files/write_file]
        where: {path: {under: ["$DIR/docs"]}}
        mode: approve
        approvers: {roles: [lead], count: 2, expires: 1h}
`, server(t, "filesystem", "docs")))
	g.must("trust", "approve", "files")
	alice := g.key("create", "alice", "--role", "writer", "--role", "lead").Key
	ann, ben := g.key("create", "ann", "--role", "lead").Key, g.key("create", "ben", "--role", "lead").Key
	target := filepath.Join(g.dir, "docs", "plan.txt")
	call := func(tool, path, more string) (int, string) {
		return g.stateless(alice, fmt.Sprintf(`"name":"files__%s","arguments":{"path":%q,"content":"ship it"}%s`, tool, path, more))
	}

	if status, body := call("write_file", filepath.Join(g.dir, "docs", "..", "doorward.yaml"), ""); status != 400 || !strings.Contains(body, "arguments.refused") {
		t.Errorf("a path that leads out: %d %s", status, body)
	}
	status, body := call("write_file", target, "")
	var first struct {
		Result struct {
			ResultType   string
			RequestState string
			Meta         struct {
				Refusal struct{ Approval struct{ ID string } } `json:"doorward/refusal"`
			} `json:"_meta"`
		}
	}
	if err := json.Unmarshal([]byte(body), &first); err != nil || status != 200 || first.Result.ResultType != "input_required" {
		t.Fatalf("the call that waits: %d %s", status, body)
	}
	id := first.Result.Meta.Refusal.Approval.ID
	if shown := g.must("approve", "show", id); !strings.Contains(shown, "ship it") || !strings.Contains(shown, target) {
		t.Errorf("a person is shown\n%s", shown)
	}
	grant := func(key string) result {
		cmd := exec.Command(doorward, "approve", "grant", id)
		cmd.Dir, cmd.Env = g.dir, append(os.Environ(), "DOORWARD_KEY="+key)
		return execute(t, cmd)
	}
	if r := grant(alice); r.code == 0 {
		t.Errorf("the caller agreed with itself: %s", r.stdout)
	}
	if r := grant(ann); r.code != 0 {
		t.Fatalf("the first yes: %s%s", r.stdout, r.stderr)
	}
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-g.exited
	again := &gateway{t: t, dir: g.dir, exited: make(chan struct{})}
	again.serve()
	g = again
	resume := `,"requestState":"` + first.Result.RequestState + `"`
	if _, body := call("write_file", target, resume); !strings.Contains(body, "input_required") {
		t.Errorf("after one yes and a kill: %s", body)
	}
	if r := grant(ann); r.code == 0 {
		t.Errorf("one person agreed twice: %s", r.stdout)
	}
	if r := grant(ben); r.code != 0 {
		t.Fatalf("the second yes: %s%s", r.stdout, r.stderr)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the file was written before the call was sent again")
	}
	if _, body := call("write_file", target, resume); !strings.Contains(body, "Successfully wrote") {
		t.Errorf("the approved call: %s", body)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "ship it" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if _, body := call("write_file", target, resume); !strings.Contains(body, "input_required") {
		t.Errorf("the same call once more: %s", body)
	}
	if r := grant(ben); r.code == 0 {
		t.Errorf("a yes for what was used: %s", r.stdout)
	}
	events := map[string]int{}
	for _, r := range g.records("--kind", "event") {
		events[r.Event]++
	}
	if events["approval.grant"] < 2 {
		t.Errorf("the record has %v", events)
	}
}

// stateless makes one call of a client of 2026-07-28. meta are members of its _meta
// beside those of the protocol, each with a comma behind it.
func (g *gateway) stateless(key, params string, meta ...string) (status int, body string) {
	g.t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(params, `"name":"`), `"`)
	text := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%s,"_meta":{%s"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
		`"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"}}}}`, params, strings.Join(meta, ""))
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url, bytes.NewReader([]byte(text)))
	if err != nil {
		g.t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Accept": "application/json, text/event-stream", "Content-Type": "application/json", "Authorization": "Bearer " + key,
		"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name,
	} {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, string(out)
}
