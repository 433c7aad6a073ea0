package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// calling is a call of files/read with these arguments.
func calling(id, arguments string) *gate.Exchange {
	ex := says(id, "tools/call", `{"name":"files_read","arguments":`+arguments+`}`, arguments)
	return ex
}

// every is one argument of each type, in which each value is a canary.
const every = `{"text":"` + canary + `","int":40711704,"big":9007199254740993,"yes":true,"deep":{"list":[1,{"x":"` + canary + `-deep"}]},"sq\u006c":"select ` + canary + `"}`

// Values of every type are kept as their rules say, and stand in the file in no
// other way (LOG-16).
func TestLOG16_FieldsAreKeptByRule(t *testing.T) {
	rules := []audit.Field{
		{Path: "/text", How: audit.Hashed},
		{Path: "/int", How: audit.Hashed},
		{Path: "/yes", How: audit.Hashed},
		{Path: "/deep/list/1/x", How: audit.None},
		{Path: "/sql", How: audit.Plain},
		{Path: "/big", How: audit.Sealed},
		{Path: "/absent", How: audit.Plain},
	}
	for how, tc := range map[audit.Arguments]struct{ name, rest string }{
		audit.Sealed: {"sealed", `{"text":null,"int":null,"big":9007199254740993,"yes":null,"deep":{"list":[1,{"x":null}]},"sq\u006c":"select ` + canary + `"}`},
		audit.Plain:  {"plain", `{"text":null,"int":null,"big":null,"yes":null,"deep":{"list":[1,{"x":null}]},"sq\u006c":"select ` + canary + `"}`},
		audit.Hashed: {"hashed", ""},
		audit.None:   {"none", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Arguments, cfg.Fields = how, map[string][]audit.Field{"files/read": rules}
			l := open(t, cfg)
			if err := l.Intent(t.Context(), calling("x", every)); err != nil {
				t.Fatal(err)
			}
			r := read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent})[0]
			hash := func(value string) audit.Kept {
				sum, err := audit.HashField(cfg.KeyFile, "", []byte(value))
				if err != nil {
					t.Fatal(err)
				}
				return audit.Kept{As: audit.AsHashed, Value: sum}
			}
			want := map[string]audit.Kept{
				"/text": hash(` "` + strings.ReplaceAll(canary, "c", `\u0063`) + `" `), "/int": hash("40711704"), "/yes": hash("true"),
				"/deep/list/1/x": {As: audit.AsNone}, "/sql": {As: audit.AsPlain, Value: `"select ` + canary + `"`},
			}
			got := map[string]audit.Kept{}
			for _, k := range r.Fields {
				path := k.Path
				if k.Path = ""; path == "/big" {
					if k.As != audit.AsSealed || strings.Contains(k.Value, "9007199254740993") {
						t.Errorf("big is kept as %+v", k)
					}
					continue
				}
				got[path] = k
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if _, err := keyring(t, cfg.Dir).Arguments(&r); !errors.Is(err, audit.ErrNotKept) {
				t.Errorf("arguments of which some were left out came back as whole: %v", err)
			}
			revealed(t, cfg.Dir, tc.rest)
			verify(t, cfg.Dir)
		})
	}
}

// revealed holds the one intent of a log, opened, against the arguments that are kept
// beside the fields, and the file against what it must not hold.
func revealed(t *testing.T, dir, rest string) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "audit-00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Split(log, []byte("\n"))[1]
	for _, hidden := range []string{canary + "-deep", `"` + canary, "40711704"} {
		if bytes.Contains(line, []byte(hidden)) {
			t.Errorf("the log holds %s", hidden)
		}
	}
	open, err := keyring(t, dir).Line(line)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.ParseRecord(open)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Plain) != rest {
		t.Errorf("beside the fields: got %s, want %s", r.Plain, rest)
	}
	at := slices.IndexFunc(r.Fields, func(k audit.Kept) bool { return k.Path == "/big" })
	if at < 0 || r.Fields[at].As != audit.AsPlain || r.Fields[at].Value != "9007199254740993" {
		t.Errorf("the sealed field opens as %+v", r.Fields)
	}
}

// LOG-16: a hash finds a value again, in any spelling, and in the records of its tenant
// alone.
func TestLOG16_HashesAreComputedAgain(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Fields = map[string][]audit.Field{"files/*": {{Path: "/v", How: audit.Hashed}}}
	l := open(t, cfg)
	for id, arguments := range map[string]string{
		"text": `{"v":"1"}`, "int": `{"v":1}`, "float": `{"v":1.0}`, "other": `{"v":2}`, "big": `{"v":9007199254740993}`,
		"object": `{"v":{"b":[1, 2],"a":"\u00e9"}}`, "huge": `{"v":1e999}`, "none": `{"w":1}`,
	} {
		if err := l.Intent(t.Context(), calling(id, arguments)); err != nil {
			t.Fatal(err)
		}
	}
	tenant := calling("tenant", `{"v":1}`)
	tenant.Principal.Tenant = "acme"
	if err := l.Intent(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ tenant, value, want string }{
		{"", `"1"`, "text"},
		{"", `1`, "float int"},
		{"acme", `1`, "tenant"},
		{"other", `1`, ""},
		{"", `9007199254740993`, "big"},
		{"", `9007199254740992`, ""},
		{"", "{\"a\":\"\u00e9\",\"b\":[1,2]}", "object"},
	} {
		sum, err := audit.HashField(cfg.KeyFile, tc.tenant, []byte(tc.value))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range read(t, cfg.Dir, audit.Query{Hash: sum}) {
			got = append(got, r.Exchange)
		}
		if slices.Sort(got); strings.Join(got, " ") != tc.want {
			t.Errorf("%s of %q: found %q, want %q", tc.value, tc.tenant, got, tc.want)
		}
	}
	if _, err := audit.HashField(cfg.KeyFile, "", []byte("alice")); err == nil {
		t.Error("what is no JSON was hashed")
	}
}

// Where it cannot be told whether a rule is for a call, nothing of it is kept but the
// digest; and what is too long for a record is not kept either.
func TestFieldsOfWhatIsNotKnown(t *testing.T) {
	long, short := `"`+strings.Repeat("a", 16<<10)+`"`, `"`+strings.Repeat("a", 10<<10)+`"`
	for _, tc := range []struct {
		name   string
		rules  []audit.Field
		base   audit.Arguments
		change func(*gate.Exchange)
		args   string
		fields string // as AS:PATH
		whole  bool
	}{
		{"no such tool", []audit.Field{{Path: "/v", How: audit.None}}, audit.Plain, func(ex *gate.Exchange) { ex.Target.Item = nil }, `{"v":1}`, "", false},
		{"another tool", []audit.Field{{Path: "/v", How: audit.None}}, audit.Plain, func(ex *gate.Exchange) { ex.Target.Item.Name = "write" }, `{"v":1}`, "", true},
		{"another upstream", []audit.Field{{Path: "/v", How: audit.None}}, audit.Plain, func(ex *gate.Exchange) { ex.Target.Item.Upstream = "mail" }, `{"v":1}`, "", true},
		{"a long one, sealed whole", []audit.Field{{Path: "/v", How: audit.Plain}}, audit.Sealed, nil, `{"v":` + long + `}`, "long:/v", true},
		{"a long one of its own", []audit.Field{{Path: "/v", How: audit.Sealed}}, audit.Plain, nil, `{"v":` + long + `}`, "long:/v", false},
		{
			"two that are too long together",
			[]audit.Field{{Path: "/a", How: audit.Plain}, {Path: "/v", How: audit.Plain}},
			audit.Hashed, nil,
			`{"a":` + short + `,"v":` + short + `}`, "plain:/a long:/v", false,
		},
		{
			"arguments that are too long to be looked into",
			[]audit.Field{{Path: "/v", How: audit.Plain}},
			audit.Plain, nil,
			`{"v":1,"w":"` + strings.Repeat("a", 256<<10) + `"}`, "", false,
		},
		{"an element", []audit.Field{{Path: "/v/1", How: audit.Plain}}, audit.Hashed, nil, `{"v":[0,{"x":[]}],"w":0}`, "plain:/v/1", false},
		{"below a text", []audit.Field{{Path: "/v/1", How: audit.Plain}}, audit.Hashed, nil, `{"v":"abc"}`, "", false},
		{"a name with a slash", []audit.Field{{Path: "/a~1b~0", How: audit.Plain}}, audit.Hashed, nil, `{"a/b~":1}`, "plain:/a~1b~0", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Arguments, cfg.Fields = tc.base, map[string][]audit.Field{"files/read": tc.rules}
			l := open(t, cfg)
			args := tc.args
			if !json.Valid([]byte(args)) {
				t.Fatal("the test's arguments are no JSON")
			}
			ex := calling("x", args)
			if tc.change != nil {
				tc.change(ex)
			}
			if err := l.Intent(t.Context(), ex); err != nil {
				t.Fatal(err)
			}
			r := read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent})[0]
			var got []string
			for _, k := range r.Fields {
				got = append(got, k.As+":"+k.Path)
			}
			kept, err := keyring(t, cfg.Dir).Arguments(&r)
			if err == nil && string(kept) != args {
				t.Errorf("the arguments are said to be %.40s", kept)
			}
			if strings.Join(got, " ") != tc.fields || (err == nil) != tc.whole {
				t.Errorf("fields %q, arguments %.40s, %v", got, kept, err)
			}
			if tc.base != audit.None && r.Arguments == [32]byte{} {
				t.Error("there is no digest")
			}
		})
	}
}

// Rules that cannot be are refused when the log opens.
func TestFieldsThatCannotBe(t *testing.T) {
	for name, fields := range map[string]map[string][]audit.Field{
		"no tool":       {"files": {{Path: "/a"}}},
		"no pointer":    {"files/read": {{Path: "a"}}},
		"one in other":  {"files/read": {{Path: "/a/b"}, {Path: "/a"}}},
		"twice":         {"files/read": {{Path: "/a"}, {Path: "/a"}}},
		"an unknown":    {"files/read": {{Path: "/a", How: audit.None + 1}}},
		"more than 16":  {"files/read": slices.Repeat([]audit.Field{{Path: "/a"}}, 17)},
		"a longer path": {"files/read": {{Path: "/" + strings.Repeat("a", 128)}}},
	} {
		cfg := config(t.TempDir())
		cfg.Fields = fields
		if l, err := audit.Open(cfg); err == nil {
			t.Errorf("%s: it opens", name)
			_ = l.Close()
		}
	}
}
