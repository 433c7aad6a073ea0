package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/sandbox"
)

func macPlan() *sandbox.Plan {
	return &sandbox.Plan{
		Path: "/opt/homebrew/bin/node", Dir: "/Users/a/servers",
		Mounts: []sandbox.Mount{{Path: "/opt/homebrew/lib"}, {Path: "/srv/docs", Source: "/private/srv/docs"}, {Path: "/srv/out", Write: true}},
		Hide:   []string{"/Users/a/.local/share/doorward"},
	}
}

// The profile for macOS is text that every system can make: this one is what it is now.
func TestTheProfileForMacOS(t *testing.T) {
	for name, port := range map[string]int{"alone": 0, "proxied": 49152} {
		got, err := macPlan().Profile(sandbox.Seatbelt{Runs: []string{"/opt/homebrew/bin/node", `/srv/a "quoted"\path`}, Scratch: "/private/var/folders/x/doorward-sandbox1", Port: port})
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join("testdata", "seatbelt-"+name+".sb")
		want, err := os.ReadFile(at)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(at, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (UPDATE_GOLDEN=1 writes it):\n%s", name, diff)
		}
	}
}

func TestSBX07_AProfileHasNoNetworkButTheProxy(t *testing.T) {
	alone, err := macPlan().Profile(sandbox.Seatbelt{Runs: []string{"/bin/a"}, Scratch: "/private/tmp/x"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(alone, "network") || strings.Contains(alone, "mach-lookup") || !strings.HasPrefix(alone, "(version 1)\n(deny default)\n") {
		t.Errorf("without a network the profile is %s", alone)
	}
	proxied, err := macPlan().Profile(sandbox.Seatbelt{Runs: []string{"/bin/a"}, Scratch: "/private/tmp/x", Port: 3128})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(proxied, "network") != 1 || !strings.Contains(proxied, `(allow network-outbound (remote ip "localhost:3128"))`) {
		t.Errorf("with the proxy it is %s", proxied)
	}
}

func TestSBX01_WhatIsHiddenComesLast(t *testing.T) {
	got, err := macPlan().Profile(sandbox.Seatbelt{Runs: []string{"/bin/a"}, Scratch: "/private/tmp/x"})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if want := `(deny file-read* file-write* process-exec (subpath "/Users/a/.local/share/doorward"))`; lines[len(lines)-1] != want {
		t.Errorf("the last rule is %s, want %s", lines[len(lines)-1], want)
	}
}

// A rule hides a name: whoever may rename a directory above it would find what is hidden
// under another one.
func TestSBX03_WhatHoldsTheHiddenIsNotRenamed(t *testing.T) {
	p := macPlan()
	p.Mounts = append(p.Mounts, sandbox.Mount{Path: "/Users/a", Write: true})
	got, err := p.Profile(sandbox.Seatbelt{Runs: []string{"/bin/a"}, Scratch: "/private/tmp/x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"/Users/a", "/Users/a/.local", "/Users/a/.local/share"} {
		allowed, denied := strings.LastIndex(got, "(allow file-read* file-write*"), strings.Index(got, `(deny file-write-unlink (literal "`+at+`"))`)
		if allowed < 0 || denied < allowed {
			t.Errorf("%s may be renamed: %s", at, got)
		}
	}
}

func TestAProfileOfNothingIsRefused(t *testing.T) {
	for name, s := range map[string]sandbox.Seatbelt{
		"no program": {Scratch: "/x"}, "no directory": {Runs: []string{"/a"}}, "relative": {Runs: []string{"a"}, Scratch: "/x"},
		"long way": {Runs: []string{"/a/../b"}, Scratch: "/x"}, "line": {Runs: []string{"/a\nb"}, Scratch: "/x"}, "bytes": {Runs: []string{"/a\xff"}, Scratch: "/x"},
	} {
		if got, err := macPlan().Profile(s); err == nil {
			t.Errorf("%s gives %s", name, got)
		}
	}
}

// Whatever a path is called, the profile keeps its form: one rule a line, its parentheses
// balance outside of strings, its rules name the operations that they always name, and
// the path reads back from its quotes.
func FuzzSeatbelt(f *testing.F) {
	for _, s := range []string{"/srv/a", `/srv/")(allow default)("`, `/a\`, `/a\"`, "/a b", "/\u202e)", "/a;b", "/a\n(allow default)", "/a#b", "/a/../b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p := &sandbox.Plan{Mounts: []sandbox.Mount{{Path: path}, {Path: path, Write: true}}, Hide: []string{path}}
		got, err := p.Profile(sandbox.Seatbelt{Runs: []string{path}, Scratch: path})
		if err != nil {
			return
		}
		plain := &sandbox.Plan{Mounts: []sandbox.Mount{{Path: "/a"}, {Path: "/a", Write: true}}, Hide: []string{"/a"}}
		want, err := plain.Profile(sandbox.Seatbelt{Runs: []string{"/a"}, Scratch: "/a"})
		if err != nil {
			t.Fatal(err)
		}
		if path != "/a" && strings.Contains(want, `"`+path+`"`) {
			return // one of the system's own, which cannot be told apart
		}
		mine, theirs := rules(t, got, path), rules(t, want, "/a")
		if diff := cmp.Diff(theirs, mine); diff != "" {
			t.Fatalf("%q changes the rules:\n%s", path, diff)
		}
	})
}

// rules reads a profile as its reader does and is its rules with PATH for the path, without
// those for the directories on the way there.
func rules(t *testing.T, profile, path string) (all []string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(profile), "\n") {
		var out strings.Builder
		depth, rest := 0, line
		for rest != "" {
			switch r := rest[0]; r {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 && len(rest) > 1 {
					t.Fatalf("%q goes on after its end", line)
				}
			case '"':
				text, after := unquote(t, rest[1:])
				if text == path {
					text = "PATH"
				}
				out.WriteString("<" + text + ">")
				rest = after
				continue
			}
			out.WriteByte(rest[0])
			rest = rest[1:]
		}
		if depth != 0 {
			t.Fatalf("%q does not end", line)
		}
		if rule := out.String(); !strings.HasPrefix(rule, "(allow file-read-metadata (literal") && !strings.HasPrefix(rule, "(deny file-write-unlink (literal") {
			all = append(all, rule)
		}
	}
	return all
}

func unquote(t *testing.T, text string) (string, string) {
	t.Helper()
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i == len(text) {
				t.Fatalf("%q ends in a backslash", text)
			}
			out.WriteByte(text[i])
		case '"':
			return out.String(), text[i+1:]
		default:
			out.WriteByte(text[i])
		}
	}
	t.Fatalf("%q does not end", text)
	return "", ""
}
