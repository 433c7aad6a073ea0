package store_test

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func asItIs(t *testing.T, f func(*testing.T)) { t.Helper(); f(t) }

// closing closes what a test has opened.
func closing(tb testing.TB, c io.Closer) {
	tb.Helper()
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}

func openRedis(tb testing.TB, url string) *store.Redis {
	tb.Helper()
	r, err := store.OpenRedis(tb.Context(), store.RedisConfig{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, r) })
	return r
}

func TestMemoryNonces(t *testing.T) {
	storetest.TestNonces(t, storetest.NonceKind{
		Run: synctest.Test,
		New: func(*testing.T) storetest.NonceState {
			var n *store.MemoryNonces
			return storetest.NonceState{
				Open: func(ahead time.Duration) storetest.Nonces {
					if n == nil {
						n = store.NewMemoryNonces(ahead)
					}
					return n
				},
				Forget: func() { n = nil },
			}
		},
	})
}

func TestRedisNonces(t *testing.T) {
	storetest.TestNonces(t, storetest.NonceKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.NonceState {
			s := storetest.Redis(t)
			return storetest.NonceState{
				Open: func(ahead time.Duration) storetest.Nonces {
					return store.NewRedisNonces(openRedis(t, s.URL()), ahead)
				},
				Forget: func() { s.Do("FLUSHALL") },
			}
		},
	})
}

// A gateway whose connections outlive a FLUSHALL begins anew all the same (AUT-44).
func TestRedisNoncesAreFlushed(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	n := store.NewRedisNonces(openRedis(t, s.URL()), 0)
	made := time.Now().Truncate(time.Second).Add(time.Second)
	use := func() bool {
		t.Helper()
		fresh, err := n.Use(t.Context(), "key", made, made.Add(10*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if !use() {
		t.Fatal("the first use was refused")
	}
	s.Do("FLUSHALL")
	if use() { // not even one that is ahead of the clock
		t.Error("the use that finds the memory lost is fresh")
	}
	storetest.Until(made)
	s.Do("FLUSHALL")
	for range 2 {
		if use() {
			t.Error("fresh after FLUSHALL")
		}
	}
	if made = time.Now().Truncate(time.Second).Add(2 * time.Second); !use() || use() {
		t.Error("the new memory does not work")
	}
}

// A server that starts again from a snapshot has lost the nonces since, but not
// the beginning of its memory: it must be another (AUT-44, DUR-22).
func TestRedisNoncesAreNotRolledBack(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	n := store.NewRedisNonces(openRedis(t, s.URL()), 0)
	s.Do("SAVE")
	made := time.Now().Truncate(time.Second).Add(time.Second)
	until := made.Add(10 * time.Minute)
	if fresh, err := n.Use(t.Context(), "key", made, until); !fresh || err != nil {
		t.Fatalf("first use: %v, %v", fresh, err)
	}
	storetest.Until(made)
	s.Stop()
	began := time.Now()
	if fresh, err := n.Use(t.Context(), "another", made, until); fresh || err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("while it is down: %v, %v after %v", fresh, err, time.Since(began))
	}
	if n.Healthy(t.Context()) == nil {
		t.Error("says it is healthy")
	}
	s.Start()
	if s.Do("EXISTS", "doorward:{nonces}:since") != int64(1) {
		t.Fatal("the snapshot does not hold the beginning")
	}
	storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return n.Healthy(t.Context()) == nil })
	for _, key := range []string{"key", "another"} {
		if fresh, err := n.Use(t.Context(), key, made, until); fresh || err != nil {
			t.Errorf("%s after the restart: %v, %v", key, fresh, err)
		}
	}
	if fresh, err := n.Use(t.Context(), "key", time.Now().Truncate(time.Second).Add(2*time.Second), until); !fresh || err != nil {
		t.Errorf("after the restart: %v, %v", fresh, err)
	}
}

// A server that neither answers nor closes its connections is an error within
// the bound, for all who wait (AUT-44).
func TestRedisNoncesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	link := storetest.NewLink(t, s.Addr, nil)
	n := store.NewRedisNonces(openRedis(t, s.URLAt(link.Addr)), 0)
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	until := made.Add(10 * time.Minute)
	if fresh, err := n.Use(t.Context(), "key", made, until); !fresh || err != nil {
		t.Fatalf("first use: %v, %v", fresh, err)
	}
	link.Stall()
	began := time.Now()
	results := make(chan error)
	for i := range 100 {
		go func() {
			fresh, err := n.Use(t.Context(), fmt.Sprint(i), made, until)
			if fresh {
				err = nil
			}
			results <- err
		}()
	}
	for range 100 {
		if err := <-results; err == nil {
			t.Error("a nonce is judged without an answer")
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the last error came after %v", took)
	}
	link.Flow()
	storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return n.Healthy(t.Context()) == nil })
	if fresh, err := n.Use(t.Context(), "key", made, until); fresh || err != nil {
		t.Errorf("replay after it: %v, %v", fresh, err)
	}
}

// A server that is full takes no nonce, and forgets none.
func TestRedisNoncesInAFullServer(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	n := store.NewRedisNonces(openRedis(t, s.URL()), 0)
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	until := made.Add(10 * time.Minute)
	if fresh, err := n.Use(t.Context(), "key", made, until); !fresh || err != nil {
		t.Fatalf("first use: %v, %v", fresh, err)
	}
	s.Do("CONFIG", "SET", "maxmemory", "1")
	for _, key := range []string{"key", "another"} {
		if fresh, err := n.Use(t.Context(), key, made, until); fresh || err == nil {
			t.Errorf("%s: %v, %v", key, fresh, err)
		}
	}
	if n.Healthy(t.Context()) == nil {
		t.Error("says it is healthy")
	}
	s.Do("CONFIG", "SET", "maxmemory", "0")
	if fresh, err := n.Use(t.Context(), "key", made, until); fresh || err != nil {
		t.Errorf("after it: %v, %v", fresh, err)
	}
}

// Redis holds a digest, with the end: neither the nonce nor its signer, and not for ever.
func TestRedisNoncesAreDigestsWithAnEnd(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	n := store.NewRedisNonces(openRedis(t, s.URL()), 0)
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	if fresh, err := n.Use(t.Context(), "abc", made, made.Add(10*time.Minute)); !fresh || err != nil {
		t.Fatalf("first use: %v, %v", fresh, err)
	}
	const name = "doorward:{nonces}:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // SHA-256 of abc, FIPS 180-2
	if at := s.Do("PEXPIRETIME", name); at != made.Add(10*time.Minute).UnixMilli() {
		t.Errorf("it ends at %v", at)
	}
	if ttl := s.Do("TTL", "doorward:{nonces}:since"); ttl != int64(-1) {
		t.Errorf("the beginning ends in %v", ttl)
	}
}

// The memory of one gateway has a bound, at which it refuses; what has ended makes room.
func TestMemoryNoncesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := store.NewMemoryNonces(0)
		use := func(i int, made time.Time, want bool) error {
			t.Helper()
			fresh, err := n.Use(t.Context(), fmt.Sprint(i), made, made.Add(10*time.Minute))
			if fresh != want {
				t.Fatalf("%d: fresh %v, %v", i, fresh, err)
			}
			return err
		}
		made := time.Now().Add(time.Second)
		for i := range 200_000 {
			if err := use(i, made, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := use(200_000, made, false); err == nil {
			t.Error("a full memory is not an error")
		}
		for i := range 200_000 {
			if err := use(i, made, false); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second + 10*time.Minute) // of the bubble's clock
		if err := use(200_000, time.Now(), true); err != nil {
			t.Errorf("after the others' end: %v", err)
		}
	})
}

func BenchmarkMemoryNonces(b *testing.B) {
	var n *store.MemoryNonces
	var made time.Time
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%200_000 == 0 { // it is full
			n, made = store.NewMemoryNonces(0), time.Now().Add(2*time.Second)
		}
		if fresh, err := n.Use(b.Context(), fmt.Sprint("0123456789abcdef0123456789abcdef", i), made, made.Add(10*time.Minute)); !fresh || err != nil {
			b.Fatal(fresh, err)
		}
	}
}

func BenchmarkRedisNonces(b *testing.B) {
	n := store.NewRedisNonces(openRedis(b, storetest.Redis(b).URL()), 0)
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if fresh, err := n.Use(b.Context(), fmt.Sprint("0123456789abcdef0123456789abcdef", i), made, made.Add(10*time.Minute)); !fresh || err != nil {
			b.Fatal(fresh, err)
		}
	}
}
