package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

func TestRecordsSayWhatHappened(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	all := read(t, cfg.Dir, audit.Query{})
	if len(all) != 3 {
		t.Fatalf("got %d records, want start, intent, outcome", len(all))
	}
	intent, outcome := all[1], all[2]
	if intent.Arguments == ([32]byte{}) || intent.Session == ([16]byte{}) {
		t.Error("the intent has no digest of the arguments or no session")
	}
	if intent.Pin != (gate.Digest{1, 2, 3}) {
		t.Errorf("pin = %v", intent.Pin)
	}
	var got map[string]any
	if err := json.Unmarshal(intent.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	for _, volatile := range []string{"time", "prev", "arguments", "sealed", "session", "pin", "key", "person"} {
		delete(got, volatile)
	}
	want := map[string]any{
		"seq": 2.0, "kind": "intent", "exchange": "x0", "era": "stateful", "transport": "http", "profile": "review",
		"remote": "127.0.0.1", "agent": "agent/1.0", "method": "tools/call", "id": "7", "upstream": "files",
		"item": "read", "item_kind": "tool", "bytes_in": 108.0,
		"principal": map[string]any{"method": "api_key", "subject": "alice", "credential": "k_0123456789"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("intent (-want +got):\n%s", diff)
	}
	if outcome.Effect != "continue" || outcome.Status != "ok" || outcome.BytesOut != 1234 ||
		outcome.Notifications != 2 || outcome.Asks != 1 || outcome.UpstreamTime != 3*time.Millisecond {
		t.Errorf("outcome = %+v", outcome)
	}
	log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"/secret", "session-secret"} {
		if strings.Contains(string(log), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// What a list was made without is on record with the list.
func TestAPartialListIsOnRecord(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	for id, missing := range map[string][]string{"whole": nil, "partial": {"bank", "mail\u202e"}} {
		ex := exchange(id)
		ex.Target.Unavailable = missing
		if err := errors.Join(l.Intent(t.Context(), ex), l.Outcome(t.Context(), ex, done())); err != nil {
			t.Fatal(err)
		}
		for _, r := range read(t, cfg.Dir, audit.Query{Exchange: id}) {
			if !slices.Equal(r.Unavailable, missing) {
				t.Errorf("%s %s: unavailable = %q, want %q", id, r.Kind, r.Unavailable, missing)
			}
			if line := string(r.AppendJSON(nil)); strings.Contains(line, "unavailable") != (missing != nil) {
				t.Errorf("%s %s: the line is %s", id, r.Kind, line)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
}

func TestARefusalWithoutPrincipalIsOnRecord(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	ex := &gate.Exchange{ID: "x", Start: time.Now(), Inbound: gate.Inbound{Transport: "http", Op: gate.OpStream}}
	out := gate.Outcome{Verdict: gate.Refuse(gate.CodeBadCredential, "no\nsuch key", ""), Stage: "identify", Status: "refused"}
	if err := l.Outcome(t.Context(), ex, out); err != nil {
		t.Fatal(err)
	}
	got := read(t, cfg.Dir, audit.Query{Code: "identity.invalid"})
	if len(got) != 1 || got[0].Effect != "deny" || got[0].Reason != "no such key" || got[0].Method != gate.OpStream {
		t.Errorf("got %+v", got)
	}
}

// No text may end a line, forge a field or reach a terminal raw.
func TestNothingCanBeInjected(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	hostile := "a\"},\n{\"seq\":1 \u2028\u2029\u202e\u200b\x1b[2J\x7f\u0085\xff\\\U0001f600\U000e0041é"
	ex := exchange("x")
	ex.Call.Message = nil
	ex.Target.Item.Name, ex.Inbound.UserAgent, ex.Principal.Subject = hostile, hostile, hostile
	if err := l.Intent(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "\n"); n != 2 {
		t.Errorf("the log has %d lines, want 2", n)
	}
	for i, c := range log {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#x at %d is not printable ASCII", c, i)
		}
	}
	got := read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent})[0].Item
	if want := strings.ToValidUTF8(hostile, "\ufffd"); got != want {
		t.Errorf("item = %q, want %q", got, want)
	}
}

func TestEveryTextIsBounded(t *testing.T) {
	for _, how := range []audit.Arguments{audit.Sealed, audit.Plain} {
		t.Run(fmt.Sprint(how), func(t *testing.T) { everyTextIsBounded(t, how) })
	}
}

// everyTextIsBounded writes one record with every field at its bound and every
// byte escaped, its arguments among them: its line is still below the longest
// that a reader takes, with room for the numbers.
func everyTextIsBounded(t *testing.T, how audit.Arguments) {
	cfg := config(t.TempDir())
	cfg.Arguments = how
	l := open(t, cfg)
	long := strings.Repeat("\x01", 1<<20)
	many := slices.Repeat([]string{long}, 1000)
	arguments := strings.Repeat("\x7f", 32<<10)
	ex := says(long, "tools/call", arguments, arguments)
	ex.Principal = &gate.Principal{
		Method: gate.MethodJWT, Realm: long, Subject: long, Tenant: long, Credential: long, Client: long,
		Groups: many, Roles: many, Scopes: many,
		Act: slices.Repeat([]gate.Actor{{Subject: long, Issuer: long, Client: long}}, 100),
	}
	for i := range 100 {
		ex.Tally.Stages = append(ex.Tally.Stages, gate.StageTime{Name: strings.Repeat("\x01", 120) + string(rune(i+1)), Time: time.Hour})
	}
	ex.Inbound.UserAgent, ex.Inbound.Profile, ex.Inbound.Transport, ex.Inbound.Request = long, long, long, long
	ex.Inbound.Remote = netip.MustParseAddr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
	ex.Call.Session.ID = long
	ex.Target.Upstream, ex.Target.Item.Name = long, strings.Repeat("\x01", 1<<20)
	ex.Target.Unavailable, ex.Target.Weaker = many, many
	ex.Grant = gate.Grant{Policy: long, Role: long, Rule: long, Observed: many}
	ex.Approved = long
	ex.Findings = slices.Repeat([]gate.Finding{{Rule: long, Severity: gate.High, Where: long}}, gate.MaxFindings)
	out := gate.Outcome{Verdict: gate.Refuse(gate.Code(long), long, long), Stage: long, Status: long}
	out.Verdict.Approval = &gate.Approval{ID: long}
	if err := errors.Join(l.Outcome(t.Context(), ex, out), l.Close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 480<<10 {
		t.Errorf("the log has %d bytes", info.Size())
	}
	got := read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome})[0]
	for name, list := range map[string][]string{
		"unavailable": got.Unavailable, "groups": got.Groups, "roles": got.Roles, "scopes": got.Scopes,
	} {
		if len(list) != 33 || list[32] != "…" {
			t.Errorf("%s has %d names: %.100q", name, len(list), list)
		}
	}
	if len(got.Observed) != 9 || got.Observed[8] != "…" || len(got.Observed[0]) > 256+len("…") {
		t.Errorf("observed has %d texts: %.100q", len(got.Observed), got.Observed)
	}
	if len(got.Weaker) != 9 || got.Weaker[8] != "…" {
		t.Errorf("weaker has %d texts: %.100q", len(got.Weaker), got.Weaker)
	}
	if len(got.Findings) != 9 || got.Findings[8] != "…" {
		t.Errorf("findings has %d texts: %.100q", len(got.Findings), got.Findings)
	}
	if kept, err := keyring(t, cfg.Dir).Arguments(&got); err != nil || string(kept) != arguments {
		t.Errorf("the arguments came back as %d bytes, %v", len(kept), err)
	}
	verify(t, cfg.Dir)
}
