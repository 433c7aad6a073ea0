package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// by is an exchange of somebody.
func by(id, subject string) *gate.Exchange {
	ex := exchange(id)
	ex.Principal = &gate.Principal{Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: subject}
	return ex
}

// raw are the records as they are in the log.
func raw(t *testing.T, dir string) []audit.Record {
	t.Helper()
	var all []audit.Record
	err := audit.Read(t.Context(), dir, audit.Query{}, func(r *audit.Record) error {
		all = append(all, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Nothing that says who somebody is can be read in the log or the files beside it,
// and with the keys all of it can (GDP-01, GDP-07).
func TestGDP01_GDP07_WhoItIsIsSealed(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	refused := gate.Outcome{Verdict: gate.Refuse(gate.CodeDenied, "no", ""), Stage: "identify", Status: "refused"}
	stranger := exchange("stranger")
	stranger.Principal, stranger.Attempt = nil, gate.Attempt{Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: "mallory"}
	err := errors.Join(
		l.Intent(t.Context(), by("a", "alice")), l.Outcome(t.Context(), by("a", "alice"), done()),
		l.Outcome(t.Context(), stranger, refused),
		l.Event(t.Context(), gate.Event{Kind: "incident.canary", Principal: by("", "bob").Principal, Detail: "canary"}),
		l.Event(t.Context(), gate.Event{Kind: "alert.raised", Remote: netip.MustParseAddr("127.0.0.1"), Detail: "alert"}),
	)
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Dir(cfg.Dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range []string{"alice", "bob", "mallory", "127.0.0.1", "agent/1.0"} {
			if bytes.Contains(text, []byte(name)) {
				t.Errorf("%s holds %s", filepath.Base(path), name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range read(t, cfg.Dir, audit.Query{}) {
		got = append(got, strings.TrimSpace(fmt.Sprint(r.Kind, " ", r.Principal.Subject, " ", r.Agent)))
	}
	if want := "start|intent alice agent/1.0|outcome alice|outcome mallory agent/1.0|event bob|event"; strings.Join(got, "|") != want {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
	all := read(t, cfg.Dir, audit.Query{Principal: "alice"})
	if len(all) != 2 || all[0].Remote != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("alice's records: %+v", all)
	}
}

// One person keeps one key over restarts; others, and the same name of another
// issuer, have others; whoever proved nothing shares the key of the day.
func TestEveryPersonHasAKey(t *testing.T) {
	cfg := config(t.TempDir())
	key := map[string]audit.SubjectID{}
	for round := range 3 {
		l := open(t, cfg)
		elsewhere := by("elsewhere", "alice")
		elsewhere.Principal.Realm = "https://other.example.com"
		one, two := exchange("one"), exchange("two")
		one.Principal, two.Principal = nil, nil
		one.Attempt.Subject, two.Attempt.Subject = "mallory", "trudy"
		for _, ex := range []*gate.Exchange{by("alice", "alice"), by("bob", "bob"), elsewhere, one, two} {
			if err := l.Intent(t.Context(), ex); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range raw(t, cfg.Dir) {
			if before, ok := key[r.Exchange]; ok && before != r.Key {
				t.Fatalf("round %d: the key of %s changed", round, r.Exchange)
			}
			key[r.Exchange] = r.Key
		}
	}
	seen := map[audit.SubjectID]bool{}
	for _, id := range key {
		seen[id] = true
	}
	if key["one"] != key["two"] || len(seen) != 5 { // start has none
		t.Errorf("keys: %v", key)
	}
	if got := keyring(t, cfg.Dir).Of("alice"); len(got) != 2 {
		t.Errorf("alice has the keys %v", got)
	}
}

// What a crash left of a key is dropped, and the log goes on.
func TestATornKeyIsDropped(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	path := filepath.Join(filepath.Dir(cfg.Dir), "audit.subjects")
	before := len(contentOf(t, path))
	if err := appendTo(path, "half a key"); err != nil {
		t.Fatal(err)
	}
	l := open(t, cfg)
	if err := errors.Join(l.Intent(t.Context(), by("b", "bob")), l.Close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != int64(before)+128 {
		t.Errorf("the file of keys: %v, %v", info, err)
	}
	if all := read(t, cfg.Dir, audit.Query{Principal: "bob"}); len(all) != 1 {
		t.Errorf("bob's records: %+v", all)
	}
}

// A root key that is gone is an error at start, not a new one under which every known
// person would be refused; reading makes none.
func TestALostRootIsSaid(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	base := filepath.Join(filepath.Dir(cfg.Dir), "audit")
	if err := os.Remove(base + ".root"); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenKeyring(cfg.Dir, cfg.KeyFile); err == nil {
		t.Error("a keyring without a root")
	}
	if l, err := audit.Open(cfg); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("opened %v: %v", l, err)
	}
	if err := os.Rename(base+".subjects", base+".subjects.old"); err != nil {
		t.Fatal(err)
	}
	lostOf(t, cfg, audit.LostPersons)
	fillLog(t, accepting(cfg), 1)
	verify(t, cfg.Dir)
}

// A person's key is destroyed: what is on record of them is unreadable, also with
// copies of the keys and today's root, and with yesterday's root and today's keys;
// the others' is not, and the log verifies (GDP-03, GDP-06).
func TestAnErasedPersonIsGone(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	if err := errors.Join(l.Intent(t.Context(), by("a", "alice")), l.Intent(t.Context(), by("b", "bob"))); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(filepath.Dir(cfg.Dir), "audit")
	keys, root := contentOf(t, base+".subjects"), contentOf(t, base+".root")
	alice := keyring(t, cfg.Dir).Of("alice")
	for round := range 2 {
		gone, err := l.Erase(t.Context(), alice, "Art. 17(1)(b)", "uid:0")
		if err != nil || gone != 1-round {
			t.Fatalf("round %d: %d keys destroyed, %v", round, gone, err)
		}
	}
	// A new call of hers is of a new person, as far as the record says.
	if err := errors.Join(l.Intent(t.Context(), by("again", "alice")), l.Close()); err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
	ring := keyring(t, cfg.Dir)
	for _, r := range raw(t, cfg.Dir) {
		err := ring.Reveal(&r)
		_, args := ring.Arguments(&r)
		if want := map[string]error{"a": audit.ErrErased}[r.Exchange]; !errors.Is(err, want) || r.Exchange != "" && !errors.Is(args, want) {
			t.Errorf("%s: %v, %v; want %v", r.Exchange, err, args, want)
		}
	}
	if got := events(t, cfg.Dir, "privacy.erase"); len(got) != 2 || !strings.Contains(got[0].Detail, alice[0].String()) || !strings.Contains(got[0].Detail, "Art. 17(1)(b)") {
		t.Errorf("tombstones: %+v", got)
	}
	now, nowRoot := contentOf(t, base+".subjects"), contentOf(t, base+".root")
	write(t, base+".subjects", keys)
	if err := firstOf(t, cfg.Dir, "a"); !errors.Is(err, audit.ErrOtherKey) {
		t.Errorf("with a copy of the keys: %v", err)
	}
	write(t, base+".subjects", now)
	write(t, base+".root", root)
	if err := firstOf(t, cfg.Dir, "a"); !errors.Is(err, audit.ErrErased) {
		t.Errorf("with the former root: %v", err)
	}
	write(t, base+".root", nowRoot)
	// A backup that has both is erased again before the log is written. It has no key of
	// her new call.
	write(t, base+".subjects", keys)
	write(t, base+".root", root)
	lostOf(t, cfg, audit.LostPersons)
	if err := open(t, accepting(cfg)).Close(); err != nil {
		t.Fatal(err)
	}
	if err := firstOf(t, cfg.Dir, "a"); !errors.Is(err, audit.ErrErased) {
		t.Errorf("with a restored backup: %v", err)
	}
	if err := firstOf(t, cfg.Dir, "b"); err != nil {
		t.Errorf("bob, after a restored backup: %v", err)
	}
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// events are the events of a kind, as they are.
func events(t *testing.T, dir, kind string) (all []audit.Record) {
	t.Helper()
	for _, r := range raw(t, dir) {
		if r.Event == kind {
			all = append(all, r)
		}
	}
	return all
}

// firstOf reveals the first record of an exchange.
func firstOf(t *testing.T, dir, exchange string) error {
	t.Helper()
	ring := keyring(t, dir)
	for _, r := range raw(t, dir) {
		if r.Exchange == exchange {
			return ring.Reveal(&r)
		}
	}
	t.Fatalf("no record of %s", exchange)
	return nil
}
