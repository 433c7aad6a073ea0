package paths_test

import (
	"strings"
	"testing"

	"doorward/internal/policy/paths"
)

// given names the rules of the tables below.
func given(t *testing.T, name string) *paths.Judge {
	t.Helper()
	rules := map[string]paths.Rule{
		"any":       {},
		"a":         {Under: []string{"/srv/a"}},
		"accent":    {Under: []string{"/srv/caf\u00e9"}},
		"base":      {Under: []string{"/srv/a"}, Base: "/srv/a/work"},
		"above":     {Under: []string{"/srv/a/work", "/srv/b"}, Base: "/srv"},
		"root":      {Under: []string{"/"}},
		"kernel":    {Under: []string{"/srv/a", "/dev/shm/work", "/proc/sys/net"}},
		"md":        {Under: []string{"/srv/a"}, Extensions: []string{".md", ".txt"}},
		"not":       {Under: []string{"/srv/a"}, Not: []string{"/srv/a/private", "/srv/a/one/*", "**/.env", "**/*.key", "**/strasse", "/srv/a/v1", "/srv/a/mm", "/srv/a/{x,y}/[!k]*", `/srv/a/lit/\*`}},
		"windows":   {Under: []string{`C:\srv\docs`}, Windows: true},
		"umlaut":    {Under: []string{`C:\Übung`}, Windows: true},
		"drive":     {Under: []string{`D:\`}, Not: []string{`D:\secret`, "**/*.pem"}, Windows: true, Base: `D:\work`},
		"windowsmd": {Windows: true, Extensions: []string{".md"}},
	}
	r, ok := rules[name]
	if !ok {
		t.Fatalf("no rule %q", name)
	}
	return mustNew(t, r)
}

func long(n int) string { return strings.Repeat("x", n) }

func TestAttacks(t *testing.T) {
	for _, tc := range []struct {
		id, rule string
		refused  []string
	}{
		{"POL-01 traversal", "a", []string{
			"/srv/a/../b", "../../etc/passwd", "a/./../../x", "/srv/a/....//x", "/srv/a/..;/x", "/srv/a/./x", "/srv/a/x/..", "/srv/a/.", "/srv/a/..", "/srv/a/...",
			"/srv/a/..;x=y/etc", "/srv/a/x//y", "//srv/a/x", "/srv/a//", "/srv/a/....", "/srv/a/..+/x", "/srv/a/(..)/x", "/srv/a/..#/x", "/srv/a/..#x", "/srv/a/.. #x", "/srv/a/x/..+#y", "/srv/a/.'./x", "",
		}},
		{"POL-01 relative without a base", "a", []string{"x", "x.md", ".", "..", "./x", "srv/a/x"}},
		{"POL-01 relative with a base", "base", []string{".", "..", "../x", "./x", "x/../../y", "x//y", "-rf", "--output=x", "~", "~root/x", "$HOME/x", "\\x"}},
		{"POL-02 encodings", "a", []string{
			"/srv/a/%2e%2e%2f", "/srv/a/%252e%252e/x", "/srv/a/%u002e%u002e/x", "/srv/a/.%2e/x", "/srv/a/%2E./x", "/srv/a/..%2fx", "/srv/a/..%5cx", "/srv/a/..%255cx",
			"/srv/a/%25252e/x", "/srv/a/%%32%65/x", "/srv/a/%2\uff45/x", "/srv/a/\uff052e/x", "/srv/a/&#46;&#46;/x", "/srv/a/&#46&#46/x", "/srv/a/&period;/x",
			"/srv/a/%7'4e", "/srv/a/x%20y", "/srv/a/%41.md", "/srv/a/%0a",
		}},
		{"POL-03 neighbours", "a", []string{
			"/srv/a-evil/x", "/srv/abc", "/srv/a..", "/srv/a/../a-evil", "/srv/a.", "/srv", "/srv/", "/", "/srv/A", "/srv/a-evil", "/srv/b/srv/a/x", "/etc/passwd",
		}},
		{"POL-06 trailing characters", "a", []string{
			`/srv/a"`, "/srv/a'", "/srv/a ", "/srv/a\t", "/srv/a.", "/srv/a\u00a0", "/srv/a/.", `/srv/a/x"`, "/srv/a/x'", "/srv/a/x ", "/srv/a/x\t", "/srv/a/x.",
			"/srv/a/x\u00a0", "/srv/a/x/.", "/srv/a/x\n", "/srv/a/x\r", "/srv/a/x~", "/srv/a/ x", "/srv/a/'x", "/srv/a/x\u3000", "/srv/a/\u3000x", "/srv/a/x\u202f",
			" /srv/a/x", `"/srv/a/x"`, "'/srv/a/x'", "/srv/a/x:/etc/passwd", "/srv/a/x,/etc/passwd", "/srv/a/x /etc/passwd", "/srv/a/x;/etc/passwd", "/srv/a/x|",
		}},
		{"POL-07 letter case", "a", []string{"/SRV/A/../B", "/SRV/A/x", "/srv/A/out", "/Srv/a/x"}},
		{"POL-07 letter case of a closed part", "not", []string{
			"/srv/a/PRIVATE/x", "/srv/a/x/Straße", "/srv/a/STRAẞE/x", "/srv/a/v½", "/srv/a/m㎧", "/srv/a/Private", "/srv/a/.ENV", "/srv/a/x.KEY", "/srv/a/pr\u0131vate/x", "/srv/a/pr\u0130vate/x", "/srv/a/x.\u212aey", "/srv/a/\uff50rivate/x",
		}},
		{"POL-08 NUL and controls", "a", []string{
			"/srv/a/ok.txt\x00/../../etc/passwd", "/srv/a/ok.txt%00", "/srv/a/ok.txt%2500", "/srv/a/x\x00.md", "\x00/srv/a/x", "/srv/a/\x1b[2J", "/srv/a/x\x7f",
			"/srv/a/x\u0085y", "/srv/a/x\ny", "/srv/a/\u2028x",
		}},
		{"POL-09 Windows forms to a POSIX reader", "any", []string{`..\..\x`, `C:\x`, `C:/x`, `\\srv\share`, `\\?\C:\`, "//?/", "a:b", `/srv/a/..\..\x`, `/srv/a\x`}},
		{"POL-09 Windows", "windows", []string{
			`..\..\x`, `C:\x`, `C:x`, `C:`, `D:\srv\docs\x`, `\srv\docs\x`, "/srv/docs/x", `\\srv\share\x`, `//srv/share`, `\\?\C:\srv\docs\x`, "//?/C:/srv/docs/x", `\\.\C:\x`,
			`C:\srv\docs\a:b`, `C:\srv\docs\a::$DATA`, `C:\srv\docs:x`, `C:\srv\docs\CON`, `C:\srv\docs\nul.txt`, `C:\srv\docs\NUL .txt`, `C:\srv\docs\x\Aux.tar.gz`,
			`C:\srv\docs\COM1`, `C:\srv\docs\lpt³.md`, `C:\srv\docs\CONIN$`, `C:\srv\docs\conout$.x`, `C:\srv\docs\PROGRA~1`, `C:\srv\docs\x~12.md`, `C:\srv\docs\x.`, `C:\srv\docs\x `,
			`C:\srv\docs\..\x`, `C:/srv/docs/../x`, `C:\srv/docs\../x`, `C:\srv\docs\\x`, `C:\srv\docs\/x`, `C:\srv\docs-evil\x`, `C:\srv\docsx`, `C:\srv`, `C:\srv\doc`,
			`C:\srv\docs\x?`, `C:\srv\docs\x|y`, `C:\srv\docs\%APPDATA%\x`, `C:\srv\docs\%Program Files%`, `C:\srv\docs\x¥y`, `C:\srv\docs\ＮＵＬ`, `C:\srv\docs\x～1`, `C:\srv\docs\x：y`,
			`C:\srv\doc` + "\u017f" + `\x`, `C:\srv\docs\NUL#.md`, `C:\srv\docs\. .\x`, `C:\srv\docs\x. .`,
			`C:\srv\docs\..#x`, `C:\srv\docs\COM½`,
		}},
		{"POL-09 letters that only some volumes fold", "umlaut", []string{`C:\übung\x`, `C:\ÜBUNG2\x`, "C:\\U\u0308bung\\x"}},
		{"POL-10 Unicode", "a", []string{
			"/srv/a/．．／x", "/srv/a/..／x", "/srv/a/x∕y", "/srv/a/x⁄y", "/srv/a/..\u2215..\u2215x", "/srv/a/․․/x", "/srv/a/‥/x", "/srv/a/…/x", "/srv/a/︰/x", "/srv/a/。。/x",
			"/srv/a/%c0%ae%c0%ae/x", "/srv/a/\xc0\xae\xc0\xae/x", "/srv/a/x\xff", "/srv/a/℀", "/srv/a/x⒈/y", "/srv/a/a\u200db", "/srv/a/a\u200b", "/srv/a/.\u200d./x", "/srv/a/.\ufe0f./x",
			"/srv/a/.\u0308./x", "/srv/a/.\u0308env", "/srv/a/\u202egnp.md", "/srv/a/\ufeffx", "/srv/a/x\u00ady", "/srv/a/x\u034fy", "/srv/a/\u3164", "/srv/a/x\U000e0041", "/srv/a/x\uf05cy", "/srv/a/x\u0378",
			"/srv/a/x＼y", "/srv/a/x\ufe68y", "/srv/a/x\u037ey", "/srv/a/\uff5e/x", "/srv/a/\u0338x", "/srv/a/＄ＨＯＭＥ", "/srv/a/2\ufe0fe",
		}},
		{"POL-10 the other normal form of the directory", "accent", []string{"/srv/cafe\u0301/x.md", "/srv/cafe/x.md", "/srv/CAF\u00c9/x.md"}},
		{"POL-11 kernel trees", "any", []string{
			"/proc/self/root/etc/passwd", "/proc/self/environ", "/dev/fd/0", "/dev/stdin", "/sys", "/sys/", "/proc", "/dev/shm/x", "/PROC/self/environ", "/Dev/stdin", "/ｐroc/self/x",
		}},
		{"POL-11 kernel trees below the root", "root", []string{"/proc/self/root/x", "/dev/stdin", "/sys/x", "/proc"}},
		{"POL-11 kernel trees beside an allowed one", "kernel", []string{"/dev/shm", "/dev/shm/x", "/dev/fd/0", "/proc/self/environ", "/proc/sys/kernel/core_pattern", "/DEV/shm/work/x"}},
		{"POL-12 URIs", "any", []string{
			"file://localhost/etc/x", "file:////etc", "FILE:/etc", "file://evil/x", "file:///srv/a/%2e%2e/b", "file:relative", "http://h/x", "jar:file:/x!/y", "data:,x", "host:/etc",
		}},
		{"POL-12 URIs with a base", "base", []string{"file:///srv/a/x", "FILE:x", "file:relative", "host:/etc", "user@host:x", "C:x", "x:y"}},
		{"POL-13 globs", "not", []string{
			"/srv/a/one/x", "/srv/a/one/x/y/z", "/srv/a/.env", "/srv/a/x/.env", "/srv/a/x/y/z.key", "/srv/a/.env/x", "/srv/a/private", "/srv/a/private/", "/srv/a/private/x/y", "/srv/a/x/ab",
			"/srv/a/y/b/c", "/srv/a/x.key#.md", "/srv/a/.e'nv#", "/srv/a/private#x", "/srv/a/private #x", "/srv/a/it/.e'nv", "/srv/a/*", "/srv/a/?", "/srv/a/{x,y}", "/srv/a/lit/*",
		}},
		{"POL-16 not a plain path", "base", []string{
			`["/srv/a","/etc"]`, `{"path":"/etc/passwd"}`, `"/srv/a/x"`, "/etc/passwd", "/srv/a/x\n/etc/passwd", "/srv/a/x;/etc", long(4097), "/srv/a/" + long(256),
			"/srv/a/" + strings.Repeat("é", 128),
		}},
		{"A35 extensions", "md", []string{
			"/srv/a/x", "/srv/a/x.MD", "/srv/a/x.md.exe", "/srv/a/x.md/", "/srv/a/.md", "/srv/a/xmd", "/srv/a/x.md/y", "/srv/a", "/srv/a/x.ｍd", "/srv/a/x.sh#.md", "/srv/a/id#.md", "/srv/a/x.md~",
		}},
		{"A35 closed parts of a drive", "drive", []string{`D:\secret`, `D:\SECRET\x`, "D:/secret/x", `D:\x\y.PEM`, `..\secret`, `x.pem`, `D:secret`, `\secret`, `C:\x`}},
	} {
		t.Run(tc.id, func(t *testing.T) {
			j := given(t, tc.rule)
			for _, value := range tc.refused {
				why := j.Judge(value)
				if why == "" {
					t.Errorf("%q passed", value)
				}
				if len(value) > 12 && strings.Contains(why, value) {
					t.Errorf("the reason repeats %q: %s", value, why)
				}
			}
		})
	}
}

func TestPlainPathsPass(t *testing.T) {
	for rule, values := range map[string][]string{
		"any":    {"/", "/etc/hosts", "/srv/a/", "/processes/x", "/device", "/a/proc/self", "/x/dev/stdin", "/systems", "/" + long(255)},
		"a":      {"/srv/a", "/srv/a/", "/srv/a/x/", "/srv/a/a..b", "/srv/a/..data/x", "/srv/a/.gitignore", "/srv/a/100%.md", "/srv/a/50% off/x", "/srv/a/it's.md", "/srv/a/10:30.md"},
		"accent": {"/srv/caf\u00e9/x.md", "/srv/caf\u00e9/cafe\u0301.md", "/srv/caf\u00e9/日本語/見出し（１）.md", "/srv/caf\u00e9/👩\u200d🚀.md", "/srv/caf\u00e9/می\u200cخواهم.md"},
		"base":   {"x", "x/y.md", "a..b", ".gitignore", "..data", "/srv/a/x", "x/", "x-y", "x/-y"},
		"above":  {"a/work/x", "b", "/srv/b/x"},
		"root":   {"/", "/etc/hosts", "/srv"},
		"kernel": {"/dev/shm/work", "/dev/shm/work/x", "/proc/sys/net/ipv4", "/srv/a/x"},
		"md":     {"/srv/a/x.md", "/srv/a/a.b/c.txt", "/srv/a/.x.md", "/srv/a/notes (1).md"},
		"not": {
			"/srv/a", "/srv/a/one", "/srv/a/one/", "/srv/a/privately/x", "/srv/a/x/kept", "/srv/a/.env.example", "/srv/a/x.keys", "/srv/a/.envrc",
			"/srv/a/lit/x", "/srv/a/z/ab", "/srv/a/C#/x.md", "/srv/a/.#lock",
		},
		"windows":   {`C:\srv\docs`, `c:\SRV\Docs\x.md`, "C:/srv/docs/x", `C:\srv\docs\`, `C:\srv/docs\x/y`, `C:\srv\docs\.gitignore`, `C:\srv\docs\console.log`, `C:\srv\docs\common\x`, `C:\srv\docs\Übung\x`, `C:\srv\docs\100%.md`},
		"drive":     {`D:\`, `D:\x`, "d:/x", `x\y`, "x/y.md", `D:\secrets`},
		"windowsmd": {`C:\x.md`, `Z:\a\b.c.md`},
	} {
		j := given(t, rule)
		for _, value := range values {
			if why := j.Judge(value); why != "" {
				t.Errorf("%s: %q was refused: %s", rule, value, why)
			}
		}
	}
}

func TestNoRuleRefuses(t *testing.T) {
	var none *paths.Judge
	if none.Judge("/srv/a/x") == "" || (&paths.Judge{}).Judge("/srv/a/x") == "" {
		t.Error("a path passed without a rule")
	}
}

// POL-13: a bad pattern is a fault of the configuration, never a rule that
// closes nothing.
func TestPOL13Faults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rule  paths.Rule
		field string
	}{
		{"relative directory", paths.Rule{Under: []string{"/srv/a", "srv/b"}}, "under[1]"},
		{"dot segment", paths.Rule{Under: []string{"/srv/../b"}}, "under[0]"},
		{"doubled slash", paths.Rule{Under: []string{"/srv//b"}}, "under[0]"},
		{"empty directory", paths.Rule{Under: []string{""}}, "under[0]"},
		{"glob as directory", paths.Rule{Under: []string{"/srv/*"}}, "under[0]"},
		{"home", paths.Rule{Under: []string{"~/docs"}}, "under[0]"},
		{"variable", paths.Rule{Under: []string{"/srv/$USER"}}, "under[0]"},
		{"too many", paths.Rule{Under: make([]string, 65)}, "under"},
		{"proc", paths.Rule{Under: []string{"/proc"}}, "under[0]"},
		{"proc self", paths.Rule{Under: []string{"/proc/self"}}, "under[0]"},
		{"a process", paths.Rule{Under: []string{"/proc/1/root"}}, "under[0]"},
		{"dev fd", paths.Rule{Under: []string{"/dev/fd"}}, "under[0]"},
		{"dev stdin", paths.Rule{Under: []string{"/dev/stdin"}}, "under[0]"},
		{"open bracket", paths.Rule{Not: []string{"**/["}}, "not[0]"},
		{"open brace", paths.Rule{Not: []string{"/srv/{a"}}, "not[0]"},
		{"trailing backslash", paths.Rule{Not: []string{`/srv/a\`}}, "not[0]"},
		{"relative glob", paths.Rule{Not: []string{"*.key"}}, "not[0]"},
		{"relative closed directory", paths.Rule{Not: []string{"private"}}, "not[0]"},
		{"empty closed", paths.Rule{Not: []string{""}}, "not[0]"},
		{"range that case breaks", paths.Rule{Not: []string{"/srv/[Z-a]"}}, "not[0]"},
		{"star that folding makes", paths.Rule{Not: []string{"/srv/[ab]＊"}}, "not[0]"},
		{"long glob", paths.Rule{Not: []string{"/*" + long(1024)}}, "not[0]"},
		{"many braces", paths.Rule{Not: []string{"/{a,b}{a,b}{a,b}{a,b}{a,b}"}}, "not[0]"},
		{"control in glob", paths.Rule{Not: []string{"/srv/*\n"}}, "not[0]"},
		{"glob not UTF-8", paths.Rule{Not: []string{"/srv/*\xff"}}, "not[0]"},
		{"extension without dot", paths.Rule{Extensions: []string{".md", "txt"}}, "extensions[1]"},
		{"double extension", paths.Rule{Extensions: []string{".tar.gz"}}, "extensions[0]"},
		{"glob extension", paths.Rule{Extensions: []string{".*"}}, "extensions[0]"},
		{"relative base", paths.Rule{Base: "work"}, "base"},
		{"base beside", paths.Rule{Under: []string{"/srv/a"}, Base: "/srv/b"}, "base"},
		{"base in proc", paths.Rule{Base: "/proc/self"}, "base"},
		{"POSIX directory on Windows", paths.Rule{Under: []string{"/srv/a"}, Windows: true}, "under[0]"},
		{"share", paths.Rule{Under: []string{`\\srv\share`}, Windows: true}, "under[0]"},
		{"drive alone", paths.Rule{Under: []string{"C:"}, Windows: true}, "under[0]"},
		{"device", paths.Rule{Under: []string{`C:\nul`}, Windows: true}, "under[0]"},
		{"backslashes in a glob", paths.Rule{Not: []string{`C:\srv\*.key`}, Windows: true}, "not[0]"},
		{"links on Windows", paths.Rule{Windows: true, Resolve: true}, "resolve"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, faults := paths.New(tc.rule)
			if j != nil || len(faults) == 0 || faults[0].Field != tc.field || faults[0].Text == "" {
				t.Errorf("got %v, %v; want a fault of %s", j, faults, tc.field)
			}
		})
	}
	_, faults := paths.New(paths.Rule{Under: []string{"x", "y"}, Not: []string{"["}, Extensions: []string{"z"}, Base: "b"})
	if len(faults) != 5 {
		t.Errorf("got %d faults, want all 5: %v", len(faults), faults)
	}
}

// A server that expands patterns must not be led into a closed part by a class, and
// names with brackets stay names.
func TestClassesOfBrackets(t *testing.T) {
	j, faults := paths.New(paths.Rule{Under: []string{"/srv/docs"}, Not: []string{"/srv/docs/keys", "**/secret"}, Base: "/srv/docs"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for path, want := range map[string]bool{
		"/srv/docs/[id].tsx": true, "/srv/docs/[...slug]/page.tsx": true, "/srv/docs/a [old].md": true, "[id]/x": true,
		"/srv/docs/[k]eys/a": false, "/srv/docs/[a-z]eys/a": false, "/srv/docs/ke[xy]s": false, "/srv/docs/a/[s]ecret": false,
		"/srv/docs/[!x]eys/a": false, "[k]eys/a": false, "/srv/docs/[a-z][a-z][a-z]": false,
	} {
		if why := j.Judge(path); (why == "") != want {
			t.Errorf("%s: %q, want allowed %v", path, why, want)
		}
	}
}
