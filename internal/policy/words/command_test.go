package words_test

import (
	"strings"
	"testing"

	"doorward/internal/policy/words"
)

func command(t testing.TB, r words.CommandRule) *words.Command {
	t.Helper()
	c, faults := words.NewCommand(r)
	if len(faults) > 0 {
		t.Fatalf("NewCommand: %v", faults)
	}
	return c
}

// shell are values that a shell, or what a program maps to its code page, runs.
var shell = []string{
	";id", "$(id)", "`id`", "|", "a|b", "&", "a&&b", ">", "<x", "a\nb", "${IFS}", `$'\x3b'`, "!!", "~", "*", "a?b", "[a]", "{a,b}", "#x", `"`, "'", `\`, "(", ")",
	"a b", "a\tb", "a\x00b", "a\x7f", "a\r", "%PATH%", "^", "a;b", "；id", "｜", "＄（id）", "\u00ad-x", "a\u00a0b", "a\u2028b", "a\u200bb", "\u202ea", "\xff", "\ufffd", "=ls",
	"ａ", "a\u3164", "", "a\u0085", "a\u01c0b", "\u01c3x", "a\u02bcb", "a\u02cbb", "a\u0300", "a\ufe00",
}

// options are values that a program may take for an option.
var options = []string{
	"--output=/tmp/x", "-c", "--upload-pack=x", "-Oid", "--", "-", "-oProxyCommand=x", "\u2212-output=x", "\u2013x", "\u2014x", "\u2010x", "\u2011x", "\ufe63x", "\uff0dx", "\u02d7x",
	"\u30fcx", "+x", "@/etc/passwd", "\u2043x", "\u207bx", "\u00adx",
}

func TestPOL30Command(t *testing.T) {
	plain, open := command(t, words.CommandRule{}), command(t, words.CommandRule{Options: true})
	for _, s := range shell {
		for _, c := range []*words.Command{plain, open} {
			for _, first := range []bool{true, false} {
				if why := c.Word(first, s); why == "" || len(s) > 5 && strings.Contains(why, s) {
					t.Errorf("Word(%t, %q) = %q", first, s, why)
				}
			}
		}
	}
	if plain.Judge("git status") == "" || plain.Judge("git\tstatus") == "" || plain.Judge("./git") == "" || plain.Judge("/bin/sh") == "" || plain.Judge("A=b") == "" {
		t.Error("a command line, a path or an assignment passes as a program")
	}
	for _, s := range []string{"status", "HEAD", "src/main.go", "a=b", "v1.2.3", "user@host", "größe.txt", "日本", "https://example.com/x", "tests/x.py::test_y", "1,2", "C:/x", "x-y", "a+b", "ключ"} {
		if why := plain.Word(false, s); why != "" {
			t.Errorf("Word(false, %q) = %s", s, why)
		}
	}
}

func TestPOL31Command(t *testing.T) {
	plain, open := command(t, words.CommandRule{}), command(t, words.CommandRule{Options: true})
	for _, s := range append(options, "ext::sh", "EXT::sh", "fd::7", "--upload-pack=ext::sh", "a,ext::sh") {
		if plain.Word(false, s) == "" {
			t.Errorf("Word(false, %q) passes", s)
		}
		if plain.Word(true, s) == "" || open.Word(true, s) == "" {
			t.Errorf("Word(true, %q) passes", s)
		}
	}
	for _, s := range []string{"ext::sh", "x=EXT::sh", "::ext::sh", "\u2212x", "\u2013x", "\u30fcx"} {
		if open.Word(false, s) == "" {
			t.Errorf("with options, Word(false, %q) passes", s)
		}
	}
	for _, s := range []string{"--output=/tmp/x", "-n", "--", "@scope/pkg", "+refs/heads/main"} {
		if why := open.Word(false, s); why != "" {
			t.Errorf("with options, Word(false, %q) = %s", s, why)
		}
	}
	if plain.Word(false, "context::sh") != "" {
		t.Error("context:: is taken for ext::")
	}
}

func TestPrograms(t *testing.T) {
	c := command(t, words.CommandRule{Programs: []string{"git", "/usr/bin/rg"}})
	for _, s := range []string{"git", "/usr/bin/rg"} {
		if why := c.Judge(s); why != "" {
			t.Errorf("Judge(%q) = %s", s, why)
		}
	}
	for _, s := range []string{"Git", "git ", "rg", "./git", "/usr/bin/git", "sh", "git\n", ""} {
		if c.Judge(s) == "" {
			t.Errorf("Judge(%q) passes", s)
		}
	}
	if why := c.List([]string{"git", "log", "main"}); why != "" {
		t.Errorf("List: %s", why)
	}
	for name, argv := range map[string][]string{
		"POL-31 an option": {"git", "log", "--output=/tmp/x"}, "POL-31 git -c": {"git", "-c", "core.sshCommand=x"}, "POL-30 another program": {"sh", "x"}, "empty": {},
		"POL-35 many words": append([]string{"git"}, make([]string, 100_000)...), "POL-35 a NUL": {"git", "a\x00b"},
		"POL-35 a long word": {"git", strings.Repeat("a", 2<<20)}, "POL-35 long words": append([]string{"git"}, strings.Split(strings.Repeat(strings.Repeat("a", 4096)+" ", 20), " ")...),
	} {
		if c.List(argv) == "" {
			t.Errorf("%s passes", name)
		}
	}
	if _, faults := words.NewCommand(words.CommandRule{Programs: []string{"git", "git status", "-x", "", "bin/x", "/a/../x", "/a//x", "/", "/bin/x", "a;b"}}); len(faults) != 8 {
		t.Errorf("faults: %v", faults)
	}
	if c, faults := words.NewCommand(words.CommandRule{Programs: make([]string, 1001)}); c != nil || len(faults) == 0 {
		t.Error("a list without bound")
	}
}

func TestPOL30Identifier(t *testing.T) {
	var id words.Identifier
	for _, s := range append(append([]string{
		"a..b", "../x", "a//b", "a/", "/a", ".a", "a/.git", "a/-b", "a.", "a.lock", "a.lock/b", "a:b", "host:path", "ext::sh", "@x", "HEAD@{1}", "a b", "größe", strings.Repeat("a", 256),
	}, shell...), options...) {
		if why := id.Judge(s); why == "" || len(s) > 9 && strings.Contains(why, s) {
			t.Errorf("Judge(%q) = %q", s, why)
		}
	}
	for _, s := range []string{
		"main", "feature/x-1", "release/2026.11", "v1.2.3-rc.1+build.5", "user@host", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "_x", "refs/heads/main", "libstdc++6", "a", "PROJ-123", "dependabot/npm_and_yarn/x-1.2", strings.Repeat("a", 255),
	} {
		if why := id.Judge(s); why != "" {
			t.Errorf("Judge(%q) = %s", s, why)
		}
	}
}

func TestNilAndZeroRefuse(t *testing.T) {
	for name, why := range map[string]string{
		"command": (*words.Command)(nil).Judge("git"), "zero command": new(words.Command).Judge("git"), "list": (*words.Command)(nil).List([]string{"git"}),
		"identifier": (*words.Identifier)(nil).Judge("a"), "email": (*words.Email)(nil).Judge("a@example.com"), "zero email": new(words.Email).Judge("a@example.com"),
		"text": (*words.Text)(nil).Judge("a"), "zero text": new(words.Text).Judge("a"), "number": (*words.Number)(nil).Judge("1"), "zero number": new(words.Number).Judge("1"),
	} {
		if why == "" {
			t.Errorf("%s: a judge without a rule lets a value pass", name)
		}
	}
}

func BenchmarkIdentifier(b *testing.B) {
	var id words.Identifier
	b.ReportAllocs()
	for b.Loop() {
		if id.Judge("feature/PROJ-123-rework-the-parser") != "" {
			b.Fatal("refused")
		}
	}
}

func BenchmarkCommandWord(b *testing.B) {
	c := command(b, words.CommandRule{Programs: []string{"git"}})
	b.ReportAllocs()
	for b.Loop() {
		if c.Word(false, "internal/policy/places/judge.go") != "" {
			b.Fatal("refused")
		}
	}
}
