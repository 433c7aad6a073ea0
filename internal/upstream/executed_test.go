//go:build unix

package upstream_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/launch"
	"doorward/internal/upstream"
)

// pinnedBy are the names of the files that an identity has beside the executable.
func pinnedBy(t *testing.T, it gate.Item) []string {
	t.Helper()
	type file struct{ Name string }
	var id struct {
		Script *file
		Loads  []file
	}
	if err := json.Unmarshal(it.Raw, &id); err != nil {
		t.Fatal(err)
	}
	var names []string
	if id.Script != nil {
		names = append(names, id.Script.Name)
	}
	for _, f := range id.Loads {
		names = append(names, f.Name)
	}
	return names
}

// tree is a directory with a file of every kind that commands execute.
func tree(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{
		"srv.py", "data.txt", "app/__main__.py", "pkg/__init__.py", "pkg/__main__.py", "mod.py",
		"srv.js", "hook.js", "hook.cjs", "web/package.json", "web/lib/main.js", "site/index.js", "node_modules/dotenv/config.js", "package.json", "deep/srv.js",
		"srv.rb", "hook.rb", "srv.php", "pre.php", "php.ini", "srv.lua", "srv.sh", "rc.sh", "srv.jar", "agent.jar", "more.jar", "args", "srv.dll", "srv.ps1", "lib.so", "srv.ts", "map.json", "preset.toml",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"main":"lib/main"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// programs are interpreters and wrappers that are found in a directory; no test
// starts them.
func programs(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// everything is what a command may do whose pin is what a test is about.
func everything() (all []string) {
	for _, r := range launch.Allowable() {
		all = append(all, string(r))
	}
	return all
}

// PIN-18: what a command executes is pinned, behind other programs and before the
// script too; what it only reads is not.
func TestPIN18_WhatACommandExecutes(t *testing.T) {
	dir := tree(t)
	bin := programs(t, "env", "nice", "timeout", "stdbuf", "nohup", "sudo", "busybox", "uv", "python3", "node", "bun", "deno", "tsx", "ruby", "perl", "php", "lua", "java", "dotnet", "bash", "pwsh", "srv")
	other := programs(t, "node")
	t.Setenv("PATH", bin)
	for command, want := range map[string]string{
		"python3 srv.py data.txt":                                         "srv.py",
		"python3 app data.txt":                                            "app/__main__.py",
		"python3 -uB srv.py data.txt":                                     "srv.py",
		"python3 -W ignore -Xdev srv.py data.txt":                         "srv.py",
		"python3 -m mod data.txt":                                         "mod.py",
		"python3 -um pkg data.txt":                                        "pkg/__init__.py pkg/__main__.py",
		"python3 -c pass srv.py":                                          "",
		"python3 --new data.txt srv.py":                                   "data.txt srv.py",
		"python3 -- srv.py data.txt":                                      "srv.py",
		"env python3 srv.py data.txt":                                     "srv.py python3",
		"env -i -u X A=1 B=srv.js python3 srv.py":                         "srv.py python3",
		"env - python3 srv.py":                                            "srv.py python3",
		"env --unset X -- A=1 python3 srv.py":                             "srv.py python3",
		"env -S|python3 -u srv.py|data.txt":                               "srv.py python3",
		"env -vS|A='x y' node\\_-r ./hook.js \"srv.js\" #x":               "srv.js ./hook.js node",
		"env --split-string=python3 srv.py":                               "srv.py python3",
		"env -C deep node srv.js":                                         "srv.js node",
		"env --chd=deep node srv.js":                                      "srv.js node",
		"env nice -n 5 timeout -k 1 5 python3 srv.py":                     "srv.py nice timeout python3",
		"nice -5 stdbuf -oL nohup python3 srv.py":                         "srv.py stdbuf nohup python3",
		"timeout 5 python3 srv.py":                                        "srv.py python3",
		"sudo -nu svc A=1 python3 srv.py":                                 "srv.py python3",
		"busybox sh srv.sh data.txt":                                      "srv.sh",
		"env srv data.txt":                                                "srv",
		"env PATH=OTHER node srv.js":                                      "srv.js node",
		"env LD_PRELOAD=./lib.so srv":                                     "./lib.so srv",
		"env NODE_OPTIONS=--require=./hook.js node srv.js":                "srv.js ./hook.js node",
		"env BASH_ENV=rc.sh bash srv.sh":                                  "srv.sh rc.sh bash",
		"env JAVA_TOOL_OPTIONS=-javaagent:agent.jar java -jar srv.jar":    "srv.jar agent.jar java",
		"uv run srv.py data.txt":                                          "srv.py",
		"uv --directory deep run --with mcp ../srv.py":                    "../srv.py",
		"uv run python3 srv.py data.txt":                                  "srv.py python3",
		"uv run -m mod":                                                   "mod.py",
		"node srv.js data.txt":                                            "srv.js",
		"node srv data.txt":                                               "srv.js",
		"node -r ./hook.js srv.js data.txt":                               "srv.js ./hook.js",
		"node -r ./hook --import=./hook.cjs srv.js":                       "srv.js ./hook.js ./hook.cjs",
		"node --require dotenv/config --no-warnings srv.js data.txt":      "srv.js dotenv/config.js",
		"node web data.txt":                                               "web/lib/main.js web/package.json",
		"node site":                                                       "site/index.js",
		"node -e 1 srv.js":                                                "",
		"node -r ./hook.js -e 1":                                          "./hook.js",
		"node --new-flag data.txt srv.js":                                 "data.txt srv.js",
		"node --new-flag=data.txt srv.js map.json":                        "srv.js data.txt",
		"bun run --preload ./hook.js srv.ts data.txt":                     "srv.ts ./hook.js",
		"bun run start":                                                   "package.json",
		"bun --cwd deep srv.js":                                           "srv.js",
		"tsx watch srv.ts data.txt":                                       "srv.ts",
		"deno run -A --import-map map.json srv.ts data.txt":               "srv.ts map.json",
		"deno eval 1 srv.ts":                                              "",
		"ruby -w -r./hook srv.rb data.txt":                                "srv.rb ./hook.rb",
		"perl -w srv.rb data.txt":                                         "srv.rb",
		"perl -C srv.rb data.txt":                                         "srv.rb data.txt",
		"php -c php.ini -d auto_prepend_file=pre.php -f srv.php data.txt": "srv.php php.ini pre.php",
		"lua -e x=1 srv.lua data.txt":                                     "srv.lua",
		"java -Xmx1g -javaagent:agent.jar=a -cp more.jar:lib -jar srv.jar data.txt": "srv.jar agent.jar more.jar",
		"java -cp srv.jar:more.jar com.example.Main":                                "srv.jar more.jar",
		"java @args":                             "args",
		"dotnet srv.dll data.txt":                "srv.dll",
		"bash -eo pipefail srv.sh data.txt":      "srv.sh",
		"bash -c|python3 srv.py":                 "",
		"pwsh -NoProfile -File srv.ps1 data.txt": "srv.ps1",
		"srv srv.py data.txt":                    "",
	} {
		t.Run(command, func(t *testing.T) {
			words := strings.Split(strings.ReplaceAll(command, "OTHER", other), " ")
			if before, text, ok := strings.Cut(command, "|"); ok { // words that have spaces
				text, after, more := strings.Cut(text, "|")
				if words = append(strings.Split(before, " "), text); more {
					words = append(words, after)
				}
			} else if before, text, ok := strings.Cut(command, "--split-string="); ok {
				words = append(strings.Fields(before), "--split-string="+text)
			}
			it := identityOf(t, upstream.Settings{Command: words, Dir: dir, AllowLaunch: everything()})
			got, expected := pinnedBy(t, it), strings.Fields(want)
			slices.Sort(got)
			slices.Sort(expected)
			if !slices.Equal(got, expected) {
				t.Fatalf("pinned are %q, want %q", got, expected)
			}
		})
	}
	if it := identityOf(t, upstream.Settings{Command: []string{"env", "PATH=" + other, "node", "srv.js"}, Dir: dir, AllowLaunch: everything()}); it.Digest == identityOf(t, upstream.Settings{Command: []string{"env", "node", "srv.js"}, Dir: dir}).Digest {
		t.Error("another PATH finds the same program")
	}
}

// PIN-18: each file that is executed holds the upstream when it is another, and what
// cannot be found starts nothing.
func TestPIN18_ExecutedFileIsSwapped(t *testing.T) {
	dir := tree(t)
	bin := programs(t, "env", "node", "python3")
	t.Setenv("PATH", bin)
	set := upstream.Settings{Command: []string{"env", "node", "-r", "./hook.js", "srv.js", "data.txt"}, Dir: dir}
	for name, same := range map[string]bool{
		filepath.Join(bin, "node"): false, filepath.Join(dir, "hook.js"): false, filepath.Join(dir, "srv.js"): false, filepath.Join(dir, "data.txt"): true,
	} {
		before := identityOf(t, set)
		if err := os.WriteFile(name, []byte("another content"), 0o700); err != nil {
			t.Fatal(err)
		}
		if after := identityOf(t, set); (after.Digest == before.Digest) != same {
			t.Errorf("%s is another: %s, %s", name, before.Raw, after.Raw)
		}
	}
	for _, words := range [][]string{{"env", "missing", "srv.js"}, {"env", "-S", `node "srv.js`}, {"env", "-S", "node $HOME/srv.js"}, {"env", "-S", `node \`}} {
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: words, Dir: dir}}, Pins: pins{state: gate.Approved}})
		if _, err := p.Observe(t.Context(), "up"); gate.CodeOf(err) != gate.CodeUpstreamDown {
			t.Errorf("%q: %v", words, err)
		}
	}
}
