package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

func config(dir string) audit.Config {
	return audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")}
}

func open(tb testing.TB, cfg audit.Config) *audit.Log {
	tb.Helper()
	l, err := audit.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

func exchange(id string) *gate.Exchange {
	raw := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"files_read","arguments":{"path":"/secret"}}}`)
	params, arguments := strings.Index(string(raw), `{"name"`), strings.Index(string(raw), `{"path"`)
	return &gate.Exchange{
		ID:    id,
		Start: time.Now(),
		Inbound: gate.Inbound{
			Transport: "http", Profile: "review", UserAgent: "agent/1.0",
			Remote: netip.MustParseAddr("::ffff:127.0.0.1"),
		},
		Principal: &gate.Principal{Method: "api_key", Subject: "alice", Credential: "k_0123456789"},
		Call: gate.Call{
			Message: &gate.Message{
				Raw: raw, Kind: gate.Request, Method: "tools/call",
				ID: gate.Span{Start: 22, End: 23}, Params: gate.Span{Start: params, End: len(raw) - 1},
				Fields: []gate.Field{{Name: "name"}, {Name: "arguments", Value: gate.Span{Start: arguments, End: len(raw) - 2}}},
			},
			Era: gate.Stateful, Session: &gate.Session{ID: "session-secret"}, Item: gate.Tool, Name: "files_read",
		},
		Target: gate.Target{
			Upstream: "files",
			Item:     &gate.Item{Kind: gate.Tool, Upstream: "files", Name: "read", Digest: gate.Digest{1, 2, 3}},
		},
		Tally: gate.Tally{RequestBytes: len(raw), ReplyBytes: 1234, Notifications: 2, Asks: 1, Upstream: 3 * time.Millisecond},
	}
}

func done() gate.Outcome {
	return gate.Outcome{Verdict: gate.Pass(), Status: "ok", Intent: true}
}

func call(ctx context.Context, l *audit.Log, id string) error {
	ex := exchange(id)
	if err := l.Intent(ctx, ex); err != nil {
		return err
	}
	return l.Outcome(ctx, ex, done())
}

// fillLog writes n calls and closes the log.
func fillLog(tb testing.TB, cfg audit.Config, n int) {
	tb.Helper()
	l := open(tb, cfg)
	for i := range n {
		if err := call(tb.Context(), l, fmt.Sprintf("x%d", i)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
}

func read(tb testing.TB, dir string, q audit.Query) []audit.Record {
	tb.Helper()
	var all []audit.Record
	err := audit.Read(context.Background(), dir, q, func(r *audit.Record) error {
		all = append(all, *r)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func verify(tb testing.TB, dir string) audit.Report {
	tb.Helper()
	rep, err := audit.Verify(context.Background(), dir, audit.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return rep
}

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
	for _, volatile := range []string{"time", "prev", "arguments", "sealed", "session", "pin"} {
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

// A log that an earlier format began is read to its end; one of a later format
// is refused, for it may hold what this program does not know.
func TestFormats(t *testing.T) {
	for format, ok := range map[int]bool{1: true, 2: true, 3: true, audit.Format: true, audit.Format + 1: false} {
		dir := t.TempDir()
		r := audit.Record{Seq: 1, Time: time.Unix(1, 0), Kind: audit.KindStart, Event: "process", Format: format, Origin: "log"}
		if err := os.WriteFile(filepath.Join(dir, "audit-00000001.jsonl"), append(r.AppendJSON(nil), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		if rep, err := audit.Verify(t.Context(), dir, audit.Options{}); (err == nil && rep.Fault == nil) != ok {
			t.Errorf("format %d: %v, %v", format, rep.Fault, err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	for path, want := range map[string]os.FileMode{
		cfg.Dir: 0o700, cfg.KeyFile: 0o600,
		filepath.Join(cfg.Dir, "audit-00000001.jsonl"): 0o600,
		filepath.Join(cfg.Dir, "checkpoint"):           0o600,
		filepath.Join(cfg.Dir, "lock"):                 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
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
	}
	ex.Inbound.UserAgent, ex.Inbound.Profile, ex.Inbound.Transport, ex.Inbound.Request = long, long, long, long
	ex.Inbound.Remote = netip.MustParseAddr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
	ex.Call.Session.ID = long
	ex.Target.Upstream, ex.Target.Item.Name = long, strings.Repeat("\x01", 1<<20)
	ex.Target.Unavailable = many
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
	if info.Size() > 376<<10 {
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
	if len(got.Findings) != 9 || got.Findings[8] != "…" {
		t.Errorf("findings has %d texts: %.100q", len(got.Findings), got.Findings)
	}
	if kept, err := l.Open(&got); err != nil || string(kept) != arguments {
		t.Errorf("the arguments came back as %d bytes, %v", len(kept), err)
	}
	verify(t, cfg.Dir)
}

func TestConcurrentCallersShareOneChain(t *testing.T) {
	for _, d := range []audit.Durability{audit.Process, audit.Power} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Durability, cfg.SegmentBytes = d, 64<<10
			l := open(t, cfg)
			const callers, each = 64, 20
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := range each {
						if err := call(t.Context(), l, fmt.Sprintf("x%d-%d", c, i)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			rep := verify(t, cfg.Dir)
			if starts := uint64(rep.Segments); rep.Records != 2*callers*each+starts || rep.Unanswered != 0 || rep.Segments < 2 {
				t.Errorf("report = %+v", rep)
			}
			if rep.Proven != rep.Records {
				t.Errorf("after Close the checkpoint covers %d of %d records", rep.Proven, rep.Records)
			}
		})
	}
}

func TestACallerThatGivesUpDoesNotStopOthers(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	ctx := t.Context()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	var wg sync.WaitGroup
	for c := range 32 {
		wg.Go(func() {
			for i := range 50 {
				if c%2 == 0 {
					_ = l.Intent(gone, exchange("gone"))
				} else if err := call(ctx, l, fmt.Sprintf("x%d-%d", c, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
	if got := len(read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome})); got != 16*50 {
		t.Errorf("got %d outcomes, want %d", got, 16*50)
	}
}

func TestReopenContinuesTheChain(t *testing.T) {
	cfg := config(t.TempDir())
	for range 3 {
		fillLog(t, cfg, 5)
	}
	rep := verify(t, cfg.Dir)
	if rep.Records != 3*11 || rep.Segments != 1 {
		t.Errorf("report = %+v", rep)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	if _, err := audit.Open(cfg); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	if rep := verify(t, cfg.Dir); !rep.Live {
		t.Error("the report does not say that the log is being written")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
}

func TestClosedLogRefuses(t *testing.T) {
	l := open(t, config(t.TempDir()))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), l, "x"); gate.CodeOf(err) != gate.CodeAudit {
		t.Errorf("after Close: %v, want code %s", err, gate.CodeAudit)
	}
	if l.Healthy() == nil {
		t.Error("a closed log says it is healthy")
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestATornTailIsRepairedAndSaidSo(t *testing.T) {
	for _, torn := range []string{"{", `{"actor":"half a rec`, strings.Repeat("\x00", 300<<10)} {
		cfg := config(t.TempDir())
		fillLog(t, cfg, 3)
		if err := appendTo(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), torn); err != nil {
			t.Fatal(err)
		}
		var fault *audit.Fault
		if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{}); !errors.As(err, &fault) {
			t.Errorf("Verify of a torn log: %v, want a fault", err)
		}
		fillLog(t, cfg, 1)
		verify(t, cfg.Dir)
		got := read(t, cfg.Dir, audit.Query{Kind: audit.KindEvent})
		if len(got) != 1 || got[0].Event != "audit.repaired" || !strings.Contains(got[0].Detail, fmt.Sprint(len(torn), " bytes")) {
			t.Errorf("events = %+v", got)
		}
	}
}

func TestAnEmptyLastSegmentIsContinued(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 3)
	if err := appendTo(filepath.Join(cfg.Dir, "audit-00000002.jsonl"), ""); err != nil {
		t.Fatal(err)
	}
	fillLog(t, cfg, 1)
	if rep := verify(t, cfg.Dir); rep.Segments != 2 {
		t.Errorf("report = %+v", rep)
	}
}

func TestOpenRefusesWhatNoCrashLeaves(t *testing.T) {
	first := "audit-00000001.jsonl"
	for _, tc := range []struct {
		name   string
		change func(dir string) error
		want   error
	}{
		{"cut tail", func(dir string) error { return cutLines(filepath.Join(dir, first), 1) }, audit.ErrCutTail},
		{"no segments", func(dir string) error { return os.Remove(filepath.Join(dir, first)) }, audit.ErrCutTail},
		{"last line edited", func(dir string) error { return appendTo(filepath.Join(dir, first), "{}\n") }, nil},
		{"long garbage", func(dir string) error { return appendTo(filepath.Join(dir, first), strings.Repeat("x", 2<<20)) }, nil},
		{"bad checkpoint", func(dir string) error { return appendTo(filepath.Join(dir, "checkpoint"), "x") }, nil},
		{"symbolic link", func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, first), filepath.Join(dir, "else")), os.Symlink("else", filepath.Join(dir, first)))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			fillLog(t, cfg, 3)
			if err := tc.change(cfg.Dir); err != nil {
				t.Fatal(err)
			}
			l, err := audit.Open(cfg)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open accepted it"), l.Close()))
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func cutLines(path string, n int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	return os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-1-n], "")), 0o600)
}
