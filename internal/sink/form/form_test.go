package form_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/sink/form"
)

// hostile are texts that try to end a line, a field or a form, to begin another, or
// to be a formula (LOG-01, LOG-03, ALR-07).
var hostile = []string{
	"plain", "", " ", "a b", " lead", "trail ", "two  spaces  ",
	"a\r\nb", "a\nCEF:0|X|Y|1|z|fine|1|", "\r", "\n", "\x00", "\x1b[2J", "a\tb",
	"\u2028", "\u2029", "\u0085", "\u202eabc", "\u2066x\u2069", "\u200b", "\ufeff", "\U000e0041",
	`","effect":"allow","x":"`, `"effect":"allow"`, `\","effect":"allow`, `{"a":1}`, "]", "[", `"`, `\`, `\\`, `\"`, `\]`, `a\`, `a\\`,
	"|", `\|`, `a|b|c|10|act=allow`, "=", `\=`, "act=allow", " act=allow", `x act=allow outcome=ok`, "x cs1=other cs1Label=item", `\ act=allow`, `a\ act=allow`, `a\\ act=allow`,
	`" effect="allow`, `"] [other@1 a="b`, `] <13>1 - - - - - -`, `]`, "'", "''", "'=1", "'a",
	"=1+1", `=cmd|' /C calc'!A0`, "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", `=HYPERLINK("http://x","y")`,
	"a,b", `a","b`, "a;b", "⟨U+000A⟩", "…", "\xff\xfe", "a\xc3", strings.Repeat(" ", 40), strings.Repeat("x", 600), "\U0001f600", "é",
	"${jndi:ldap://x}", "%s%n", "<script>", "CEF:0|", "\\n", "\\r\\n",
}

// recordWith is a record in which the text is everywhere where clients, upstreams
// and people can put one.
func recordWith(s string) *audit.Record {
	return &audit.Record{
		Seq: 7, Time: time.Date(2026, 11, 27, 7, 0, 0, 123456789, time.UTC), Kind: audit.KindOutcome,
		Exchange: "01K" + s, Request: s, Era: s, Transport: s, Profile: s, Remote: netip.MustParseAddr("192.0.2.7"), Agent: s,
		Principal: audit.Principal{Method: s, Subject: s, Tenant: s, Issuer: s, Client: s, Credential: s},
		Trace:     [16]byte{0x4b, 15: 1}, Span: [8]byte{7: 2}, Parent: [8]byte{3},
		Act:    []gate.Actor{{Subject: s, Client: s, Issuer: s}, {Client: "c"}},
		Stages: []gate.StageTime{{Name: "authorize", Time: time.Millisecond}, {Name: "decode", Time: time.Second}},
		Groups: []string{s, "b"}, Roles: []string{s}, Scopes: []string{s},
		Method: "tools/call", ID: s, Upstream: s, Unavailable: []string{s}, Weaker: []string{s, "seccomp"}, ItemKind: s, Item: s,
		Plain: []byte(s), Sealed: []byte("sealed"), Policy: s, Role: s, Rule: s, Observed: []string{s, s}, Findings: []string{s},
		Approval: s, Cached: s, Effect: "deny", Code: "policy.denied", Stage: s, Reason: s, Status: "refused", Detail: s,
		Duration: 1500 * time.Microsecond, BytesIn: 10, BytesOut: 20,
	}
}

func parsed(t *testing.T, r *audit.Record) *form.Record {
	t.Helper()
	rec, err := form.Parse("doorward/0011223344556677", r.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	return &rec
}

// full are the fields of a record that it has.
func full(r *form.Record) map[string]string {
	all := map[string]string{}
	for _, f := range r.Fields() {
		if f.Text != "" {
			all[f.Name] = f.Text
		}
	}
	return all
}

// holds holds every form of one record to: one line, the fields that there are and
// no other, and each what it was.
func holds(t *testing.T, r *form.Record) {
	t.Helper()
	want := full(r)
	csvLine := form.CSV(r)
	oneLine(t, csvLine)
	got := csvOf(t, form.CSVHeader(), csvLine)
	maps.DeleteFunc(got, func(_, v string) bool { return v == "" })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("CSV: %s", d)
	}
	s := form.Syslog{Host: "gate way\n1", Process: 42, Version: "v1|2", Format: "rfc5424"}
	message := s.Message(r)
	oneLine(t, message)
	header, id, parameters, text, err := syslogOf(string(message))
	if err != nil || id != "doorward@32473" || text != "" {
		t.Fatalf("RFC 5424: %q %q %v: %q", id, text, err, message)
	}
	if d := cmp.Diff(want, parameters); d != "" {
		t.Errorf("RFC 5424: %s", d)
	}
	if header[2] != "gateway1" || header[3] != "doorward" || header[4] != "42" || header[5] != r.Kind() {
		t.Errorf("RFC 5424: the header is %q", header)
	}
	holdsCEF(t, r)
	holdsOCSF(t, r)
	holdsCarried(t, r, s)
	holdsOTLP(t, r)
}

// holdsCEF looks at the keys that decide what a reader makes of it.
func holdsCEF(t *testing.T, r *form.Record) {
	t.Helper()
	line := form.CEF(r, "v1|2\\")
	oneLine(t, line)
	header, got, err := cefOf(string(line))
	if err != nil {
		t.Fatalf("CEF: %v: %q", err, line)
	}
	want := full(r)
	if header[0] != "CEF:0" || header[1] != "Doorward" || header[3] != `v1|2\` {
		t.Errorf("CEF: the header is %q", header)
	}
	for key, field := range map[string]string{
		"act": "effect", "outcome": "status", "reason": "reason", "msg": "detail", "cs1": "upstream", "cs2": "item", "cs3": "exchange",
		"cs4": "rule", "cs5": "findings", "cs6": "digest", "externalId": "seq", "deviceExternalId": "origin", "cat": "kind",
		"suid": "principal.credential", "sntdom": "principal.tenant", "app": "transport", "requestClientApplication": "agent",
		"flexString1": "approval", "cn1": "duration_us", "in": "bytes_in", "out": "bytes_out",
	} {
		if got[key] != want[field] {
			t.Errorf("CEF: %s is %q, %s is %q", key, got[key], field, want[field])
		}
	}
	known := strings.Fields("rt externalId deviceExternalId cat act outcome reason msg suser suid sntdom app requestClientApplication in out src c6a2 c6a2Label " +
		"cs1 cs1Label cs2 cs2Label cs3 cs3Label cs4 cs4Label cs5 cs5Label cs6 cs6Label flexString1 flexString1Label flexString2 flexString2Label cn1 cn1Label cn2 cn2Label")
	for key := range got {
		if !slices.Contains(known, key) {
			t.Errorf("CEF: there is a key %q", key)
		}
	}
}

func holdsOCSF(t *testing.T, r *form.Record) {
	t.Helper()
	line, err := form.OCSF(r, "v1")
	if err != nil {
		t.Fatal(err)
	}
	oneLine(t, line)
	got := objectOf(t, line)
	if err := judge(t, got); err != nil {
		t.Errorf("OCSF: %v", err)
	}
	want := full(r)
	unmapped, _ := got["unmapped"].(map[string]any)
	if unmapped["effect"] != asAny(want["effect"]) || got["status_code"] != asAny(want["code"]) || got["status_detail"] != asAny(want["reason"]) {
		t.Errorf("OCSF: %s", line)
	}
	for name, v := range unmapped {
		if fmt.Sprint(v) != want[name] {
			t.Errorf("OCSF: unmapped %s is %v, and was %q", name, v, want[name])
		}
	}
}

func asAny(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// holdsCarried holds the forms that carry another one whole.
func holdsCarried(t *testing.T, r *form.Record, s form.Syslog) {
	t.Helper()
	want := full(r)
	key := map[string]string{"origin": want["origin"], "seq": want["seq"], "digest": want["digest"]}
	for format, carried := range map[string][]byte{"cef": form.CEF(r, "v1|2"), "json": r.Line} {
		s.Format = format
		_, _, parameters, text, err := syslogOf(string(s.Message(r)))
		if err != nil || text != string(carried) {
			t.Errorf("syslog with %s: %v: %q", format, err, text)
		}
		if d := cmp.Diff(key, parameters); d != "" {
			t.Errorf("syslog with %s: %s", format, d)
		}
	}
	_, _, short, text, err := syslogOf(string(s.Short(r)))
	if err != nil || text != "" || short["cut"] != "true" || short["digest"] != want["digest"] || short["effect"] != want["effect"] {
		t.Errorf("short: %v %q", err, short)
	}
	oneLine(t, r.Line)
}

// ALR-07, LOG-01, LOG-03: no text in a record ends a line, adds a field or changes
// another, in any form.
func TestALR07NoTextLeavesItsField(t *testing.T) {
	for i, s := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) { holds(t, parsed(t, recordWith(s))) })
	}
}

func TestNoFormButTheLineHasArguments(t *testing.T) {
	const canary = "CANARY-in-the-arguments-2281"
	r := recordWith("x")
	r.Plain, r.Sealed = []byte(`{"a":"`+canary+`"}`), []byte(canary)
	rec := parsed(t, r)
	ocsf, err := form.OCSF(rec, "v1")
	if err != nil {
		t.Fatal(err)
	}
	s := form.Syslog{Format: "rfc5424"}
	for name, text := range map[string][]byte{"CSV": form.CSV(rec), "CEF": form.CEF(rec, "v1"), "OCSF": ocsf, "RFC 5424": s.Message(rec), "short": s.Short(rec)} {
		if bytes.Contains(text, []byte(canary)) || bytes.Contains(text, []byte("sealed")) || bytes.Contains(text, []byte("Q0FOQVJZ")) {
			t.Errorf("%s has the arguments: %s", name, text)
		}
	}
	if !bytes.Contains(rec.Line, []byte(canary)) {
		t.Error("the line has them not")
	}
}

// Where the log seals who it was, the forms have the key of that person and nothing
// that was sealed.
func TestAPersonThatIsSealed(t *testing.T) {
	r := recordWith("")
	r.Remote = netip.Addr{}
	r.Key, r.Person = audit.SubjectID{0xab, 0xcd}, []byte("CANARY-person")
	rec := parsed(t, r)
	const key = "abcd0000000000000000000000000000"
	if full(rec)["key"] != key {
		t.Errorf("the fields are %v", full(rec))
	}
	_, cef, err := cefOf(string(form.CEF(rec, "v")))
	if err != nil || cef["suser"] != key {
		t.Errorf("CEF: %v, %q", err, cef)
	}
	line, err := form.OCSF(rec, "v")
	if err != nil || !bytes.Contains(line, []byte(`"user":{"name":"`+key+`","uid":"`+key+`"`)) || bytes.Contains(line, []byte("Q0FOQVJZ")) {
		t.Errorf("OCSF: %v, %s", err, line)
	}
	holds(t, rec)
}

// The columns that docs/reference/audit-formats.md promises are those that there are.
func TestTheColumnsAreThoseOfTheReference(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/audit-formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "always these columns:")
	list, _, _ = strings.Cut(list, ".\n")
	documented := strings.NewReplacer("`", "", "\n", "", " ", "").Replace(list)
	if d := cmp.Diff(documented, string(form.CSVHeader())); d != "" {
		t.Error(d)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"", "{}", "[]", "null", `{"seq":1}`, `{"seq":1,"kind":"event"}`, `{"kind":"event","time":"2026-11-27T07:00:00Z"}`, `{"seq":1,"seq":2,"kind":"event","time":"2026-11-27T07:00:00Z"}`, "x"} {
		if _, err := form.Parse("o", []byte(line)); err == nil {
			t.Errorf("%q is a record", line)
		}
	}
}

func TestHowGraveARecordIs(t *testing.T) {
	for _, tc := range []struct {
		name          string
		change        func(*audit.Record)
		pri, cef, ids string
	}{
		{"ordinary", func(r *audit.Record) { r.Status = "ok" }, "<110>1", "3", "1 1"},
		{"refused", func(r *audit.Record) { r.Status = "refused" }, "<108>1", "6", "3 2"},
		{"failed", func(r *audit.Record) { r.Status = "failed" }, "<107>1", "7", "4 2"},
		{"incident", func(r *audit.Record) { r.Kind, r.Event = audit.KindEvent, "incident.canary" }, "<106>1", "10", "5 2"},
		{"an intent", func(r *audit.Record) { r.Kind, r.Status, r.Effect, r.Code = audit.KindIntent, "", "", "" }, "<110>1", "3", "1 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := recordWith("x")
			tc.change(r)
			rec := parsed(t, r)
			s := form.Syslog{Format: "rfc5424"}
			header, _, _, _, err := syslogOf(string(s.Message(rec)))
			if err != nil || header[0] != tc.pri || header[2] != "-" || header[4] != "-" {
				t.Errorf("RFC 5424: %q, %v", header, err)
			}
			if header, _, err := cefOf(string(form.CEF(rec, "v"))); err != nil || header[6] != tc.cef {
				t.Errorf("CEF: %q, %v", header, err)
			}
			line, _ := form.OCSF(rec, "v")
			o := objectOf(t, line)
			if got := fmt.Sprint(o["severity_id"], " ", o["status_id"]); got != tc.ids {
				t.Errorf("OCSF: severity and status %s, want %s", got, tc.ids)
			}
		})
	}
}

func TestCEFOfAnIPv6Client(t *testing.T) {
	r := recordWith("x")
	r.Remote = netip.MustParseAddr("2001:db8::7")
	_, got, err := cefOf(string(form.CEF(parsed(t, r), "v")))
	if err != nil || got["c6a2"] != "2001:db8::7" || got["c6a2Label"] != "Source IPv6 Address" || got["src"] != "" {
		t.Errorf("%v, %q", err, got)
	}
}

// What a form shows of a text is what gate.Visible shows, so that two texts never
// look the same.
func TestTextsAreVisible(t *testing.T) {
	a, b := parsed(t, recordWith("x\u200b")), parsed(t, recordWith("x"))
	if fa, fb := full(a), full(b); fa["item"] != gate.Visible("x\u200b") || fa["item"] == fb["item"] {
		t.Errorf("%q and %q", fa["item"], fb["item"])
	}
}

// The property of every form: whatever a text is, each form of the record is one line
// from which the same fields are read again.
func FuzzForms(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { holds(t, parsed(t, recordWith(s))) })
}

// Parse takes any bytes without a panic, and what it takes has all forms.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"event","prev":"","seq":1,"time":"2026-11-27T07:00:00.000000000Z"}`))
	f.Add(recordWith("x").AppendJSON(nil))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := form.Parse("o", line)
		if err != nil {
			return
		}
		oneLine(t, form.CSV(&r))
		oneLine(t, form.CEF(&r, "v"))
		s := form.Syslog{Format: "rfc5424"}
		if _, _, _, _, err := syslogOf(string(s.Message(&r))); err != nil {
			t.Errorf("%v: %q", err, line)
		}
	})
}
