package audit_test

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// A log that format 6 began verifies against its checkpoint, is opened with its keys,
// and goes on in the current one.
func TestALogOfFormat6GoesOn(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Origin = "doorward/format6"
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format6"))); err != nil {
		t.Fatal(err)
	}
	before := verify(t, cfg.Dir)
	if before.Records != 5 || before.Proven != 5 {
		t.Errorf("report = %+v", before)
	}
	fillLog(t, accepting(cfg), 1) // the key that signed it is not kept
	if rep := verify(t, cfg.Dir); rep.Records != 9 || rep.Proven != 9 {
		t.Errorf("report = %+v", rep)
	}
	all := read(t, cfg.Dir, audit.Query{})
	if all[0].Format != 6 || all[5].Format != audit.Format || all[1].Principal.Subject != "alice" || all[7].Principal.Subject != "alice" {
		t.Errorf("records = %+v", all)
	}
	if got, err := keyring(t, cfg.Dir).Arguments(&all[1]); err != nil || string(got) != `{"path":"/secret"}` {
		t.Errorf("arguments of format 6: %s, %v", got, err)
	}
}

// A log that format 8 began goes on in the current one, whose outcomes say which exchange's
// answer was given again (security case MHB-16): those that the upstream answered say nothing.
func TestALogOfFormat8GoesOn(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Origin = "doorward/format8"
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format8"))); err != nil {
		t.Fatal(err)
	}
	if before := verify(t, cfg.Dir); before.Records != 5 || before.Proven != 5 {
		t.Errorf("report = %+v", before)
	}
	l := open(t, accepting(cfg)) // the key that signed it is not kept
	if err := errors.Join(l.Intent(t.Context(), everything("again")), l.Outcome(t.Context(), everything("again"), done()), call(t.Context(), l, "anew"), l.Close()); err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
	all := read(t, cfg.Dir, audit.Query{})
	if all[0].Format != 8 || len(all) < 9 || all[5].Format != audit.Format {
		t.Errorf("records = %+v", all)
	}
	cached := 0
	for _, r := range all {
		if r.Cached == "" {
			continue
		}
		if cached++; r.Cached != "ex-before" || r.Exchange != "again" || r.Kind != audit.KindOutcome {
			t.Errorf("the %s of %s is from %q", r.Kind, r.Exchange, r.Cached)
		}
	}
	if cached != 1 {
		t.Errorf("%d records have an answer that was kept, want 1", cached)
	}
}

// A log that format 7 began goes on in the current one, whose records say what a command may
// run without (security case SBX-20): those of an upstream that has everything say nothing.
func TestALogOfFormat7GoesOn(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Origin = "doorward/format7"
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format7"))); err != nil {
		t.Fatal(err)
	}
	if before := verify(t, cfg.Dir); before.Records != 5 || before.Proven != 5 {
		t.Errorf("report = %+v", before)
	}
	l := open(t, accepting(cfg)) // the key that signed it is not kept
	refused := gate.Outcome{Verdict: gate.Refuse(gate.CodeDenied, "no rule", ""), Stage: "authorize", Status: "refused"}
	err := errors.Join(
		l.Intent(t.Context(), everything("weak")), l.Outcome(t.Context(), everything("weak"), done()),
		l.Outcome(t.Context(), everything("denied"), refused), call(t.Context(), l, "strong"), l.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
	all := read(t, cfg.Dir, audit.Query{})
	if all[0].Format != 7 || all[1].Principal.Subject == "" && len(all[1].Person) == 0 || all[5].Format != audit.Format {
		t.Errorf("records = %+v", all)
	}
	weak := read(t, cfg.Dir, audit.Query{Weaker: true})
	for _, r := range weak {
		if diff := cmp.Diff([]string{"landlock", "seccomp"}, r.Weaker); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Kind, diff)
		}
	}
	if len(weak) != 3 || len(read(t, cfg.Dir, audit.Query{Words: []string{"landlock"}})) != 3 {
		t.Errorf("%d records say what is missing: %+v", len(weak), weak)
	}
}

// delegated is an exchange of an agent's agent, which has a trace and took its time.
func delegated(id string) *gate.Exchange {
	ex := exchange(id)
	ex.Principal = &gate.Principal{
		Method: gate.MethodJWT, Realm: "https://idp.example", Subject: "alice", Client: "app",
		Act: []gate.Actor{{Subject: "sub-agent", Client: "worker"}, {Subject: "bob-the-agent", Issuer: "https://other.example"}},
	}
	ex.Trace = gate.Trace{ID: [16]byte{1}, Span: [8]byte{2}, Parent: [8]byte{3}}
	ex.Tally.Stages = []gate.StageTime{{Name: "resolve", Time: 20 * time.Microsecond}, {Name: "decode", Time: 999}, {Name: "authorize", Time: time.Millisecond + 1}, {Name: "reply.inspect", Time: time.Second}}
	return ex
}

// The chain of actors, the trace and the time of each stage are on record (LOG-17); who
// acted is sealed with whom they acted for.
func TestLOG17_DelegationTraceAndTimes(t *testing.T) {
	for _, plain := range []bool{false, true} {
		cfg := config(t.TempDir())
		cfg.PlainIdentity = plain
		l := open(t, cfg)
		if err := errors.Join(l.Intent(t.Context(), delegated("x")), l.Outcome(t.Context(), delegated("x"), done())); err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"sub-agent", "bob-the-agent", "worker"} {
			if strings.Contains(string(log), name) != plain {
				t.Errorf("identity plain %v: %s is in the log: %v", plain, name, !plain)
			}
		}
		all := read(t, cfg.Dir, audit.Query{Trace: hex.EncodeToString([]byte{1, 15: 0})})
		if len(all) != 2 {
			t.Fatalf("of the trace there are %d records", len(all))
		}
		intent, outcome := all[0], all[1]
		if diff := cmp.Diff(delegated("").Principal.Act, intent.Act); diff != "" || intent.Principal.Method != gate.MethodJWT || len(outcome.Act) != 0 {
			t.Errorf("actors (-want +got):\n%s and in the outcome %v", diff, outcome.Act)
		}
		if who, err := intent.Who(); err != nil || len(who.Act) != 2 {
			t.Errorf("who it was: %+v, %v", who, err)
		}
		if intent.Span != [8]byte{2} || intent.Parent != [8]byte{3} || outcome.Span != [8]byte{} || len(intent.Stages) != 0 {
			t.Errorf("spans %x under %x, and %x; stages %v", intent.Span, intent.Parent, outcome.Span, intent.Stages)
		}
		want := []gate.StageTime{{Name: "authorize", Time: time.Millisecond}, {Name: "reply.inspect", Time: time.Second}, {Name: "resolve", Time: 20 * time.Microsecond}}
		if diff := cmp.Diff(want, outcome.Stages); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
		verify(t, cfg.Dir)
	}
}

// What is out of order, doubled, empty or too much in the objects of format 7 is no record.
func TestObjectsOfARecordAreCanonical(t *testing.T) {
	line := func(member string) string {
		return `{` + member + `"kind":"x","prev":"` + strings.Repeat("0", 64) + `","seq":1,"time":"2026-01-01T00:00:00.000000000Z"}`
	}
	after := func(member string) string { return strings.Replace(line(""), `"time"`, member+`"time"`, 1) }
	for text, ok := range map[string]bool{
		line(""): true,
		line(`"fields":{"/a":{"as":"none"},"/b":{"as":"plain","value":"1"}},`): true,
		line(`"fields":{"/b":{"as":"none"},"/a":{"as":"none"}},`):              false,
		line(`"fields":{"/a":{"as":"none"},"/a":{"as":"none"}},`):              false,
		line(`"fields":{"/a":{"as":"none","x":"1"}},`):                         false,
		line(`"fields":{"/a":{"value":"1","as":"none"}},`):                     false,
		line(`"fields":{},`):                         false,
		after(`"stages_us":{"a":1,"b":2},`):          true,
		after(`"stages_us":{"b":1,"a":2},`):          false,
		after(`"stages_us":{"a":0},`):                false,
		after(`"stages_us":{"a":9223372036854775},`): false,
		strings.Replace(line(""), `"seq"`, `"principal":{"act":[{"subject":"a"}]},"seq"`, 1):                                          true,
		strings.Replace(line(""), `"seq"`, `"principal":{"act":[]},"seq"`, 1):                                                         false,
		strings.Replace(line(""), `"seq"`, `"principal":{"act":[{"name":"a"}]},"seq"`, 1):                                             false,
		strings.Replace(line(""), `"seq"`, `"principal":{"act":[{"subject":"a"}`+strings.Repeat(`,{"subject":"a"}`, 8)+`]},"seq"`, 1): false,
	} {
		if _, err := audit.ParseRecord([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
