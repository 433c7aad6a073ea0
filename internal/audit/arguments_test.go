package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// says is an exchange whose params are as given; arguments, unless empty, are a
// part of them.
func says(id, method, params, arguments string) *gate.Exchange {
	ex := exchange(id)
	raw := `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":` + params + `}`
	m := ex.Call.Message
	m.Raw, m.Method, m.Fields = []byte(raw), method, nil
	at := strings.Index(raw, params)
	m.Params = gate.Span{Start: at, End: at + len(params)}
	if arguments != "" {
		at = strings.Index(raw, arguments)
		m.Fields = []gate.Field{{Name: "arguments", Value: gate.Span{Start: at, End: at + len(arguments)}}}
	}
	return ex
}

const canary = "canary-5f2b"

// What is kept of arguments is what the configuration says, comes back byte for
// byte, and stands in the file as nothing else.
func TestArgumentsAreKeptAsConfigured(t *testing.T) {
	given := `{"path":"/` + canary + `é ","n":12345678901234567890.0,  "b":[]}`
	long := `{"x":"` + strings.Repeat("a", 32<<10) + `"}`
	most := `{"x":"` + strings.Repeat("a", 32<<10-8) + `"}`
	calls := []struct {
		name, method, params, arguments string
		kept                            bool // where arguments are kept
	}{
		{"a tool", "tools/call", `{"name":"read","_meta":{"token":"` + canary + `"},"arguments":` + given + `}`, given, true},
		{"a prompt", "prompts/get", `{"name":"read","arguments":` + given + `}`, given, true},
		{"no arguments", "tools/call", `{"name":"read"}`, "", true},
		{"empty arguments", "tools/call", `{"name":"read","arguments":{}}`, "{}", true},
		{"an answer to a question", "tools/call", `{"name":"read","inputResponses":{"a":"` + canary + `"},"requestState":"` + canary + `"}`, "", true},
		{"a resource", "resources/read", `{"uri":"file:///a","arguments":{"x":"` + canary + `"}}`, `{"x":"` + canary + `"}`, false},
		{"a completion", "completion/complete", `{"argument":{"value":"` + canary + `"}}`, "", false},
		{"the most", "tools/call", `{"name":"read","arguments":` + most + `}`, most, true},
		{"too much", "tools/call", `{"name":"read","arguments":` + long + `}`, long, false},
	}
	for how, tc := range map[audit.Arguments]struct {
		name           string
		digest, opened bool
	}{
		audit.Sealed: {"sealed", true, true},
		audit.Hashed: {"hashed", true, false},
		audit.Plain:  {"plain", true, true},
		audit.None:   {"none", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Arguments = how
			l := open(t, cfg)
			for _, c := range calls {
				if err := l.Intent(t.Context(), says(c.name, c.method, c.params, c.arguments)); err != nil {
					t.Fatal(err)
				}
			}
			for i, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent}) {
				c := calls[i]
				if (r.Arguments != [32]byte{}) != tc.digest {
					t.Errorf("%s: the digest is %x", c.name, r.Arguments)
				}
				got, err := keyring(t, cfg.Dir).Arguments(&r)
				switch want := tc.opened && c.kept; {
				case want && (err != nil || string(got) != c.arguments):
					t.Errorf("%s: got %.80q, %v", c.name, got, err)
				case !want && !errors.Is(err, audit.ErrNotKept):
					t.Errorf("%s: got %.80q, %v; want ErrNotKept", c.name, got, err)
				}
			}
			log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(log, []byte(canary)) != (how == audit.Plain) {
				t.Errorf("the canary stands in the log: %v", how != audit.Plain)
			}
			if n := bytes.Count(log, []byte(canary)); how == audit.Plain && n != 2 {
				t.Errorf("the log holds the canary %d times, want those of the arguments, 2", n)
			}
		})
	}
}

// Sealed arguments that were changed, moved to another record, or sealed with
// another key are not opened.
func TestSealedArgumentsAreThoseOfTheirRecord(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	for _, id := range []string{"one", "two"} {
		if err := l.Intent(t.Context(), exchange(id)); err != nil {
			t.Fatal(err)
		}
	}
	all := read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent})
	one, two := all[0], all[1]
	ring := keyring(t, cfg.Dir)
	for i := range one.Sealed {
		for _, bit := range []byte{1, 0x80} {
			changed := one
			changed.Sealed = bytes.Clone(one.Sealed)
			changed.Sealed[i] ^= bit
			if got, err := ring.Arguments(&changed); !errors.Is(err, audit.ErrTampered) || got != nil {
				t.Errorf("byte %d changed: got %q, %v; want ErrTampered", i, got, err)
			}
		}
	}
	for n := range one.Sealed {
		short := one
		short.Sealed = one.Sealed[:n]
		if got, err := keyring(t, cfg.Dir).Arguments(&short); err == nil || got != nil {
			t.Errorf("cut to %d bytes: got %q, %v", n, got, err)
		}
	}
	one.Sealed, two.Sealed = two.Sealed, one.Sealed
	for _, r := range []audit.Record{one, two} {
		if got, err := keyring(t, cfg.Dir).Arguments(&r); !errors.Is(err, audit.ErrTampered) || got != nil {
			t.Errorf("%s with the other's: got %q, %v", r.Exchange, got, err)
		}
	}
	stranger := config(t.TempDir())
	fillLog(t, stranger, 1)
	if got, err := keyring(t, stranger.Dir).Arguments(&all[0]); !errors.Is(err, audit.ErrErased) || got != nil {
		t.Errorf("with another key: got %q, %v", got, err)
	}
}

// The same arguments look different every time, also across restarts.
func TestSealedArgumentsDoNotRepeat(t *testing.T) {
	cfg := config(t.TempDir())
	for range 3 {
		fillLog(t, cfg, 20)
	}

	seen := map[string]bool{}
	for _, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent}) {
		if nonce := string(r.Sealed[:16+12]); seen[nonce] {
			t.Errorf("key and nonce of %s were there before", r.Exchange)
		} else {
			seen[nonce] = true
		}
		if got, err := keyring(t, cfg.Dir).Arguments(&r); err != nil || string(got) != `{"path":"/secret"}` {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d records have sealed arguments, want 60", len(seen))
	}
}

// A refusal before any intent holds the arguments, an outcome after one leaves
// them to it.
func TestARefusedCallKeepsItsArguments(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	out := gate.Outcome{Verdict: gate.Refuse(gate.CodeDenied, "no rule allows it", ""), Stage: "authorize", Status: "refused"}
	if err := errors.Join(call(t.Context(), l, "passed"), l.Outcome(t.Context(), exchange("refused"), out)); err != nil {
		t.Fatal(err)
	}
	for _, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome}) {
		got, err := keyring(t, cfg.Dir).Arguments(&r)
		if r.Exchange == "passed" && !errors.Is(err, audit.ErrNotKept) || r.Exchange == "refused" && string(got) != `{"path":"/secret"}` {
			t.Errorf("%s: got %q, %v", r.Exchange, got, err)
		}
	}
}

// A log that format 3 began verifies, is read, and goes on in the current one.
func TestALogOfFormat3GoesOn(t *testing.T) {
	cfg := config(t.TempDir())
	old, err := os.ReadFile(filepath.Join("testdata", "format3", "audit-00000001.jsonl"))
	err = errors.Join(err, os.Mkdir(cfg.Dir, 0o700), os.WriteFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), old, 0o600),
		os.WriteFile(cfg.KeyFile, bytes.Repeat([]byte{3}, 32), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, cfg.Dir); rep.Records != 5 || rep.Unanswered != 0 {
		t.Errorf("report = %+v", rep)
	}
	fillLog(t, cfg, 1)
	if rep := verify(t, cfg.Dir); rep.Records != 8 {
		t.Errorf("report = %+v", rep)
	}
	all := read(t, cfg.Dir, audit.Query{})
	if all[0].Format != 3 || all[5].Format != audit.Format || all[1].Principal.Subject != "alice" || all[3].Request != "proxy-1" {
		t.Errorf("records = %+v", all)
	}
	if _, err := keyring(t, cfg.Dir).Arguments(&all[1]); !errors.Is(err, audit.ErrNotKept) {
		t.Errorf("opening a record of format 3: %v", err)
	}
}

// granted is an exchange with all that policy and people say.
func granted(id string) *gate.Exchange {
	ex := exchange(id)
	ex.Grant = gate.Grant{
		Policy: "2026-11-26/3f", Role: "reader", Rule: "roles.reader.allow[0].tools[1]: files/read_*",
		Observed: []string{"roles.reader.deny[0]: files/*"},
	}
	ex.Approved = "ap_1"
	return ex
}

func TestWhatPolicyGaveIsOnRecord(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	held := exchange("held")
	hold := gate.Outcome{Stage: "approve", Status: "refused", Verdict: gate.Verdict{
		Effect: gate.Hold, Code: gate.CodeApproval, Approval: &gate.Approval{ID: "ap_1", Arguments: []byte(canary), Created: time.Now()},
	}}
	err := errors.Join(
		l.Outcome(t.Context(), held, hold),
		l.Intent(t.Context(), granted("passed")), l.Outcome(t.Context(), granted("passed"), done()),
		call(t.Context(), l, "other"),
		l.Event(t.Context(), gate.Event{Kind: "approval.grant", Actor: "ann", Exchange: "decided", Detail: "ap_3 write_file of bot", Status: "begun"}),
		l.Event(t.Context(), gate.Event{Kind: "approval.deny", Actor: "ann", Exchange: "tried", Detail: "ap_3: it has ended", Status: "refused"}),
		l.Event(t.Context(), gate.Event{Kind: "approval.grant", Actor: "ann", Exchange: "longer", Detail: "ap_33 write_file of bot", Status: "begun"}),
		l.Event(t.Context(), gate.Event{Kind: "trust.approve", Actor: "ann", Exchange: "other", Detail: "ap_3 tool", Status: "begun"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		q    audit.Query
		want []string
	}{
		{"path of the rule", audit.Query{Rule: "roles.reader.allow[0].tools[1]"}, []string{"passed", "passed"}},
		{"whole rule", audit.Query{Rule: "roles.reader.allow[0].tools[1]: files/read_*"}, []string{"passed", "passed"}},
		{"half a path", audit.Query{Rule: "roles.reader.allow[0].tools[1"}, nil},
		{"another rule", audit.Query{Rule: "roles.reader.allow[0].tools[1]: files/read_*."}, nil},
		{"observed", audit.Query{Observed: true}, []string{"passed", "passed"}},
		{"approval", audit.Query{Approval: "ap_1"}, []string{"held", "passed", "passed"}},
		{"approval and status", audit.Query{Approval: "ap_1", Status: "ok"}, []string{"passed"}},
		{"what was decided", audit.Query{Approval: "ap_3"}, []string{"decided", "tried"}},
		{"no such approval", audit.Query{Approval: "ap_2"}, nil},
	} {
		var got []string
		for _, r := range read(t, cfg.Dir, tc.q) {
			got = append(got, r.Exchange)
			if r.Exchange == "passed" && (r.Policy != "2026-11-26/3f" || r.Role != "reader") {
				t.Errorf("%s: policy %q, role %q", tc.name, r.Policy, r.Role)
			}
		}
		if strings.Join(got, " ") != strings.Join(tc.want, " ") {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	if log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl")); err != nil || bytes.Contains(log, []byte(canary)) {
		t.Errorf("the arguments of an approval are in the log (%v)", err)
	}
}
