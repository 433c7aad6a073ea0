package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/cli"
	"doorward/internal/gate"
)

// orders are what a terminal obeys or a reader does not see (security case LOG-02), and
// how the first character of each is marked for people.
var orders = []struct{ name, text, mark string }{
	{"ESC[2J", "\x1b[2J", "⟨U+001B⟩[2J"},
	{"OSC 52", "\x1b]52;c;Zm9yZ2Vk\a", "⟨U+001B⟩]52;c;Zm9yZ2Vk⟨U+0007⟩"},
	{"OSC 8", "\x1b]8;;mailto:x@evil.example\x1b\\here\x1b]8;;\x1b\\", "⟨U+001B⟩]8;;mailto:x@evil.example⟨U+001B⟩\\here"},
	{"BEL", "\a", "⟨U+0007⟩"},
	{"cursor up", "\x1b[1A", "⟨U+001B⟩[1A"},
	{"C1 CSI", "\u009b2J", "⟨U+009B⟩2J"},
	{"NEL", "\u0085", "⟨U+0085⟩"},
	{"bidi", "\u202e", "⟨U+202E⟩"},
	{"CR", "\r", "⟨U+000D⟩"},
}

// LOG-02: what others chose is shown and not obeyed, whichever command prints it; JSON
// means the same as before.
func TestLOG02_TerminalsAreGivenNoOrders(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(place, []byte("version: 1\ndata_dir: data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: append(args, "--config", place), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" },
		})
		if code != want {
			t.Fatalf("doorward %q: exit %d: %s%s", args, code, out.String(), said.String())
		}
		for _, c := range out.String() + said.String() {
			if c != '\n' && c != '\t' && gate.Hidden(c) {
				t.Errorf("doorward %q gives the terminal U+%04X", args, c)
			}
		}
		return out.String(), said.String()
	}
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			logs := filepath.Join(dir, "log"+o.text)
			if _, said := run(1, "audit", "prove", "1", "--dir", logs); !strings.Contains(said, "log"+o.mark) {
				t.Errorf("the fault does not show %s: %s", o.mark, said)
			}
			l, err := audit.Open(audit.Config{Dir: logs, KeyFile: filepath.Join(dir, "log.key")})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if said, _ := run(0, "audit", "verify", "--dir", logs); !strings.Contains(said, "log"+o.mark) {
				t.Errorf("audit verify does not show %s: %s", o.mark, said)
			}
			said, _ := run(0, "audit", "verify", "--dir", logs, "--format", "json")
			var found struct{ Log string }
			if err := json.Unmarshal([]byte(said), &found); err != nil || found.Log != logs {
				t.Errorf("audit verify has %q, %v", found.Log, err)
			}
		})
	}
}

// LOG-14: the configuration is shown, checked and compared with where secrets are, never
// with what they are.
func TestLOG14_TheConfigurationIsShownWithoutSecrets(t *testing.T) {
	const inFile, inEnvironment, inURL = "CANARY-file-5kQ0zP", "CANARY-env-9sWm2x", "CANARY-url-7vLd4c"
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		place := filepath.Join(dir, name)
		if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return place
	}
	write("token", inFile)
	whole := write("doorward.yaml", `version: 1
data_dir: data
secrets: {one: {from: "file:token"}, two: {from: "env:TWO"}}
upstreams:
  a: {url: "https://a.example/mcp", credential: {bearer: one}}
  b: {command: [/bin/true], env: {TOKEN: two}}
`)
	bad := write("bad.yaml", "version: 1\ndata_dir: data\nupstreams: {a: {url: \"https://user:"+inURL+"@a.example/mcp\"}}\nsecrets: {one: {from: \""+inURL+"\"}}\n")
	for _, tc := range []struct {
		args []string
		code int
		want string // is said
	}{
		{[]string{"config", "show", "--config", whole}, 0, "env:TWO"},
		{[]string{"config", "show", "--config", whole, "--format", "json"}, 0, "env:TWO"},
		{[]string{"config", "check", whole}, 0, "is fine"},
		{[]string{"policy", "diff", whole, whole}, 0, ""},
		{[]string{"config", "check", bad}, 1, "must not hold"},
		{[]string{"config", "show", "--config", bad}, 1, "must not hold"},
	} {
		var out bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: tc.args, Stdout: &out, Stderr: &out, Getenv: func(name string) string { return map[string]string{"TWO": inEnvironment}[name] },
		})
		said := out.String()
		if code != tc.code || !strings.Contains(said, tc.want) {
			t.Errorf("doorward %v: exit %d: %s", tc.args, code, said)
		}
		for _, secret := range []string{inFile, inEnvironment, inURL} {
			if strings.Contains(said, secret) {
				t.Errorf("doorward %v tells a secret: %s", tc.args, said)
			}
		}
	}
}
