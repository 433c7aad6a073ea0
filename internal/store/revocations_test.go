package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// logged is a log that is read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), s)
}

func openRevoked(tb testing.TB, dir string) *store.Revocations {
	tb.Helper()
	r, err := store.OpenFileRevocations(dir, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, r) })
	return r
}

func openShared(tb testing.TB, s *storetest.Server) *store.Revocations {
	tb.Helper()
	r, err := store.OpenRedisRevocations(tb.Context(), openRedis(tb, s.URL()), revokedKey)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, r) })
	return r
}

func revoke(tb testing.TB, r *store.Revocations, subject string) {
	tb.Helper()
	if err := r.Add(tb.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: storetest.Issuer, Value: subject}); err != nil {
		tb.Fatal(err)
	}
}

// isRevoked is false on an error, too: a test that waits for true gets a true without one.
func isRevoked(r *store.Revocations, subject string) bool {
	is, err := r.Check(store.RevokedSubject, storetest.Issuer, subject)
	return is && err == nil
}

func TestFileRevocations(t *testing.T) {
	storetest.TestRevocations(t, storetest.RevocationKind{
		Run: synctest.Test,
		New: func(t *testing.T) storetest.RevocationState {
			dir := t.TempDir()
			path := filepath.Join(dir, "revoked.json")
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			return storetest.RevocationState{
				Open: func() (storetest.Revocations, error) { return store.OpenFileRevocations(dir, nil, nil) },
				Fill: func(count int, until time.Time) {
					var all []string
					for i := range count {
						all = append(all, object(i, until))
					}
					must(os.WriteFile(path, []byte(`{"version":1,"revoked":[`+strings.Join(all, ",\n")+"]}"), 0o600))
				},
				Down: func() { must(os.Chmod(path, 0o644)) },
				Up:   func() { must(os.Chmod(path, 0o600)) },
			}
		},
	})
}

func TestRedisRevocations(t *testing.T) {
	storetest.TestRevocations(t, storetest.RevocationKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.RevocationState {
			s := storetest.Redis(t)
			return storetest.RevocationState{
				Open: func() (storetest.Revocations, error) {
					return store.OpenRedisRevocations(t.Context(), openRedis(t, s.URL()), revokedKey)
				},
				Fill: func(count int, until time.Time) {
					args := []any{"HSET", "doorward:{revoked}"}
					for i := range count {
						args = append(args, field(store.RevokedSubject, storetest.Issuer, fmt.Sprint(i)), fmt.Sprint(until.Truncate(time.Second).UnixMilli(), " ", object(i, until)))
						if len(args) > 10_000 || i == count-1 {
							s.Do(args...)
							args = args[:2]
						}
					}
					s.Do("SET", "doorward:{revoked}:version", "filled")
				},
				Down: s.Stop,
				Up: func() {
					s.Start() // empty: what the gateways know is what is left
				},
			}
		},
	})
}

// object is a revocation as both stores keep it.
func object(i int, until time.Time) string {
	return fmt.Sprintf(`{"kind":"subject","realm":%q,"value":"%d","until":%q,"at":"2026-01-01T00:00:00Z"}`,
		storetest.Issuer, i, until.UTC().Truncate(time.Second).Format(time.RFC3339))
}

// field is where Redis keeps it.
func field(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p)))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestACorruptListRefusesEveryone(t *testing.T) {
	one := object(1, time.Now().Add(time.Hour))
	write := func(content string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	for name, damage := range map[string]func(path string) error{
		"garbage":     write("{"),
		"empty":       write(""),
		"version":     write(`{"version":2,"revoked":[]}`),
		"no version":  write(`{"revoked":[]}`),
		"unknown":     write(`{"version":1,"revoked":[],"x":1}`),
		"wrong case":  write(`{"version":1,"Revoked":[]}`),
		"twice":       write(`{"version":1,"revoked":[` + one + `],"revoked":[]}`),
		"trailing":    write(`{"version":1,"revoked":[]}{}`),
		"no kind":     write(`{"version":1,"revoked":[{"value":"a","at":"2026-01-01T00:00:00Z"}]}`),
		"no time":     write(`{"version":1,"revoked":[{"kind":"key","value":"a"}]}`),
		"doubled":     write(`{"version":1,"revoked":[` + one + `,` + one + `]}`),
		"open mode":   func(path string) error { return os.Chmod(path, 0o640) },
		"removed":     os.Remove,
		"a directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				log := &logged{}
				r, err := store.OpenFileRevocations(dir, nil, logger(log))
				if err != nil {
					t.Fatal(err)
				}
				defer closing(t, r)
				revoke(t, r, "alice")
				path := filepath.Join(dir, "revoked.json")
				good, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // of the bubble's clock
				for _, subject := range []string{"alice", "bob"} {
					if is, err := r.Check(store.RevokedSubject, storetest.Issuer, subject); !is || !errors.Is(err, store.ErrRevocations) {
						t.Errorf("Check(%s) = %v, %v", subject, is, err)
					}
				}
				if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedKey, Value: "k_1"}); err == nil {
					t.Error("Add went over a file that it cannot read")
				}
				if name != "removed" {
					if other, err := store.OpenFileRevocations(dir, nil, nil); err == nil {
						closing(t, other)
						t.Error("opened")
					}
				}
				if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, good, 0o600)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if !isRevoked(r, "alice") || isRevoked(r, "bob") {
					t.Error("after repair the list is another")
				}
				if failures, ends := log.count("cannot be read"), log.count("can be read again"); failures != 1 || ends != 1 {
					t.Errorf("logged %d failures and %d ends", failures, ends)
				}
			})
		})
	}
}

func TestTheListIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	revoke(t, openRevoked(t, dir), "alice")
	for name, mode := range map[string]os.FileMode{".": 0o700, "revoked.json": 0o600, "revoked.lock": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Whatever a flush or a crash takes from Redis, what a gateway knows stays in
// force and is published again, so that those that start later know it, too.
func TestRedisRevocationsAreNeverForgotten(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*storetest.Server){
		"flushed":   func(s *storetest.Server) { s.Do("FLUSHALL") },
		"restarted": func(s *storetest.Server) { s.Stop(); s.Start() }, // from the snapshot
		"removed by hand": func(s *storetest.Server) {
			s.Do("HDEL", "doorward:{revoked}", field(store.RevokedSubject, storetest.Issuer, "alice"))
		},
		"flushed, and another revoked since": func(s *storetest.Server) {
			s.Do("FLUSHALL")
			text := fmt.Sprint("0 ", strings.Replace(object(7, time.Time{}), `"until":"0001-01-01T00:00:00Z",`, "", 1))
			s.Do("HSET", "doorward:{revoked}", field(store.RevokedSubject, storetest.Issuer, "7"), text)
			s.Do("SET", "doorward:{revoked}:version", "another")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Redis(t)
			a, b := openShared(t, s), openShared(t, s)
			revoke(t, a, "alice")
			s.Do("SAVE")
			revoke(t, a, "bob")
			storetest.Eventually(t, 2*time.Second, "the other gateway knows", func() bool { return isRevoked(b, "bob") })
			lose(s)
			storetest.Eventually(t, 25*time.Second, "it is published again", func() bool {
				return s.Do("HLEN", "doorward:{revoked}").(int64) >= 2 //nolint:forcetypeassert // HLEN is an integer
			})
			storetest.Eventually(t, 5*time.Second, "all know both", func() bool {
				return isRevoked(a, "alice") && isRevoked(a, "bob") && isRevoked(b, "alice") && isRevoked(b, "bob")
			})
			c := openShared(t, s)
			if !isRevoked(c, "alice") || !isRevoked(c, "bob") || isRevoked(c, "carol") {
				t.Error("a gateway that starts later has another list")
			}
			if also := name == "flushed, and another revoked since"; isRevoked(a, "7") != also || isRevoked(c, "7") != also {
				t.Error("what was revoked since is not known everywhere")
			}
		})
	}
}

// What Redis holds must be what doorward wrote, under its own field; else nobody
// can tell what is revoked.
func TestACorruptHashRefusesEveryone(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	r := openShared(t, s)
	revoke(t, r, "alice")
	good := object(1, time.Now().Add(time.Hour))
	end := time.Now().Add(time.Hour).Truncate(time.Second).UnixMilli()
	mine := field(store.RevokedSubject, storetest.Issuer, "1")
	for name, c := range map[string]struct{ field, text string }{
		"garbage":       {mine, "x"},
		"nothing":       {mine, ""},
		"no end":        {mine, good},
		"another's end": {mine, fmt.Sprint(end+1000, " ", good)},
		"for ever":      {mine, fmt.Sprint("0 ", good)},
		"another field": {field(store.RevokedSubject, storetest.Issuer, "2"), fmt.Sprint(end, " ", good)},
		"trailing":      {mine, fmt.Sprint(end, " ", good, "{}")},
		"unknown":       {mine, fmt.Sprint(end, " ", strings.Replace(good, "{", `{"x":1,`, 1))},
	} {
		s.Do("HSET", "doorward:{revoked}", c.field, c.text)
		if other, err := store.OpenRedisRevocations(t.Context(), openRedis(t, s.URL()), revokedKey); err == nil {
			closing(t, other)
			t.Errorf("%s: opened", name)
		}
		s.Do("HDEL", "doorward:{revoked}", c.field)
	}
	s.Do("HSET", "doorward:{revoked}", mine, "x")
	s.Do("SET", "doorward:{revoked}:version", "another")
	storetest.Eventually(t, 6*time.Second, "checks are refused", func() bool {
		is, err := r.Check(store.RevokedSubject, storetest.Issuer, "bob")
		return is && errors.Is(err, store.ErrRevocations)
	})
	s.Do("HDEL", "doorward:{revoked}", mine)
	storetest.Eventually(t, 2*time.Second, "it recovers", func() bool { return isRevoked(r, "alice") && !isRevoked(r, "bob") })
}

// A gateway that hears nothing refuses at 5 s, and not before: P14, and no call
// is refused for a hiccup.
func TestRedisRevocationsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	var answered atomic.Int64 // when the last answer came
	link := storetest.NewLink(t, s.Addr, func(piece []byte) []byte {
		answered.Store(time.Now().UnixNano())
		return piece
	})
	log := &logged{}
	shared, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: s.URLAt(link.Addr), Log: logger(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, shared)
	r, err := store.OpenRedisRevocations(t.Context(), shared, revokedKey)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	link.Stall()
	storetest.Eventually(t, 6*time.Second, "checks are refused", func() bool { return r.Healthy() != nil })
	if took := time.Since(time.Unix(0, answered.Load())); took < 4*time.Second {
		t.Errorf("refused %v after the last answer", took)
	}
	link.Flow()
	storetest.Eventually(t, 3*time.Second, "it recovers", func() bool { return r.Healthy() == nil })
	if n := log.count("cannot be read"); n != 1 {
		t.Errorf("logged %d failures", n)
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	r := openRevoked(t, t.TempDir())
	revoke(t, r, "alice")
	for _, subject := range []string{"alice", "bob"} {
		n := testing.AllocsPerRun(1000, func() {
			if _, err := r.Check(store.RevokedSubject, storetest.Issuer, subject); err != nil {
				t.Fatal(err)
			}
		})
		if n >= 1 && !raceEnabled {
			t.Errorf("%v allocations per check", n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	r := openRevoked(b, b.TempDir())
	for i := range 100 {
		revoke(b, r, fmt.Sprint("3f1c7a52-0000-4000-8000-", i))
	}
	for _, subject := range []string{"3f1c7a52-0000-4000-8000-50", "3f1c7a52-0000-4000-8000-x"} {
		b.Run(subject, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Check(store.RevokedSubject, storetest.Issuer, subject); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzRevokedFile: whatever revoked.json holds, opening it never panics, and what
// is listed is revoked.
func FuzzRevokedFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"revoked":[` + object(1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) + `]}`))
	f.Add([]byte(`{"version":1,"revoked":[{"kind":"key","value":"k_0123456789","at":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"revoked":null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "revoked.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := store.OpenFileRevocations(dir, nil, nil)
		if err != nil {
			return
		}
		defer closing(t, r)
		all, err := r.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if is, err := r.Check(x.Kind, x.Realm, x.Value); !is || err != nil {
				t.Errorf("%+v is listed, and Check says %v, %v", x, is, err)
			}
		}
	})
}

// FuzzRevokedField: whatever a field of the hash in Redis holds, opening the list
// never panics, and what is listed is revoked and lies in its own field.
func FuzzRevokedField(f *testing.F) {
	good := object(1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	f.Add(field(store.RevokedSubject, storetest.Issuer, "1"), "4102444800000 "+good)
	f.Add(field(store.RevokedSubject, storetest.Issuer, "2"), "0 "+good)
	f.Add("", "")
	s := storetest.Redis(f)
	client := redis.NewClient(&redis.Options{Addr: s.Addr, Password: s.Password})
	f.Cleanup(func() { closing(f, client) })
	f.Fuzz(func(t *testing.T, name, text string) {
		if err := errors.Join(client.FlushAll(t.Context()).Err(), client.HSet(t.Context(), "doorward:{revoked}", name, text).Err()); err != nil {
			t.Fatal(err)
		}
		r, err := store.OpenRedisRevocations(t.Context(), openRedis(t, s.URL()), revokedKey)
		if err != nil {
			return
		}
		defer closing(t, r)
		all, err := r.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if is, err := r.Check(x.Kind, x.Realm, x.Value); !is || err != nil || field(x.Kind, x.Realm, x.Value) != name {
				t.Errorf("%+v is listed in %q, and Check says %v, %v", x, name, is, err)
			}
		}
	})
}
