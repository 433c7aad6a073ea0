package store_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// sealedFile is approvals.json.
type sealedFile struct {
	Version   int            `json:"version"`
	Approvals []sealedRecord `json:"approvals"`
}

type sealedRecord struct {
	ID     string `json:"id"`
	Sealed string `json:"sealed"`
}

func (f *sealedFile) write(tb testing.TB, path string) {
	tb.Helper()
	content, err := json.Marshal(f)
	if err = errors.Join(err, os.WriteFile(path, content, 0o600)); err != nil {
		tb.Fatal(err)
	}
}

// recordsIn are the records of a data directory.
func recordsIn(tb testing.TB, dir string) storetest.Sealed {
	path := filepath.Join(dir, "approvals.json")
	all := func() map[string]string {
		tb.Helper()
		var f sealedFile
		content, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(content, &f)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			tb.Fatal(err)
		}
		found := map[string]string{}
		for _, r := range f.Approvals {
			sealed, err := base64.StdEncoding.DecodeString(r.Sealed)
			if err != nil {
				tb.Fatal(err)
			}
			found[r.ID] = string(sealed)
		}
		return found
	}
	return storetest.Sealed{All: all, Set: func(id, sealed string) {
		tb.Helper()
		f := sealedFile{Version: 1, Approvals: []sealedRecord{}}
		records := all()
		records[id] = sealed
		for id, sealed := range records {
			if sealed != "" {
				f.Approvals = append(f.Approvals, sealedRecord{id, base64.StdEncoding.EncodeToString([]byte(sealed))})
			}
		}
		f.write(tb, path)
	}}
}

// argumentsIn are the arguments of a data directory.
func argumentsIn(tb testing.TB, dir string) storetest.Sealed {
	dir = filepath.Join(dir, "approvals")
	return storetest.Sealed{
		All: func() map[string]string {
			tb.Helper()
			found := map[string]string{}
			files, err := os.ReadDir(dir)
			for _, f := range files {
				content, err2 := os.ReadFile(filepath.Join(dir, f.Name()))
				err = errors.Join(err, err2)
				found[f.Name()] = string(content)
			}
			if err != nil {
				tb.Fatal(err)
			}
			return found
		},
		Set: func(id, sealed string) {
			tb.Helper()
			path := filepath.Join(dir, id)
			err := os.WriteFile(path, []byte(sealed), 0o600)
			if sealed == "" {
				err = os.Remove(path)
			}
			if err != nil {
				tb.Fatal(err)
			}
		},
	}
}

func TestFileApprovals(t *testing.T) {
	storetest.TestApprovals(t, storetest.ApprovalKind{
		Run: synctest.Test, Slow: true,
		New: func(t *testing.T) storetest.ApprovalState {
			dir := t.TempDir()
			return storetest.ApprovalState{
				Open:    func() (*store.Approvals, error) { return store.OpenFileApprovals(dir) },
				Records: recordsIn(t, dir), Arguments: argumentsIn(t, dir),
			}
		},
	})
}

// approvalsKey is what the gateways of a test share.
var approvalsKey = [32]byte([]byte("0123456789abcdefghijklmnopqrstuv"))

// hashOf is a hash of Redis. A change to it is one that every gateway looks at.
func hashOf(s *storetest.Server, name string) storetest.Sealed {
	var changes atomic.Int64
	return storetest.Sealed{
		All: func() map[string]string {
			found := map[string]string{}
			pairs := s.Do("HGETALL", name).([]any) //nolint:forcetypeassert // of HGETALL in protocol 2
			for i := 0; i < len(pairs); i += 2 {
				found[pairs[i].(string)] = pairs[i+1].(string) //nolint:forcetypeassert // fields and values are texts
			}
			return found
		},
		Set: func(id, sealed string) {
			if sealed == "" {
				s.Do("HDEL", name, id)
			} else {
				s.Do("HSET", name, id, sealed)
			}
			s.Do("SET", "doorward:{approvals}:version", fmt.Sprint(name, " changed ", changes.Add(1)))
		},
	}
}

func openSharedApprovals(tb testing.TB, s *storetest.Server) *store.Approvals {
	tb.Helper()
	a, err := store.OpenRedisApprovals(tb.Context(), openRedis(tb, s.URL()), approvalsKey)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, a) })
	return a
}

func TestRedisApprovals(t *testing.T) {
	storetest.TestApprovals(t, storetest.ApprovalKind{
		Run: asItIs, Thousands: true, Slow: true,
		New: func(t *testing.T) storetest.ApprovalState {
			s := storetest.Redis(t)
			return storetest.ApprovalState{
				Open: func() (*store.Approvals, error) {
					return store.OpenRedisApprovals(t.Context(), openRedis(t, s.URL()), approvalsKey)
				},
				Records: hashOf(s, "doorward:{approvals}"), Arguments: hashOf(s, "doorward:{approvals}:arguments"),
			}
		},
	})
}

// asking is a call that bob may approve.
func asking(call byte) gate.Approval {
	return gate.Approval{
		Binding: [32]byte{call}, Requester: "alice", Subject: "alice", Arguments: []byte("{}"),
		Roles: []string{"lead"}, Count: 1, Expires: time.Now().Add(time.Hour),
	}
}

func askFor(tb testing.TB, s *store.Approvals, call byte) gate.Approval {
	tb.Helper()
	a, err := s.Ask(tb.Context(), asking(call))
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func grantIt(tb testing.TB, s *store.Approvals, id string) {
	tb.Helper()
	if _, err := s.Grant(tb.Context(), id, gate.Consent{Approver: "bob"}); err != nil {
		tb.Fatal(err)
	}
}

func openApproved(tb testing.TB, dir string) *store.Approvals {
	tb.Helper()
	a, err := store.OpenFileApprovals(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, a) })
	return a
}

// A directory whose approvals cannot be believed gives none.
func TestCorruptApprovalsRefuseEveryone(t *testing.T) {
	write := func(content string) func(*testing.T, string) error {
		return func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "approvals.json"), []byte(content), 0o600)
		}
	}
	for name, damage := range map[string]func(*testing.T, string) error{
		"garbage":    write("{"),
		"empty":      write(""),
		"version":    write(`{"version":2,"approvals":[]}`),
		"no version": write(`{"approvals":[]}`),
		"unknown":    write(`{"version":1,"approvals":[],"x":1}`),
		"trailing":   write(`{"version":1,"approvals":[]}{}`),
		"an id":      write(`{"version":1,"approvals":[{"id":"../../etc/passwd","sealed":"eA=="}]}`),
		"doubled": func(t *testing.T, dir string) error {
			f := sealedFile{Version: 1}
			for id, sealed := range recordsIn(t, dir).All() {
				r := sealedRecord{id, base64.StdEncoding.EncodeToString([]byte(sealed))}
				f.Approvals = append(f.Approvals, r, r)
			}
			f.write(t, filepath.Join(dir, "approvals.json"))
			return nil
		},
		"open mode": func(_ *testing.T, dir string) error { return os.Chmod(filepath.Join(dir, "approvals.json"), 0o644) },
		"open arguments": func(t *testing.T, dir string) error {
			for id := range argumentsIn(t, dir).All() {
				return os.Chmod(filepath.Join(dir, "approvals", id), 0o640)
			}
			return errors.New("no arguments")
		},
		"removed": func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "approvals.json")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openApproved(t, dir)
			a := askFor(t, s, 1)
			grantIt(t, s, a.ID)
			if err := damage(t, dir); err != nil {
				t.Fatal(err)
			}
			if _, used, err := s.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
				t.Errorf("used %v, %v", used, err)
			}
			if _, err := s.Ask(t.Context(), asking(1)); !errors.Is(err, store.ErrApprovals) {
				t.Errorf("asked: %v", err)
			}
			if name == "removed" || name == "open arguments" {
				return
			}
			if other, err := store.OpenFileApprovals(dir); err == nil {
				closing(t, other)
				t.Error("opened")
			}
		})
	}
}

func TestApprovalsArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	a := askFor(t, openApproved(t, dir), 1)
	for name, mode := range map[string]os.FileMode{
		".": 0o700, "approvals": 0o700, "approvals.json": 0o600, "approvals.lock": 0o600, "approvals/" + a.ID: 0o600,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// What a crash left goes with the next start, and nothing else does.
func TestApprovalsAreTidied(t *testing.T) {
	dir := t.TempDir()
	a := askFor(t, openApproved(t, dir), 1)
	left := []string{".approvals.json-1", "approvals/apr_00000000000000000000000000", "approvals/." + a.ID + "-1"}
	for _, name := range left {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openApproved(t, dir)
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := s.Get(t.Context(), a.ID); err != nil || string(got.Arguments) != "{}" {
		t.Errorf("%v, %q", err, got.Arguments)
	}
}

// Without the key that it was sealed with, nothing opens, and no new key takes its place.
func TestApprovalsNeedTheirKey(t *testing.T) {
	dir := t.TempDir()
	s := openApproved(t, dir)
	grantIt(t, s, askFor(t, s, 1).ID)
	pepper := filepath.Join(dir, "keys.pepper")
	if err := os.Remove(pepper); err != nil {
		t.Fatal(err)
	}
	if other, err := store.OpenFileApprovals(dir); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("opened without a key: %v, %v", other, err)
	}
	if _, err := os.Stat(pepper); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a new key was made")
	}
	if err := os.WriteFile(pepper, approvalsKey[:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenFileApprovals(dir); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("opened with another key: %v", err)
	}
}

func TestRedisApprovalsNeedTheirKey(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	one := openSharedApprovals(t, s)
	grantIt(t, one, askFor(t, one, 1).ID)
	other := approvalsKey
	other[31]++
	for name, key := range map[string][32]byte{"another key": other, "random bytes": {}} {
		a, err := store.OpenRedisApprovals(t.Context(), openRedis(t, s.URL()), key)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	// The same key under another prefix: what is copied there does not open.
	r, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: s.URL(), Prefix: "staging:"})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	for id, sealed := range hashOf(s, "doorward:{approvals}").All() {
		s.Do("HSET", "staging:{approvals}", id, sealed)
	}
	if a, err := store.OpenRedisApprovals(t.Context(), r, approvalsKey); err == nil {
		t.Errorf("opened a copy: %v", a)
	}
}

// A server that starts again from a snapshot may have lost that an approval was
// used: those that are not ended lapse, and are asked for anew (DUR-22).
func TestRedisApprovalsAreNotRolledBack(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	one := openSharedApprovals(t, s)
	used, denied, waiting := askFor(t, one, 1), askFor(t, one, 2), askFor(t, one, 3)
	grantIt(t, one, used.ID)
	if _, err := one.Deny(t.Context(), denied.ID, gate.Consent{Approver: "bob"}); err != nil {
		t.Fatal(err)
	}
	s.Do("SAVE")
	if _, was, err := one.Use(t.Context(), asking(1).Binding); !was || err != nil {
		t.Fatalf("used %v, %v", was, err)
	}
	s.Stop()
	s.Start()
	storetest.Eventually(t, 5*time.Second, "it answers", func() bool { return one.Healthy(t.Context()) == nil })
	for _, g := range []*store.Approvals{one, openSharedApprovals(t, s)} {
		for call, a := range map[byte]gate.Approval{1: used, 3: waiting} {
			got, again, err := g.Use(t.Context(), asking(call).Binding)
			if again || err != nil || got.ID != a.ID || got.State(time.Now()) != gate.ApprovalExpired {
				t.Errorf("call %d: used %v, %v, %v", call, again, got.State(time.Now()), err)
			}
			if _, err := g.Grant(t.Context(), a.ID, gate.Consent{Approver: "carol"}); !errors.Is(err, store.ErrApprovalEnded) {
				t.Errorf("call %d: granted, %v", call, err)
			}
		}
		if got := askFor(t, g, 2); got.ID != denied.ID {
			t.Error("a denial is forgotten")
		}
	}
	if got := askFor(t, one, 1); got.ID == used.ID {
		t.Error("what lapsed is in the way")
	}
	s.Do("FLUSHALL")
	if got, again, err := one.Use(t.Context(), asking(1).Binding); again || err != nil || got.ID != "" {
		t.Errorf("after FLUSHALL: used %v, %q, %v", again, got.ID, err)
	}
	grantIt(t, one, askFor(t, one, 1).ID)
	if _, was, err := one.Use(t.Context(), asking(1).Binding); !was || err != nil {
		t.Errorf("after FLUSHALL the home does not work: used %v, %v", was, err)
	}
}

// A Redis that does not answer refuses, within bounds, and is used again later.
func TestRedisApprovalsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	link := storetest.NewLink(t, s.Addr, nil)
	r := openRedis(t, s.URLAt(link.Addr))
	one, err := store.OpenRedisApprovals(t.Context(), r, approvalsKey)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, one)
	grantIt(t, one, askFor(t, one, 1).ID)
	link.Stall()
	began := time.Now()
	if _, used, err := one.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used %v, %v", used, err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v", took)
	}
	link.Flow()
	storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return one.Healthy(t.Context()) == nil })
	if _, used, err := one.Use(t.Context(), asking(1).Binding); !used || err != nil {
		t.Errorf("used %v, %v", used, err)
	}
}

func BenchmarkUseOfNoApproval(b *testing.B) {
	s := openApproved(b, b.TempDir())
	for i := range 32 {
		askFor(b, s, byte(i+1))
	}
	for b.Loop() {
		if _, used, err := s.Use(b.Context(), [32]byte{255}); used || err != nil {
			b.Fatal(used, err)
		}
	}
}
