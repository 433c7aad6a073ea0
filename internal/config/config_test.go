package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/config"
	"doorward/internal/policy"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("/etc/doorward/doorward.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Parse:\n%v", err)
	}
	return c
}

func TestTheSmallestFile(t *testing.T) {
	c, err := config.Load("testdata/good/smallest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Listen.Address.String(); got != "127.0.0.1:8080" {
		t.Errorf("listens on %s", got)
	}
	if want := filepath.Join(dir, "doorward-data"); c.DataDir != want {
		t.Errorf("data_dir is %s, want %s", c.DataDir, want)
	}
	if want := filepath.Join(dir, "doorward.lock"); c.Trust.Lock != want {
		t.Errorf("lock is %s, want %s", c.Trust.Lock, want)
	}
	want := config.Upstream{
		Command: []string{"npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "/srv/docs"},
		Limits:  config.Limits{Timeout: config.Duration(30 * time.Second), Concurrency: 64, Queue: 64, Result: 16 << 20, Arguments: 1 << 20, Values: 100_000},
		Sandbox: config.Sandbox{Kind: "process", Memory: 512 << 20, CPU: 1000, Processes: 256, Files: 1024, FileSize: 1 << 30, Disk: 64 << 20, Lifetime: "session"}, UnknownArguments: "schema",
	}
	if diff := cmp.Diff(want, c.Upstreams["files"]); diff != "" {
		t.Errorf("upstream (-want +got):\n%s", diff)
	}
	if !c.Identity.APIKeys || c.Identity.Anonymous != nil || c.Trust.FirstUse != "hold" || c.Trust.OnChange != "hold" || c.Listen.MaxBody != 4<<20 || c.Audit.Durability != "process" || c.Audit.Arguments != "sealed" {
		t.Errorf("a default is not the safe one: %+v", c)
	}
	if !c.BuiltInRole {
		t.Error("there is no built-in role")
	}
	roles := map[string]policy.Role{"user": {Allow: []policy.Rule{{Tools: []string{"*/**"}, Resources: []string{"**"}, Prompts: []string{"*/**"}}}, Deny: []policy.Rule{}}}
	if diff := cmp.Diff(roles, c.PolicySource().Roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			c, err := config.Load(name)
			if err != nil {
				t.Fatalf("Load:\n%v", err)
			}
			again, err := config.Parse(name, config.Show(c))
			if err != nil {
				t.Fatalf("what Show wrote does not parse:\n%v\n%s", err, config.Show(c))
			}
			again.Digest = c.Digest // the bytes are others
			if diff := cmp.Diff(c, again, cmp.Comparer(func(a, b config.Prefix) bool { return a == b }), cmp.Comparer(func(a, b config.Address) bool { return a == b })); diff != "" {
				t.Errorf("Show and Parse (-loaded +again):\n%s\n%s", diff, config.Show(c))
			}
		})
	}
}

func TestWrittenRolesReplaceTheBuiltInOne(t *testing.T) {
	if c := parse(t, "version: 1\nroles: {}\n"); c.BuiltInRole || len(c.Roles) != 0 {
		t.Errorf("roles {}: %+v", c.Roles)
	}
	if c := parse(t, "version: 1\nroles: {reader: {}}\n"); c.BuiltInRole || len(c.Roles) != 1 {
		t.Errorf("one role: %+v", c.Roles)
	}
	if c := parse(t, "version: 1\nidentity: {anonymous: {subject: x, roles: [user]}}\n"); c.Identity.APIKeys {
		t.Error("identity was written without api_keys, and keys are on")
	}
}

// In testdata/bad every fault is announced on its line: "#! part of its text".
// A line that starts so announces one of the file as a whole.
func TestBadFilesTellEveryFault(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Load(name)
			faults, ok := errors.AsType[config.Faults](err)
			if !ok {
				t.Fatalf("Load: %v, want faults", err)
			}
			for i, line := range strings.Split(string(data), "\n") {
				for _, want := range strings.Split(line, "#! ")[1:] {
					at := i + 1
					if strings.HasPrefix(line, "#!") {
						at = 0
					}
					found := false
					for j, f := range faults {
						if (f.Line == at || at == 0) && strings.Contains(f.String(), strings.TrimSpace(want)) {
							faults, found = append(faults[:j:j], faults[j+1:]...), true
							break
						}
					}
					if !found {
						t.Errorf("line %d: no fault says %q", at, want)
					}
				}
			}
			if len(faults) > 0 {
				t.Errorf("more faults than announced:\n%v", faults)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	for name, data := range map[string]string{
		"too large":         "version: 1\n#" + strings.Repeat("x", 1<<20),
		"not UTF-8":         "version: 1\ndata_dir: \xff\n",
		"control character": "version: 1\ndata_dir: a\x00b\n",
		"many keys":         strings.Repeat("a: b\n", 200_000),
		"many elements":     "[" + strings.Repeat("a,", 400_000) + "]",
		"brackets":          strings.Repeat("[", 100_000),
		"braces":            "version: 1\nroles: " + strings.Repeat("{a: ", 100_000),
		"dashes":            strings.Repeat("- ", 100_000),
	} {
		if _, err := config.Parse("x.yaml", []byte(data)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	path := filepath.Join(t.TempDir(), "open.yaml")
	if err := os.WriteFile(path, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err != nil {
		t.Errorf("a private file: %v", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), "everybody") {
		t.Errorf("a file that everybody may write: %v", err)
	}
	if _, err := config.Load(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestFirst(t *testing.T) {
	upstreams := map[string]config.Upstream{
		"web":    {URL: "https://example.com/mcp", Credential: &config.Credential{Bearer: "web-token"}},
		"old":    {URL: "https://example.com/sse", Transport: "sse", Credential: &config.Credential{Header: "X-Api-Key", Value: "web-token"}},
		"socket": {URL: "wss://example.com/"},
		"files": {
			Command: []string{"npx", "-y", "@x/y@1.0.0", "/srv/a b", `quote"back\slash`, "# no comment", "8080", "true", "1e5", "0x1F", "-"},
			Env:     map[string]string{"TOKEN": "8", "on": "web-token"},
		},
	}
	secrets := map[string]config.Secret{"web-token": {From: "env:WEB_TOKEN"}, "8": {From: "file:/run/secrets/eight # or nine"}}
	c := parse(t, string(config.First(upstreams, secrets)))
	for name, u := range upstreams {
		got := c.Upstreams[name]
		got.Limits, got.Sandbox, got.UnknownArguments = config.Limits{}, config.Sandbox{}, ""
		if u.URL != "" && u.Transport == "" {
			got.Transport = ""
		}
		if diff := cmp.Diff(u, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, s := range secrets {
		if got := c.Secrets[name]; got.From != s.From || !got.Required {
			t.Errorf("%s is %+v", name, got)
		}
	}
	if !c.BuiltInRole {
		t.Error("roles were written")
	}
	parse(t, string(config.First(nil, nil)))
}

// What the launch rules refuse is a comment, with the secrets that only it needs, and is
// whole when the marks are taken away.
func TestPOL32_FirstLeavesRefusedCommandsAsComments(t *testing.T) {
	refused := config.Upstream{Command: []string{"npx", "-y", "server"}, Env: map[string]string{"TOKEN": "token", "MORE": "shared"}}
	secrets := map[string]config.Secret{"token": {From: "env:TOKEN"}, "shared": {From: "env:SHARED"}}
	for name, upstreams := range map[string]map[string]config.Upstream{
		"alone":  {"loose": refused},
		"beside": {"loose": refused, "web": {URL: "https://example.com/mcp", Credential: &config.Credential{Bearer: "shared"}}},
	} {
		text := string(config.First(upstreams, secrets))
		c := parse(t, text)
		if _, there := c.Upstreams["loose"]; there || len(c.Upstreams) != len(upstreams)-1 || len(c.Secrets) != len(upstreams)-1 {
			t.Errorf("%s: %d upstreams and %d secrets of\n%s", name, len(c.Upstreams), len(c.Secrets), text)
		}
		for _, want := range []string{"# loose would be refused by launch rule fetches: npx runs server", "  # loose:\n  #   command: [npx, \"-y\", server]", "#   token: {from: \"env:TOKEN\"}"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	// Property: no file breaks it, and what is accepted is shown as a file that
	// means the same.
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("/etc/doorward/doorward.yaml", data)
		if err != nil {
			if _, ok := errors.AsType[config.Faults](err); !ok || err.Error() == "" {
				t.Fatalf("Parse: %v, want faults", err)
			}
			return
		}
		shown := config.Show(c)
		again, err := config.Parse("/etc/doorward/doorward.yaml", shown)
		if err != nil {
			t.Fatalf("what Show wrote does not parse:\n%v\n%s", err, shown)
		}
		again.Digest = c.Digest // the bytes are others
		if diff := cmp.Diff(c, again, cmp.Comparer(func(a, b config.Prefix) bool { return a == b }), cmp.Comparer(func(a, b config.Address) bool { return a == b })); diff != "" {
			t.Fatalf("Show and Parse (-first +again):\n%s\n%s", diff, shown)
		}
	})
}

// An empty list in a where would read as no bound: it is a fault.
func TestEmptyBoundsAreFaults(t *testing.T) {
	for _, where := range []string{
		"{path: {under: []}}", "{path: {extensions: []}}", "{sql: {tables: []}}", "{command: {programs: []}}", "{url: {hosts: []}}",
		"{email: {domains: []}}", "{text: {one_of: []}}", "{text: {size: 0}}", `{text: {regex: ""}}`, "{values: {x: {one_of: []}}}", "{values: {x: {size: 0}}}",
	} {
		text := "version: 1\nroles: {r: {allow: [{tools: [\"a/*\"], where: " + where + "}]}}\n"
		if _, err := config.Parse("/etc/doorward.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), ".where.") {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// A command has the time that limits.timeout leaves, and an upstream of commands as many places as
// commands run at once.
func TestCommandsTimes(t *testing.T) {
	t.Parallel()
	for limits, want := range map[string]time.Duration{"": 28 * time.Second, "limits: {timeout: 10s}, ": 8 * time.Second, "limits: {timeout: 5m}, ": 30 * time.Second} {
		u := parse(t, "version: 1\nupstreams: {ops: {builtin: commands, "+limits+"commands: {a: [ls]}}}\n").Upstreams["ops"]
		if got := time.Duration(u.Commands["a"].Timeout); got != want || u.Limits.Concurrency != 16 {
			t.Errorf("%q: %s, %d at once", limits, got, u.Limits.Concurrency)
		}
	}
}
