package cases_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"doorward/internal/policy"
	"doorward/internal/policy/cases"
	"doorward/internal/policy/paths"
)

func source() policy.Source {
	return policy.Source{
		Roles: map[string]policy.Role{
			"reader": {
				Scopes: []string{"docs:read"}, Issuers: []string{"https://id.example.com"},
				Allow: []policy.Rule{
					{Tools: []string{"files/read_*"}, Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/docs"}}}},
					{Resources: []string{"docs://**"}, Prompts: []string{"docs/*"}},
					{Tools: []string{"files/drop"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}}},
					{Tools: []string{"files/size"}, Where: &policy.Where{Values: map[string]policy.Value{"n": {Max: "9007199254740992"}}}},
				},
				Deny: []policy.Rule{{Tools: []string{"files/read_secret"}}},
			},
			"lead": {Groups: []string{"leads"}},
		},
		Arguments: map[string]map[string]string{"files": {"path": "path"}},
	}
}

const people = `version: 1
principals:
  key: {roles: [reader]}
  token: {scopes: ["docs:read"]}
  stranger: {scopes: ["docs:read"], issuer: "https://other.example.com"}
  lead: {groups: [leads], subject: l}
cases:
`

func run(t *testing.T, lines ...string) []cases.Outcome {
	t.Helper()
	out, err := parse(t, people+"  - {"+strings.Join(lines, "}\n  - {")+"}\n").Run(source(), "https://id.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun(t *testing.T) {
	for _, line := range []string{
		`who: key, call: files/read_text, args: {path: /srv/docs/a.md}, expect: allow, rule: "roles.reader.allow[0]"`,
		`who: key, call: files/read_text, args: {path: /etc/passwd}, expect: deny, reason: arguments`,
		`who: key, call: files/read_text, args: {path: /srv/docs/../../etc/passwd}, expect: deny`,
		`who: key, call: files/read_secret, args: {path: /srv/docs/a}, expect: deny, rule: "roles.reader.deny[0]", reason: denied by rule`,
		`who: key, call: files/write, expect: deny, reason: no rule`,
		`who: key, call: files/drop, expect: approve`,
		`who: key, call: files/size, args: {n: 9007199254740993}, expect: deny`,
		`who: key, call: files/size, args: {n: 9007199254740992}, expect: allow`,
		`who: key, call: files/read_text, args: '{"path":"/srv/docs/a","path":"/etc"}', expect: deny`,
		`who: token, call: files/read_text, args: {path: /srv/docs/a.md}, expect: allow`,
		`who: stranger, call: files/read_text, args: {path: /srv/docs/a.md}, expect: deny, reason: has no role`,
		`who: lead, read: "docs://a", expect: deny`,
		`who: key, read: "docs://a", expect: allow`,
		`who: key, read: "file://a", expect: deny`,
		`who: key, prompt: docs/summarise, args: {topic: x}, expect: allow`,
		`who: key, prompt: files/read_text, expect: deny`,
		`who: key, list: files/read_text, expect: visible`,
		`who: key, list: files/read_secret, expect: hidden`,
		`who: key, list: files/*, expect: visible`,
		`who: key, list: web/*, expect: hidden`,
		`who: key, list: docs/summarise, kind: prompt, expect: visible`,
		`who: key, list: "docs://{path}", kind: template, expect: visible`,
		`who: key, list: "file://{path}", kind: template, expect: hidden`,
	} {
		if out := run(t, line)[0]; !out.Passed || out.Expected != out.Got || out.Reason == "" {
			t.Errorf("%s: %+v", line, out)
		}
	}
}

// A case that is not as it says fails, and says in what.
func TestDifferences(t *testing.T) {
	for line, want := range map[string]string{
		`who: key, call: files/write, expect: allow`:                                    "expected allow, got deny",
		`who: key, call: files/drop, expect: allow`:                                     "expected allow, got approve",
		`who: key, call: files/drop, expect: deny`:                                      "expected deny, got approve",
		`who: key, list: web/*, expect: visible`:                                        "expected visible, got hidden",
		`who: key, call: files/drop, expect: approve, rule: "roles.reader.allow[1]"`:    "expected the rule roles.reader.allow[1] to decide, it was roles.reader.allow[2].tools[0]: files/drop",
		`who: key, call: files/drop, expect: approve, rule: roles.read`:                 "expected the rule roles.read to decide",
		`who: key, call: files/write, expect: deny, rule: "roles.reader.allow[0]"`:      "to decide, it was none",
		`who: key, call: files/read_secret, expect: deny, reason: no rule`:              `expected a reason with "no rule"`,
		`who: key, call: files/read_text, args: {path: 7}, expect: allow`:               "expected allow, got deny",
		`who: token, call: files/read_text, args: {path: /srv/docs/a.md}, expect: deny`: "expected deny, got allow",
	} {
		if out := run(t, line)[0]; out.Passed || !strings.Contains(strings.Join(out.Differs, "\n"), want) {
			t.Errorf("%s: %+v, want %q", line, out, want)
		}
	}
}

// Roles that the configuration does not have are a fault of the file, not a deny.
func TestUnknownRoles(t *testing.T) {
	s := parse(t, "version: 1\nprincipals: {a: {roles: [readr]}, b: {roles: [x]}}\ncases: [{who: a, call: f/x, expect: deny}]\n")
	_, err := s.Run(source(), "")
	for _, want := range []string{`principals.a: there is no role "readr"; there are lead, reader`, "principals.b"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestJUnit(t *testing.T) {
	out := run(t, `who: key, call: files/drop, expect: approve, name: "<held> & fine"`, "who: key, call: files/write, expect: allow, name: \"wr\u200bong\"")
	other := out[0]
	other.File = "other.yaml"
	var b strings.Builder
	if err := cases.WriteJUnit(&b, append(out, other)); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Time     string `xml:"time,attr"`
			Cases    []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &doc); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if len(doc.Suites) != 2 || doc.Suites[0].Tests != 2 || doc.Suites[0].Failures != 1 || doc.Suites[0].Time == "" || doc.Suites[1].Failures != 0 {
		t.Fatalf("%+v", doc)
	}
	first, second := doc.Suites[0].Cases[0], doc.Suites[0].Cases[1]
	if first.Name != "<held> & fine" || first.Failure != nil || second.Name != "wr⟨U+200B⟩ong" || second.Failure == nil || second.Failure.Message != "expected allow, got deny" {
		t.Errorf("%s", b.String())
	}
}
