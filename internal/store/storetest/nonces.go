package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Nonces is a memory of nonces as its callers see it.
type Nonces interface {
	Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error)
	Healthy(ctx context.Context) error
}

// NonceState is one memory.
type NonceState struct {
	Open   func(ahead time.Duration) Nonces // as one more gateway does
	Forget func()                           // the memory is lost, and begins anew when it is asked
}

// NonceKind is a kind of memory.
type NonceKind struct {
	Run func(*testing.T, func(*testing.T)) // runs a case, in a bubble of synctest where the kind allows it
	New func(*testing.T) NonceState        // begins a memory
}

// window is how long a request is good before and after it was made.
const window = 300 * time.Second

// soon is when something is made that every memory begun by now takes for fresh:
// within the window, and in a second that no memory began in.
func soon() time.Time { return time.Now().Truncate(time.Second).Add(2 * time.Second) }

// use is Use for a request whose nonce must be remembered for twice the window.
func use(tb testing.TB, n Nonces, key string, made time.Time) bool {
	tb.Helper()
	fresh, err := n.Use(tb.Context(), key, made, made.Add(2*window))
	if err != nil {
		tb.Fatal(err)
	}
	return fresh
}

// TestNonces holds a kind of memory to the rules of all.
func TestNonces(t *testing.T, kind NonceKind) {
	for name, f := range map[string]func(*testing.T, NonceState){
		"one of a hundred":   oneOfAHundred,
		"once until its end": onceUntilItsEnd,
		"keys":               keysAreToldApart,
		"lost":               lost,
		"ahead":              ahead,
		"faults":             nonceFaults,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) { f(t, kind.New(t)) })
		})
	}
	t.Run("made before the beginning", func(t *testing.T) {
		t.Parallel()
		kind.Run(t, func(t *testing.T) { madeBefore(t, kind) })
	})
}

// AUT-39: the same request a hundred times at once, through two gateways. An
// error refuses, too, as when a busy machine is late; a round with one does not
// show that a fresh key is taken, and another is run.
func oneOfAHundred(t *testing.T, s NonceState) {
	gateways := []Nonces{s.Open(0), s.Open(0)}
	clean := 0
	for round := 0; clean < 5; round++ {
		var fresh, failed atomic.Int32
		var all sync.WaitGroup
		start := make(chan struct{})
		made := soon()
		for j := range 100 {
			all.Go(func() {
				<-start
				ok, err := gateways[j%2].Use(t.Context(), fmt.Sprint("nonce ", round), made, made.Add(2*window))
				if ok {
					fresh.Add(1)
				}
				if err != nil {
					failed.Add(1)
				}
			})
		}
		close(start)
		all.Wait()
		switch n := fresh.Load(); {
		case n > 1 || n == 0 && failed.Load() == 0:
			t.Fatalf("%d of 100 were fresh, want 1", n)
		case failed.Load() == 0:
			clean++
		case round == 20:
			t.Fatalf("%d rounds of 20 had no error", clean)
		}
	}
}

// AUT-43: just before the end, and just after it, when the memory may have
// forgotten. Then the key may be used again, for another request.
func onceUntilItsEnd(t *testing.T, s NonceState) {
	a, b := s.Open(0), s.Open(0)
	made := soon()
	until := made.Add(time.Second)
	check := func(when string, want bool) {
		t.Helper()
		for _, n := range []Nonces{a, b, a} {
			fresh, err := n.Use(t.Context(), "key", made, until)
			late := want && !time.Now().Before(until) // the machine was busy until its end
			if err != nil || fresh != want && !late {
				t.Errorf("%s: fresh %v, %v; want %v", when, fresh, err, want)
			}
			want = false
		}
	}
	check("at first", true)
	Until(until.Add(-time.Second))
	check("a second before its end", false)
	Until(until.Add(-100 * time.Millisecond))
	check("just before its end", false)
	Until(until)
	check("at its end", false)
	Until(until.Add(time.Second))
	check("a second after its end", false)
	made, until = soon(), soon().Add(window)
	check("in another request", true)
}

// AUT-43: what a key may look like.
func keysAreToldApart(t *testing.T, s NonceState) {
	n, made := s.Open(0), soon()
	long := strings.Repeat("x", 10<<10)
	for _, key := range []string{
		"a", "A", "a ", " a", "a\x00", "a\x00b", "a\n", "b:a", "ba", "ä", "a\u0308", "\xff", "{a}", "*", long, long + "y", long[1:],
	} {
		if !use(t, n, key, made) {
			t.Errorf("the first use of %.20q was refused", key)
		}
		if use(t, n, key, made) || use(t, n, key, made.Add(time.Second)) {
			t.Errorf("%.20q was used twice", key)
		}
	}
}

// AUT-39, AUT-44: a memory that has forgotten refuses what it may have known.
func lost(t *testing.T, s NonceState) {
	n := s.Open(0)
	if err := n.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
	made := soon()
	if !use(t, n, "key", made) {
		t.Fatal("the first use was refused")
	}
	Until(made)
	for range 3 {
		s.Forget()
		for _, n := range []Nonces{s.Open(0), s.Open(0)} {
			for _, key := range []string{"key", "another"} {
				for _, at := range []time.Time{made, made.Add(-window)} {
					if use(t, n, key, at) {
						t.Errorf("%s, made at %v, is fresh to a memory that began after it", key, at)
					}
				}
			}
		}
	}
	n = s.Open(0)
	if made = soon(); !use(t, n, "key", made) || use(t, n, "key", made) {
		t.Error("the new memory does not work")
	}
}

// A new memory judges by what its gateway says about requests made ahead of the clock.
func ahead(t *testing.T, s NonceState) {
	n := s.Open(time.Minute)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {30 * time.Second, false}, {2 * time.Minute, true}} {
		if fresh := use(t, n, fmt.Sprint(c.after), time.Now().Truncate(time.Second).Add(c.after)); fresh != c.want {
			t.Errorf("made %v from now: fresh %v, want %v", c.after, fresh, c.want)
		}
	}
}

// madeBefore needs a memory that begins within the case.
func madeBefore(t *testing.T, kind NonceKind) {
	made := time.Now().Truncate(time.Second)
	n := kind.New(t).Open(0)
	for _, age := range []time.Duration{0, time.Second, window, window + time.Second} {
		if use(t, n, fmt.Sprint(age), made.Add(-age)) {
			t.Errorf("what was made %v before the memory began is fresh", age)
		}
	}
	if !use(t, n, "later", soon()) {
		t.Error("what was made after the memory began is refused")
	}
}

// The faults of a caller are errors, and use nothing.
func nonceFaults(t *testing.T, s NonceState) {
	n, made := s.Open(0), soon()
	until := made.Add(2 * window)
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		key         string
		made, until time.Time
	}{
		"no key":               {"", made, until},
		"never made":           {"k", time.Time{}, until},
		"no end":               {"k", made, time.Time{}},
		"ends when made":       {"k", made, made},
		"ends before made":     {"k", made, made.Add(-time.Second)},
		"ends in two days":     {"k", made, made.Add(2 * day)},
		"made two days ago":    {"k", made.Add(-2 * day), until},
		"made in two days":     {"k", made.Add(2 * day), made.Add(2*day + window)},
		"ends in a far future": {"k", made, time.Unix(1<<60, 0)},
		"made in a far past":   {"k", time.Unix(-1<<60, 0), until},
		"made in milliseconds": {"k", time.Unix(made.UnixMilli(), 0), time.Unix(made.UnixMilli(), 0).Add(window)},
	} {
		if fresh, err := n.Use(t.Context(), c.key, c.made, c.until); fresh || err == nil {
			t.Errorf("%s: fresh %v, %v; want an error", name, fresh, err)
		}
	}
	if fresh, err := n.Use(t.Context(), "k", made.Add(-window), made.Add(-10*time.Second)); fresh || err != nil {
		t.Errorf("one that has ended: fresh %v, %v", fresh, err)
	}
	if !use(t, n, "k", made) {
		t.Error("a fault has used the key")
	}
}
