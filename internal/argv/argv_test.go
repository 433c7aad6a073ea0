package argv_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/argv"
)

func parameter(t *testing.T, r argv.Rule) *argv.Parameter {
	t.Helper()
	p, faults := argv.NewParameter(r)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

// TestPOL30Values: what a shell, a program or a person would read as something else passes for no
// type; what passes, passes unchanged.
func TestPOL30Values(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	hostile := []string{
		"", ";id", "$(id)", "`id`", "|id", "a|b", "&", "a&&b", ">x", "a\nb", "a\r", "${IFS}", `$'\x3b'`, "!!", "~", "*", "a b", `"`, "'", `\`, "a\x00b", "\xff", "a\u200bb", "\u202eb", "\u2028", "\x1b[2J",
		"-x", "--output=/tmp/x", "\u2212x", "\u2013x", "ext::sh -c id", "fd::7", strings.Repeat("a", 257), "..", "../x", "/etc/passwd", "０",
	}
	for name, tc := range map[string]struct {
		rule         argv.Rule
		pass, refuse []string
	}{
		"enum":       {argv.Rule{Enum: []string{"nginx", "redis server"}}, []string{"nginx", "redis server"}, []string{"Nginx", "redis"}},
		"pattern":    {argv.Rule{Pattern: "[a-z][a-z0-9]*|x"}, []string{"a", "b9", "x"}, []string{"9", "xX"}},
		"integer":    {argv.Rule{Type: argv.Integer, Minimum: new(int64(1)), Maximum: new(int64(20))}, []string{"1", "20"}, []string{"0", "01", "+1", "21", "1e1", "1.0", "9223372036854775808"}},
		"identifier": {argv.Rule{Type: argv.Identifier}, []string{"main", "feature/x_1", "v1.2.3"}, []string{"a..b", "a.lock", "host:x"}},
		"path":       {argv.Rule{Type: argv.Path, Under: []string{dir}}, []string{dir, dir + "/x", dir + "/a/b.md"}, []string{"a", "file://" + dir}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmpl, faults := argv.New([]string{"echo", "{v}"}, map[string]*argv.Parameter{"v": parameter(t, tc.rule)})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			for _, v := range slices.Concat(hostile, tc.refuse, []string{dir + "/../x", dir + "x", dir + "/out/passwd", "nginx "}) {
				if words, why := tmpl.Fill(map[string]string{"v": v}); why == "" || len(v) > 3 && strings.Contains(why, v) {
					t.Errorf("%q: %q, %q", v, words, why)
				}
			}
			for _, v := range tc.pass {
				if words, why := tmpl.Fill(map[string]string{"v": v}); why != "" || !slices.Equal(words, []string{"echo", v}) {
					t.Errorf("%q: %q, %q", v, words, why)
				}
			}
		})
	}
}

// Of a text by a pattern, what the pattern allows passes as it is: nothing reads it again.
func TestPOL30FreeText(t *testing.T) {
	t.Parallel()
	tmpl, _ := argv.New([]string{"say", "<{v}>", "{v}{v}"}, map[string]*argv.Parameter{"v": parameter(t, argv.Rule{Pattern: ".+", Length: 100})})
	for _, v := range []string{";id", "$(id)", "`id`", "a|b & c > d", "${IFS}", `$'\x3b'`, "!! ~ *", `"'\`, "{v}", "{{v}}", "%s", "e\u0301", "é"} {
		if words, why := tmpl.Fill(map[string]string{"v": v}); why != "" || !slices.Equal(words, []string{"say", "<" + v + ">", v + v}) {
			t.Errorf("%q: %q, %q", v, words, why)
		}
	}
	for _, v := range []string{"a\nb", "a\tb", "\x00", "a\u00ad", "\xc3", "\u2066"} {
		if words, why := tmpl.Fill(map[string]string{"v": v}); why == "" {
			t.Errorf("%q: %q", v, words)
		}
	}
}

// values are those that a word takes: this one, and 5 for n.
func values(word, of, value string) map[string]string {
	all := map[string]string{of: value}
	if strings.Contains(word, "{n}") && of != "n" {
		all["n"] = "5"
	}
	return all
}

// TestPOL31Options: no value becomes an option, but one that its operator wrote.
func TestPOL31Options(t *testing.T) {
	t.Parallel()
	all := map[string]*argv.Parameter{
		"text": parameter(t, argv.Rule{Pattern: ".+"}), "dash": parameter(t, argv.Rule{Pattern: ".+", Default: "-x"}), "word": parameter(t, argv.Rule{Enum: []string{"-v", "x"}}),
		"n": parameter(t, argv.Rule{Type: argv.Integer, Minimum: new(int64(1)), Maximum: new(int64(9))}), "below": parameter(t, argv.Rule{Type: argv.Integer, Minimum: new(int64(-5)), Maximum: new(int64(9))}),
	}
	for _, tc := range []struct {
		word, of, value string
		want            string // empty: refused
	}{
		{"{text}", "text", "-c core.sshCommand=x", ""},
		{"{text}", "text", "--upload-pack=x", ""},
		{"{text}", "text", "-", ""},
		{"{text}", "text", "--", ""},
		{"{text}", "text", "\u2212x", ""},
		{"{text}", "text", "\u2010x", ""},
		{"{text}", "text", "\uff0dx", ""},
		{"{text}", "text", "\ufe63x", ""},
		{"{text}", "text", "@file", ""},
		{"{text}", "text", "+x", ""},
		{"{text}", "text", "\uff20x", ""},
		{"{text}", "text", "\uff0bx", ""},
		{"{text}", "text", "\u30fcx", ""},
		{"{text}", "text", "x\u3164", ""},
		{"{text}", "text", "x\ufe0f", ""},
		{"{text}", "text", "x\u034f", ""},
		{"{text}", "text", "x-y", "x-y"},
		{"{text}", "text", "日本+@", "日本+@"},
		{"--file={text}", "text", "-x", "--file=-x"},
		{"--{n}={text}", "text", "-x", "--5=-x"},
		{"-Dx={text}", "text", "-x", "-Dx=-x"},
		{"{word}", "word", "-v", "-v"},
		{"-{n}", "n", "5", "-5"},
		{"--depth={below}", "below", "-5", "--depth=-5"},
	} {
		tmpl, faults := argv.New([]string{"git", tc.word}, all)
		if len(faults) > 0 {
			t.Fatal(tc.word, faults)
		}
		words, why := tmpl.Fill(values(tc.word, tc.of, tc.value))
		if (why == "") != (tc.want != "") || why == "" && words[1] != tc.want {
			t.Errorf("%s of %q: %q, %q", tc.word, tc.value, words, why)
		}
	}
	for word, want := range map[string]string{
		"{below}": "below zero", "--{text}": "choose the option", "-{text}": "choose the option", "--no-{text}": "choose the option", "-r{text}": "choose the option", "{word}{text}": "choose the option", "--with{n}{text}=": "choose the option", "{dash}": "always be refused", "{absent}": "parameters has no absent",
	} {
		if _, faults := argv.New([]string{"git", word}, all); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%s: %q", word, faults)
		}
	}
	for program, want := range map[string]string{"{word}": "chooses the program", "/bin/{word}": "chooses the program", "x.BAT ": "batch file", "c:\\x.cmd": "batch file", "": "name a program"} {
		if _, faults := argv.New([]string{program}, all); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%s: %q", program, faults)
		}
	}
}

// A parameter that is not there, and one that the command does not have, are refused; a default
// stands for what is not sent.
func TestFill(t *testing.T) {
	t.Parallel()
	tmpl, faults := argv.New([]string{"x", "{a}:{b}", "{A} {} {a b} {{}", ""}, map[string]*argv.Parameter{
		"a": parameter(t, argv.Rule{Pattern: "[a-z]+"}), "b": parameter(t, argv.Rule{Pattern: "[a-z]+", Default: "usual"}), "c": parameter(t, argv.Rule{Pattern: "c"}),
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if words, why := tmpl.Fill(map[string]string{"a": "one"}); why != "" || !slices.Equal(words, []string{"x", "one:usual", "{A} {} {a b} {{}", ""}) {
		t.Errorf("%q, %q", words, why)
	}
	for want, values := range map[string]map[string]string{
		"a is missing": {"b": "x"}, "does not have": {"a": "x", "c": "c"}, "a is none of the values": {"a": "A"},
	} {
		if words, why := tmpl.Fill(values); !strings.Contains(why, want) {
			t.Errorf("%v: %q, %q", values, words, why)
		}
	}
	if !slices.Equal(tmpl.Takes(), []string{"a", "b"}) || tmpl.Listed() {
		t.Errorf("%q, %v", tmpl.Takes(), tmpl.Listed())
	}
}

// A rule that nothing, or anything, could keep is refused.
func TestRules(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]argv.Rule{
		"has no rule":         {},
		"is for type: text":   {Type: argv.Identifier, Pattern: "x"},
		"is for type: path":   {Enum: []string{"x"}, Under: []string{"/srv"}},
		"minimum and maximum": {Type: argv.Integer, Minimum: new(int64(1))},
		"more than maximum":   {Type: argv.Integer, Minimum: new(int64(2)), Maximum: new(int64(1))},
		"needs the directories": {
			Type: argv.Path,
		},
		"is not absolute":       {Type: argv.Path, Under: []string{"srv"}},
		"must be text, integer": {Type: "list"},
		"at most 4096":          {Pattern: "x", Length: 4097},
		"stands beside enum":    {Enum: []string{"x"}, Pattern: "x"},
		"between 1 and 64":      {Enum: []string{}},
		"is empty":              {Enum: []string{""}},
		"control character":     {Enum: []string{"a\nb"}},
		"not a regular":         {Pattern: "(x"},
		"could not be sent":     {Pattern: "x", Default: "y"},
	} {
		if p, faults := argv.NewParameter(r); p != nil || len(faults) != 1 || !strings.Contains(faults[0].Text, want) {
			t.Errorf("%s: %q", want, faults)
		}
	}
	if why := (&argv.Parameter{}).Judge("x"); why == "" {
		t.Error("no rule lets pass")
	}
}
