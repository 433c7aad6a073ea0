package parts_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// index is an index of Python's packages on loopback (PEP 691).
type index struct {
	t   *testing.T
	url string

	mu     sync.Mutex
	pages  map[string][]map[string]any // files by project
	wheels map[string][]byte           // by file name
}

func newIndex(t *testing.T) *index {
	t.Helper()
	x := &index{t: t, pages: map[string][]map[string]any{}, wheels: map[string][]byte{}}
	s := httptest.NewServer(http.HandlerFunc(x.serve))
	t.Cleanup(s.Close)
	x.url = s.URL + "/simple/"
	return x
}

func (x *index) serve(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if body, ok := x.wheels[strings.TrimPrefix(r.URL.Path, "/files/")]; ok {
		_, _ = w.Write(body)
		return
	}
	project := strings.Trim(strings.TrimPrefix(r.URL.Path, "/simple/"), "/")
	files, ok := x.pages[project]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	if err := json.NewEncoder(w).Encode(map[string]any{"meta": map[string]any{"api-version": "1.0"}, "name": project, "files": files}); err != nil {
		x.t.Error(err)
	}
}

// publish puts a wheel of these files there, and is its SHA-256.
func (x *index) publish(name, version, metadata string, files map[string]string) string {
	x.t.Helper()
	file := name + "-" + version + "-py3-none-any.whl"
	raw := wheel(x.t, name, version, metadata, files)
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wheels[file] = raw
	x.pages[strings.ReplaceAll(name, "_", "-")] = []map[string]any{{"filename": file, "url": "/files/" + file, "hashes": map[string]string{"sha256": digest}}}
	return digest
}

// forge puts another wheel in place of one, of which the index says what it said before.
func (x *index) forge(name, version string, files map[string]string) {
	raw := wheel(x.t, name, version, "", files)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wheels[name+"-"+version+"-py3-none-any.whl"] = raw
}

// wheel is an archive as packaging.python.org has it ("Binary distribution format").
func wheel(t *testing.T, name, version, metadata string, files map[string]string) []byte {
	t.Helper()
	info := name + "-" + version + ".dist-info/"
	all := maps.Clone(files)
	all[info+"METADATA"] = "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n" + metadata
	all[info+"WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	if call, ok := all["entry"]; ok {
		delete(all, "entry")
		all[info+"entry_points.txt"] = "[console_scripts]\n" + call + "\n"
	}
	var record strings.Builder
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(at, text string) {
		w, err := z.Create(at)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(all)) {
		sum := sha256.Sum256([]byte(all[at]))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", at, base64.RawURLEncoding.EncodeToString(sum[:]), len(all[at]))
		put(at, all[at])
	}
	put(info+"RECORD", record.String()+info+"RECORD,,\n")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// greetServer is notesServer in Python: it says what it was given, what its dependency
// says, which way out it has, and whether a file that Python runs at every start was run.
const greetServer = `import json, os, sys
import greet

def answer(id, **more):
    print(json.dumps({"jsonrpc": "2.0", "id": id, **more}), flush=True)

def main():
    for line in sys.stdin:
        m = json.loads(line)
        id, method = m.get("id"), m["method"]
        if id is None:
            continue
        if method == "initialize":
            answer(id, result={"protocolVersion": m["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "mail", "version": "1"}})
        elif method == "tools/list":
            answer(id, result={"tools": [{"name": "say", "description": "Says it", "inputSchema": {"type": "object"}}]})
        elif method == "tools/call":
            text = " ".join([sys.argv[1], greet.hello(), os.environ.get("HTTP_PROXY", "inside"), os.environ.get("STARTED", "quiet")])
            answer(id, result={"content": [{"type": "text", "text": text}]})
        else:
            answer(id, error={"code": -32601, "message": "unknown"})
`

// indexed is an index with a server, and what that needs, which has lines for every start.
func indexed(t *testing.T) (x *index, digest string) {
	t.Helper()
	x = newIndex(t)
	x.publish("greet", "2.0.0", "", map[string]string{"greet/__init__.py": "def hello():\n    return 'hello from what it needs'\n", "greet_start.pth": "import os; os.environ['STARTED'] = 'loud'\n"})
	digest = x.publish("mail_server", "1.0.0", "Requires-Dist: greet>=1\n", map[string]string{"mail_server/__init__.py": greetServer, "entry": "mail-server = mail_server:main"})
	return x, digest
}

const mailConfig = `version: 1
listen: {address: "127.0.0.1:0"}
trust: {first_use: approve}
upstreams:
  mail: {command: [uvx, mail-server@1.0.0, --loud]}
`

// A package of Python that cannot be installed is not, says why, and leaves nothing.
func TestSUP09_PythonIsNotInstalled(t *testing.T) {
	t.Parallel()
	x, _ := indexed(t)
	g := directory(t, mailConfig+`  option: {command: [uvx, --python, "3.12", mail-server@1.0.0]}
  listed: {command: [pipx, run, mail-server==1.0.0], sandbox: {network: ["pypi.org:443"]}}
  built: {command: [uvx, built@1.0.0]}
`)
	x.mu.Lock()
	x.pages["built"] = []map[string]any{{"filename": "built-1.0.0.tar.gz", "url": "/files/built-1.0.0.tar.gz", "hashes": map[string]string{}}}
	x.mu.Unlock()
	g.refusedWith("doorward upstream install mail", "sandbox", "plan", "mail")
	g.refusedWith("take --python out", "upstream", "install", "option")
	g.refusedWith("must be reached by https", "upstream", "install", "mail", "--registry", "http://pypi.example.com/simple/")
	g.refusedWith("has no wheel of it", "upstream", "install", "built", "--registry", x.url)
	x.forge("greet", "2.0.0", map[string]string{"greet/__init__.py": "def hello():\n    return 'forged'\n"})
	g.refusedWith("pip refused a wheel", "upstream", "install", "mail", "--registry", x.url)
	if left, err := os.ReadDir(filepath.Join(g.dir, "doorward-data", "packages")); err != nil || len(left) != 0 {
		t.Errorf("what failed left %v, %v", left, err)
	}
}

// What was installed of Python is what runs, without any network and without what would run at
// every start; a wheel that is another later is not taken.
func TestSUP09_PythonIsInstalled(t *testing.T) {
	t.Parallel()
	x, digest := indexed(t)
	g := directory(t, mailConfig)
	var is struct {
		Name, Version, Integrity, Dir, Python string
		Packages                              int
		Unrun                                 []string
	}
	out := g.must("upstream", "install", "mail", "--registry", x.url, "--format", "json")
	if err := json.Unmarshal([]byte(out), &is); err != nil || is.Name != "mail-server" || is.Version != "1.0.0" || is.Integrity != "sha256:"+digest || is.Packages != 2 || fmt.Sprint(is.Unrun) != "[greet_start.pth]" {
		t.Fatalf("installed: %v in %s", err, out)
	}
	if out := g.must("sandbox", "plan", "mail"); !strings.Contains(out, "network   none") || !strings.Contains(out, is.Dir) {
		t.Errorf("the plan:\n%s", out)
	}
	g.serve()
	cs := goClient(t, g.url, g.key("create", "me").Key)
	defer func() { _ = cs.Close() }()
	res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "mail__say", Arguments: map[string]any{}})
	if err != nil || len(res.Content) != 1 {
		t.Fatalf("calling what was installed: %+v, %v", res, err)
	}
	if text, _ := res.Content[0].(*mcp.TextContent); text == nil || text.Text != "--loud hello from what it needs inside quiet" {
		t.Errorf("it says %+v", res.Content[0])
	}
	if lock, err := os.ReadFile(filepath.Join(g.dir, "doorward.lock")); err != nil || !strings.Contains(string(lock), digest) || !strings.Contains(string(lock), "greet==2.0.0") {
		t.Errorf("the lock does not have what is installed: %v\n%s", err, lock)
	}
	// Installed again it must have the wheels of the first time, whatever the index says.
	x.publish("greet", "2.0.0", "", map[string]string{"greet/__init__.py": "def hello():\n    return 'another'\n"})
	g.refusedWith("pip refused a wheel", "upstream", "install", "mail", "--registry", x.url)
	if text, err := os.ReadFile(filepath.Join(is.Dir, "site-packages", "greet", "__init__.py")); err != nil || !strings.Contains(string(text), "hello from") {
		t.Errorf("a failed installation changed what was there: %v, %s", err, text)
	}
	g.write("doorward.yaml", strings.ReplaceAll(mailConfig, "@1.0.0", "@1.0.1"))
	g.refusedWith("doorward upstream install mail", "sandbox", "plan", "mail")
}
