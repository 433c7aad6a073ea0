package clients_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/clients"
	"doorward/internal/config"
)

// served are the upstreams of the Doorward that is installed: those fixtures
// have servers of the same command and URL.
func served() map[string]config.Upstream {
	return map[string]config.Upstream{
		"files": {Command: []string{"npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "/srv/nowhere/docs"}},
		"web":   {URL: "https://mcp.example.com/mcp"},
		"none":  {Command: []string{}},
	}
}

func byCommand() clients.Target {
	return clients.Target{Command: []string{"/opt/door ward/doorward", "stdio", "--config", `C:\x "y".yaml`}}
}

func byURL() clients.Target { return clients.Target{URL: "http://127.0.0.1:8080/mcp"} }

// place is where install writes.
func place(t *testing.T, env clients.Env, c clients.Client, scope clients.Scope) clients.Place {
	t.Helper()
	places := c.Places(env)
	i := slices.IndexFunc(places, func(p clients.Place) bool { return p.Scope == scope && !p.ReadOnly })
	if i < 0 {
		t.Fatalf("%s has no place for %s", c.Name, scope)
	}
	return places[i]
}

// beside are the files in the directory of a path.
func beside(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func install(t *testing.T, q clients.Request, want string) *clients.Result {
	t.Helper()
	res, err := clients.Install(q)
	if err != nil {
		t.Fatal(err)
	}
	return checked(t, res, want)
}

func uninstall(t *testing.T, q clients.Request, want string) *clients.Result {
	t.Helper()
	res, err := clients.Uninstall(q)
	if err != nil {
		t.Fatal(err)
	}
	return checked(t, res, want)
}

func checked(t *testing.T, res *clients.Result, want string) *clients.Result {
	t.Helper()
	if res.State != want {
		t.Fatalf("state %q, want %q: %+v", res.State, want, res)
	}
	all, err := json.Marshal(res)
	if err != nil || strings.Contains(string(all), canary) {
		t.Errorf("a value is given away: %s, %v", all, err)
	}
	return res
}

// variants are the ways in which a file may be written.
func variants(text string) map[string]string {
	return map[string]string{
		"as it is":       text,
		"CRLF":           strings.ReplaceAll(text, "\n", "\r\n"),
		"BOM":            "\xef\xbb\xbf" + text,
		"BOM and CRLF":   "\xef\xbb\xbf" + strings.ReplaceAll(text, "\n", "\r\n"),
		"no last line":   strings.TrimRight(text, "\n"),
		"empty":          "",
		"blank":          "\n",
		"byte order":     "\xef\xbb\xbf",
		"without a file": "\x00",
	}
}

// every calls f for every client, writable scope, form and these variants of its
// file; without any, for all.
func every(t *testing.T, kinds []string, f func(t *testing.T, q clients.Request, p clients.Place, original string)) {
	if kinds == nil {
		kinds = slices.Collect(maps.Keys(variants("")))
	}
	for _, c := range clients.Table() {
		for _, scope := range []clients.Scope{clients.ScopeUser, clients.ScopeProject, clients.ScopeLocal} {
			env := clients.Env{GOOS: "linux", Home: "/h", Project: "/p"}
			if !slices.ContainsFunc(c.Places(env), func(p clients.Place) bool { return p.Scope == scope && !p.ReadOnly }) {
				continue
			}
			for form, target := range map[string]clients.Target{"command": byCommand(), "url": byURL()} {
				if form == "url" && c.Name == "claude-desktop" {
					continue // it reaches none: see TestRefusals
				}
				for _, kind := range kinds {
					t.Run(strings.Join([]string{c.Name, string(scope), form, kind}, "/"), func(t *testing.T) {
						t.Parallel()
						env := machine(t)
						p := place(t, env, c, scope)
						original := variants(fixture(t, env, fixtureOf(c, p)))[kind]
						if original != "\x00" {
							write(t, p.Path, original)
						}
						f(t, clients.Request{Client: c, Env: env, Scope: scope, Target: target, Upstreams: served()}, p, original)
					})
				}
			}
		}
	}
}

func TestInstallTwiceAndUninstall(t *testing.T) {
	every(t, nil, func(t *testing.T, q clients.Request, p clients.Place, original string) {
		res := install(t, q, clients.StateInstalled)
		first := read(t, p.Path)
		whole := strings.Contains(original, "filesystem")
		if whole != slices.Contains(res.Removed, "filesystem") || whole && strings.Contains(strings.ReplaceAll(first, "not-a-server", ""), "@modelcontextprotocol") && q.Scope == clients.ScopeUser && q.Client.Name != "claude-code" {
			t.Errorf("what Doorward serves is still there, removed %q:\n%s", res.Removed, first)
		}
		for _, comment := range []string{"// Cursor's servers", "/* the documents */", "// a socket", "// Inputs are asked", "// Zed settings", "// the form of older versions", "# Codex\n", "[mcp_servers.not-a-server]"} {
			if strings.Contains(original, comment) && !strings.Contains(first, comment) {
				t.Errorf("%q is gone:\n%s", comment, first)
			}
		}
		if strings.Contains(original, "\r\n") && strings.Count(first, "\n") != strings.Count(first, "\r\n") {
			t.Errorf("line ends are mixed:\n%q", first)
		}
		if strings.HasPrefix(original, "\xef\xbb\xbf") != strings.HasPrefix(first, "\xef\xbb\xbf") {
			t.Error("the byte order mark was lost or made")
		}
		checkEntry(t, q, p)
		names := beside(t, p.Path)
		install(t, q, clients.StateAlready)
		if read(t, p.Path) != first || !slices.Equal(beside(t, p.Path), names) {
			t.Error("the second install changed something")
		}
		dry := q
		dry.Print = true
		uninstall(t, dry, clients.StateRestored)
		if read(t, p.Path) != first {
			t.Error("--print changed something")
		}
		uninstall(t, q, clients.StateRestored)
		if original == "\x00" {
			if names := beside(t, p.Path); len(names) > 0 {
				t.Errorf("uninstall leaves %q", names)
			}
			return
		}
		if got := read(t, p.Path); got != original {
			t.Errorf("uninstall left\n%q\nof\n%q", got, original)
		}
		if info, err := os.Stat(p.Path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("the mode is %v, %v", info.Mode(), err)
		}
		if names := beside(t, p.Path); len(names) != 1 {
			t.Errorf("uninstall leaves %q", names)
		}
		uninstall(t, q, clients.StateNotInstalled)
	})
}

// checkEntry reads the installed file as the client's own file again.
func checkEntry(t *testing.T, q clients.Request, p clients.Place) {
	t.Helper()
	im, err := clients.FromClient(q.Env, q.Client)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(im.Servers, func(s clients.Server) bool { return s.Original == clients.Name })
	if i < 0 {
		t.Fatalf("the client does not find Doorward in\n%s", read(t, p.Path))
	}
	s := im.Servers[i]
	if !slices.Equal(s.Command, q.Target.Command) || s.URL != q.Target.URL {
		t.Errorf("the client finds %+v, want %+v", s, q.Target)
	}
	for _, s := range im.Servers {
		if s.LeftOut == "" && s.File == p.Path && slices.Equal(s.Command, served()["files"].Command) && q.Client.Name != "claude-code" {
			t.Errorf("the client still reaches %s", s.Original)
		}
	}
}

func TestUninstallAfterAChange(t *testing.T) {
	every(t, []string{"as it is", "BOM and CRLF", "no last line", "without a file"}, func(t *testing.T, q clients.Request, p clients.Place, original string) {
		res := install(t, q, clients.StateInstalled)
		added := "// added\n"
		if filepath.Ext(p.Path) == ".toml" {
			added = "# added\n"
		}
		changed := read(t, p.Path) + added
		if err := os.WriteFile(p.Path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		out := uninstall(t, q, clients.StateRemoved)
		got := read(t, p.Path)
		if !strings.Contains(got, strings.TrimSpace(added)) || strings.Contains(got, "127.0.0.1:8080") || strings.Contains(got, "door ward") || strings.Contains(got, "doorward-key") {
			t.Errorf("uninstall left\n%s", got)
		}
		if !out.Changed || !slices.Equal(out.PutBack, res.Removed) {
			t.Errorf("put back %q, want %q", out.PutBack, res.Removed)
		}
		if original == "\x00" || !strings.Contains(original, "filesystem") {
			return
		}
		if read(t, out.Backup) != original {
			t.Error("the backup is not the original")
		}
		// What the client reads is what it was.
		after, err := clients.FromClient(q.Env, q.Client)
		if err != nil {
			t.Fatal(err)
		}
		write(t, p.Path, original)
		before, err := clients.FromClient(q.Env, q.Client)
		if err != nil {
			t.Fatal(err)
		}
		if text(q.Env, after) != text(q.Env, before) {
			t.Errorf("the client reads\n%s\nafter, and before\n%s", text(q.Env, after), text(q.Env, before))
		}
	})
}

func TestPrintChangesNothing(t *testing.T) {
	every(t, []string{"as it is", "without a file"}, func(t *testing.T, q clients.Request, p clients.Place, original string) {
		q.Print = true
		res := install(t, q, clients.StatePrinted)
		if original == "\x00" {
			if _, err := os.Stat(p.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Error("a file was made")
			}
		} else if read(t, p.Path) != original || len(beside(t, p.Path)) != 1 {
			t.Error("something was changed")
		}
		// The snippet is a file of its own, in the client's format.
		write(t, p.Path, res.Snippet)
		checkEntry(t, q, p)
	})
}

// Installed with one form and then another, changed in between, and put back.
func TestInstallAgainDifferently(t *testing.T) {
	env := machine(t)
	c := find(t, "vscode")
	p := place(t, env, c, clients.ScopeProject)
	original := fixture(t, env, "vscode.json")
	write(t, p.Path, original)
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeProject, Target: byCommand(), Upstreams: served()}
	install(t, q, clients.StateInstalled)
	q.Target = byURL()
	install(t, q, clients.StateInstalled)
	if got := read(t, p.Path); strings.Contains(got, "door ward") || strings.Count(got, "doorward-key") != 2 || len(beside(t, p.Path)) != 3 {
		t.Errorf("the second form left %q and\n%s", beside(t, p.Path), got)
	}
	uninstall(t, q, clients.StateRestored)
	if read(t, p.Path) != original {
		t.Error("the original did not come back")
	}
	install(t, q, clients.StateInstalled)
	// The user adds a server that Doorward serves, and installs again.
	changed := strings.Replace(read(t, p.Path), `"servers": {`, `"servers": { "mine": {"type": "http", "url": "https://mcp.example.com/mcp", "headers": {"X-Mine": "CANARY"}},`, 1)
	write(t, p.Path, changed)
	if res := install(t, q, clients.StateInstalled); !slices.Equal(res.Removed, []string{"mine"}) {
		t.Errorf("removed %q", res.Removed)
	}
	res := uninstall(t, q, clients.StateRemoved)
	slices.Sort(res.PutBack)
	if !slices.Equal(res.PutBack, []string{"filesystem", "mine", "web"}) || !strings.Contains(read(t, p.Path), `"X-Mine": "CANARY"`) {
		t.Errorf("put back %q:\n%s", res.PutBack, read(t, p.Path))
	}
}

func TestKeepAndWhatIsLeft(t *testing.T) {
	env := machine(t)
	c := find(t, "cursor")
	populate(t, env, c)
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser, Target: byCommand(), Upstreams: served(), Keep: true}
	res := install(t, q, clients.StateInstalled)
	user, project := place(t, env, c, clients.ScopeUser).Path, place(t, env, c, clients.ScopeProject).Path
	for _, want := range []clients.Left{{Name: "filesystem", File: user, Served: true}, {Name: "socket", File: user}, {Name: "web", File: project, Served: true}} {
		if !slices.Contains(res.Left, want) {
			t.Errorf("%+v is not among %+v", want, res.Left)
		}
	}
	if len(res.Removed) > 0 || read(t, project) != fixture(t, env, "cursor.json") {
		t.Errorf("removed %q", res.Removed)
	}
}

func TestClaudeCodeHasTwoPlacesInOneFile(t *testing.T) {
	env := machine(t)
	c := find(t, "claude-code")
	path := place(t, env, c, clients.ScopeUser).Path
	original := fixture(t, env, "claude-code.json")
	user := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser, Target: byCommand(), Upstreams: served()}
	local := user
	local.Scope = clients.ScopeLocal
	write(t, path, original)
	install(t, user, clients.StateInstalled)
	install(t, local, clients.StateInstalled)
	uninstall(t, local, clients.StateRestored)
	uninstall(t, user, clients.StateRestored)
	if read(t, path) != original || len(beside(t, path)) != 1 {
		t.Errorf("the original did not come back; there are %q", beside(t, path))
	}
	install(t, user, clients.StateInstalled)
	install(t, local, clients.StateInstalled)
	uninstall(t, user, clients.StateRemoved)
	uninstall(t, local, clients.StateRemoved)
	if got := read(t, path); strings.Contains(got, clients.Name) || !strings.Contains(got, `{"type": "stdio", "command": "foreign"}`) || strings.Count(got, "server-filesystem") != 2 {
		t.Errorf("left\n%s", got)
	}
}

func TestLinks(t *testing.T) {
	env := machine(t)
	c := find(t, "windsurf")
	p := place(t, env, c, clients.ScopeUser)
	led := filepath.Join(env.Project, "dotfiles", "windsurf.json")
	original := fixture(t, env, "windsurf.json")
	write(t, led, original)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p.Path), 0o700), os.Symlink(led, p.Path)); err != nil {
		t.Fatal(err)
	}
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser, Target: byCommand(), Upstreams: served()}
	if res := install(t, q, clients.StateInstalled); res.Link != led {
		t.Errorf("the link leads to %q", res.Link)
	}
	if !strings.Contains(read(t, led), clients.Name) || len(beside(t, led)) != 1 {
		t.Error("the link's file was not written, or something was left beside it")
	}
	if info, err := os.Lstat(p.Path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	uninstall(t, q, clients.StateRestored)
	if read(t, led) != original {
		t.Error("the original did not come back")
	}
	if err := os.Remove(led); err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Install(q); err == nil {
		t.Error("a link that leads nowhere was written through")
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		client, text string
		scope        clients.Scope
		target       clients.Target
		want         string
	}{
		"no URL form":        {"claude-desktop", "{}", clients.ScopeUser, byURL(), "reaches no server by URL"},
		"no such scope":      {"windsurf", "{}", clients.ScopeProject, byCommand(), `no scope "project"; it has user`},
		"not JSON":           {"cursor", `{"mcpServers": "` + canary, clients.ScopeUser, byCommand(), "it is not JSON"},
		"servers no object":  {"cursor", `{"mcpServers": ["` + canary + `"]}`, clients.ScopeUser, byCommand(), "mcpServers is not what a client writes there"},
		"a list at the top":  {"cursor", `[]`, clients.ScopeUser, byCommand(), "an object at the top"},
		"inputs no list":     {"vscode", `{"inputs": {"x": "` + canary + `"}}`, clients.ScopeUser, byURL(), "inputs is no list"},
		"not TOML":           {"codex", "x = '" + canary, clients.ScopeUser, byCommand(), "it is not TOML"},
		"an inline table":    {"codex", "mcp_servers = { a = { command = 'x' } }", clients.ScopeUser, byCommand(), "cannot be edited safely"},
		"deep":               {"cursor", strings.Repeat("[", 100_000), clients.ScopeUser, byCommand(), "nested"},
		"servers null":       {"cursor", `{"mcpServers": null, "mcpServers": 5}`, clients.ScopeUser, byCommand(), "not what a client writes there"},
		"too many":           {"cursor", `{"mcpServers": {` + strings.Repeat(`"a":{},`, 3) + `}}`, clients.ScopeLocal, byCommand(), "no scope"},
		"claude desktop url": {"claude-desktop", "", clients.ScopeUser, clients.Target{URL: "https://x/mcp"}, "without --http"},
	} {
		t.Run(name, func(t *testing.T) {
			env := machine(t)
			client := find(t, c.client)
			path := place(t, env, client, clients.ScopeUser).Path
			write(t, path, c.text)
			_, err := clients.Install(clients.Request{Client: client, Env: env, Scope: c.scope, Target: c.target, Upstreams: served()})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if read(t, path) != c.text || len(beside(t, path)) != 1 {
				t.Errorf("something was changed: %q", beside(t, path))
			}
		})
	}
}

// What stands beside a project's file may have come with the project.
func TestHostileRecords(t *testing.T) {
	env := machine(t)
	c := find(t, "cursor")
	path := place(t, env, c, clients.ScopeProject).Path
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeProject, Target: byCommand(), Upstreams: served()}
	write(t, filepath.Join(env.Home, "private"), canary)
	for name, text := range map[string]string{
		"not JSON":       canary,
		"other version":  `{"version": 2}`,
		"another's file": `{"version": 1, "installs": [{"root": ["mcpServers"], "written": "", "backups": ["../../home/private"]}]}`,
		"a name beside":  `{"version": 1, "installs": [{"root": ["mcpServers"], "written": "", "backups": ["mcp.json"]}]}`,
		"with a slash":   `{"version": 1, "installs": [{"root": ["mcpServers"], "written": "", "backups": ["mcp.json.doorward-backup/../../x"]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, fixture(t, env, "cursor.json"))
			write(t, path+".doorward-installed", text)
			for _, do := range []func(clients.Request) (*clients.Result, error){clients.Install, clients.Uninstall} {
				if _, err := do(q); err == nil || strings.Contains(err.Error(), canary) {
					t.Errorf("got %v", err)
				}
			}
			if read(t, path) != fixture(t, env, "cursor.json") {
				t.Error("the file was changed")
			}
		})
	}
}

// A backup that is gone or another is not taken for the original.
func TestBackupsThatAreNotWhatTheyWere(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":    os.Remove,
		"another": func(path string) error { return os.WriteFile(path, []byte(`{"mcpServers": {}}`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			env := machine(t)
			c := find(t, "cursor")
			path := place(t, env, c, clients.ScopeUser).Path
			write(t, path, fixture(t, env, "cursor.json"))
			q := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser, Target: byCommand(), Upstreams: served()}
			res := install(t, q, clients.StateInstalled)
			if info, err := os.Stat(res.Backup); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("the backup: %v, %v", info, err)
			}
			if err := spoil(res.Backup); err != nil {
				t.Fatal(err)
			}
			uninstall(t, q, clients.StateRemoved)
			if got := read(t, path); strings.Contains(got, clients.Name) || !strings.Contains(got, "// a socket") {
				t.Errorf("left\n%s", got)
			}
		})
	}
}

// An earlier backup, of whoever, is never written over.
func TestBackupsAreNeverWrittenOver(t *testing.T) {
	env := machine(t)
	c := find(t, "cursor")
	path := place(t, env, c, clients.ScopeUser).Path
	write(t, path, fixture(t, env, "cursor.json"))
	write(t, path+".doorward-backup", "mine")
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser, Target: byCommand(), Upstreams: served()}
	if res := install(t, q, clients.StateInstalled); res.Backup != path+".doorward-backup-2" {
		t.Errorf("the backup is %s", res.Backup)
	}
	uninstall(t, q, clients.StateRestored)
	if read(t, path+".doorward-backup") != "mine" || read(t, path) != fixture(t, env, "cursor.json") {
		t.Error("another backup was touched")
	}
}

// What a person pasted by hand is taken out too.
func TestUninstallWithoutARecord(t *testing.T) {
	env := machine(t)
	c := find(t, "kiro")
	path := place(t, env, c, clients.ScopeUser).Path
	write(t, path, `{"mcpServers": {"doorward": {"url": "http://127.0.0.1:8080/mcp"}, "a": {"command": "x"}}}`)
	q := clients.Request{Client: c, Env: env, Scope: clients.ScopeUser}
	if res := uninstall(t, q, clients.StateRemoved); res.Changed {
		t.Error("it was changed since an install that there was not")
	}
	if got := read(t, path); got != `{"mcpServers": { "a": {"command": "x"}}}` {
		t.Errorf("left %s", got)
	}
}
