package parts_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// registry is a registry of npm on loopback.
type registry struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	packages map[string][]byte // packuments
	archives map[string][]byte // by path
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{t: t, packages: map[string][]byte{}, archives: map[string][]byte{}}
	s := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(s.Close)
	r.url = s.URL + "/"
	return r
}

func (r *registry) serve(w http.ResponseWriter, req *http.Request) {
	path, err := url.PathUnescape(strings.TrimPrefix(req.URL.EscapedPath(), "/"))
	if err != nil {
		http.Error(w, "not a path", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range []map[string][]byte{r.archives, r.packages} {
		if body, ok := of[path]; ok {
			_, _ = w.Write(body)
			return
		}
	}
	http.NotFound(w, req)
}

// publish puts a package of these files there, and is the integrity of its archive.
func (r *registry) publish(manifest map[string]any, files map[string]string) string {
	r.t.Helper()
	raw, err := json.Marshal(manifest)
	if err != nil {
		r.t.Fatal(err)
	}
	files["package.json"] = string(raw)
	name, version := fmt.Sprint(manifest["name"]), fmt.Sprint(manifest["version"])
	archive := pack(r.t, files)
	path := name + "/-/" + filepath.Base(name) + "-" + version + ".tgz"
	sum := sha512.Sum512(archive)
	integrity := "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	manifest["dist"] = map[string]any{"tarball": r.url + path, "integrity": integrity}
	document, err := json.Marshal(map[string]any{"name": name, "dist-tags": map[string]any{"latest": version}, "versions": map[string]any{version: manifest}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.archives[path], r.packages[name] = archive, document
	return integrity
}

// forge puts another archive in place of a package's, of which the registry says what it said before.
func (r *registry) forge(path string, files map[string]string) {
	archive := pack(r.t, files)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.archives[path] = archive
}

// pack is an archive of npm.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// notesServer is a server that says what it was given, what its dependency says, and
// which way out it has.
const notesServer = `#!/usr/bin/env node
const answer = (id, result) => process.stdout.write(JSON.stringify({jsonrpc: '2.0', id, ...result}) + '\n')
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const {id, method, params} = JSON.parse(line)
  if (id === undefined) return
  if (method === 'initialize') return answer(id, {result: {protocolVersion: params.protocolVersion, capabilities: {tools: {}}, serverInfo: {name: 'notes', version: '1'}}})
  if (method === 'tools/list') return answer(id, {result: {tools: [{name: 'say', description: 'Says it', inputSchema: {type: 'object'}}]}})
  if (method !== 'tools/call') return answer(id, {error: {code: -32601, message: 'unknown'}})
  const text = [process.argv[2], require('greet')(), process.env.HTTP_PROXY].join(' ')
  answer(id, {result: {content: [{type: 'text', text}]}})
})
`

const notes = "@example/notes"

// published is a registry with a server, and what that needs, which has a script for the installation.
func published(t *testing.T) (r *registry, integrity string) {
	t.Helper()
	r = newRegistry(t)
	r.publish(map[string]any{"name": "greet", "version": "2.0.0", "scripts": map[string]any{"postinstall": "node -e \"require('fs').writeFileSync('ran', '')\""}},
		map[string]string{"index.js": "module.exports = () => 'hello from what it needs'\n"})
	integrity = r.publish(map[string]any{"name": notes, "version": "1.0.0", "bin": map[string]any{"notes": "server.js"}, "dependencies": map[string]any{"greet": "2.0.0"}},
		map[string]string{"server.js": notesServer})
	return r, integrity
}

const notesConfig = `version: 1
listen: {address: "127.0.0.1:0"}
trust: {first_use: approve}
upstreams:
  notes: {command: [npx, -y, "@example/notes@1.0.0", --loud]}
`

// refusedWith runs a command that has to fail and say why.
func (g *gateway) refusedWith(want string, args ...string) {
	g.t.Helper()
	if r := g.run(args...); r.code != 1 || !strings.Contains(r.stderr, want) {
		g.t.Errorf("doorward %s: exit %d, want 1 and %q:\n%s%s", strings.Join(args, " "), r.code, want, r.stdout, r.stderr)
	}
}

// What cannot be installed is not, says why, and leaves nothing.
func TestSBX26_SUP09_PackageIsNotInstalled(t *testing.T) {
	t.Parallel()
	r, _ := published(t)
	g := directory(t, notesConfig+`  other: {command: [/bin/false]}
  listed: {command: [npx, -y, "@example/notes@1.0.0"], sandbox: {network: ["registry.npmjs.org:443"]}}
`)
	g.refusedWith("doorward upstream install notes", "sandbox", "plan", "notes")
	if out := g.must("sandbox", "plan", "listed"); !strings.Contains(out, "Doorward's proxy") {
		t.Errorf("an upstream that may fetch at each start does not:\n%s", out)
	}
	g.refusedWith("the command is not npx", "upstream", "install", "other")
	g.refusedWith("must be reached by https", "upstream", "install", "notes", "--registry", "http://registry.example.com/")
	g.refusedWith("does not answer", "upstream", "install", "notes", "--registry", "http://127.0.0.1:1/")
	r.forge("greet/-/greet-2.0.0.tgz", map[string]string{"package.json": `{"name": "greet", "version": "2.0.0"}`, "index.js": "module.exports = () => 'forged'\n"})
	g.refusedWith("EINTEGRITY", "upstream", "install", "notes", "--registry", r.url)
	g.under = []string{"/usr/bin/env", "PATH=" + t.TempDir()}
	g.refusedWith("npm is needed", "upstream", "install", "notes")
	if left, err := os.ReadDir(filepath.Join(g.dir, "doorward-data", "packages")); err != nil || len(left) != 0 {
		t.Errorf("what failed left %v, %v", left, err)
	}
}

// What was installed is what runs, without any network, and pinned; what cannot be put in
// its place leaves it.
func TestSBX26_SUP09_PackageIsInstalled(t *testing.T) {
	t.Parallel()
	r, integrity := published(t)
	g := directory(t, notesConfig)
	var is struct {
		Name, Version, Integrity, Dir string
		Packages                      int
		Unrun                         []string
	}
	out := g.must("upstream", "install", "notes", "--registry", r.url, "--format", "json")
	if err := json.Unmarshal([]byte(out), &is); err != nil || is.Name != notes || is.Version != "1.0.0" || is.Integrity != integrity || is.Packages != 2 || fmt.Sprint(is.Unrun) != "[greet@2.0.0]" {
		t.Fatalf("installed: %v in %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(is.Dir, "node_modules", "greet", "ran")); !os.IsNotExist(err) {
		t.Errorf("a script of a package ran: %v", err)
	}
	if out := g.must("sandbox", "plan", "notes"); !strings.Contains(out, "network   none") || !strings.Contains(out, is.Dir) {
		t.Errorf("the plan:\n%s", out)
	}
	g.serve()
	cs := goClient(t, g.url, g.key("create", "me").Key)
	defer func() { _ = cs.Close() }()
	res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "notes__say", Arguments: map[string]any{}})
	if err != nil || len(res.Content) != 1 {
		t.Fatalf("calling what was installed: %+v, %v", res, err)
	}
	if text, _ := res.Content[0].(*mcp.TextContent); text == nil || text.Text != "--loud hello from what it needs " {
		t.Errorf("it says %+v", res.Content[0])
	}
	if lock, err := os.ReadFile(filepath.Join(g.dir, "doorward.lock")); err != nil || !strings.Contains(string(lock), integrity) {
		t.Errorf("the lock does not have the integrity of the archive: %v\n%s", err, lock)
	}
	// Installed again it must have the archives of the first time, whatever the registry says.
	r.publish(map[string]any{"name": "greet", "version": "2.0.0"}, map[string]string{"index.js": "module.exports = () => 'another'\n"})
	g.refusedWith("EINTEGRITY", "upstream", "install", "notes", "--registry", r.url)
	if text, err := os.ReadFile(filepath.Join(is.Dir, "node_modules", "greet", "index.js")); err != nil || !strings.Contains(string(text), "hello") {
		t.Errorf("a failed installation changed what was there: %v, %s", err, text)
	}
	g.write("doorward.yaml", strings.ReplaceAll(notesConfig, "@1.0.0", "@1.0.1"))
	g.refusedWith("doorward upstream install notes", "sandbox", "plan", "notes")
	g.write("doorward.yaml", strings.Replace(notesConfig, "--loud]", `], sandbox: {network: ["registry.npmjs.org:443"]}`, 1))
	if out := g.must("sandbox", "plan", "notes"); !strings.Contains(out, "network   none") {
		t.Errorf("what is installed is let out to the registry:\n%s", out)
	}
}
