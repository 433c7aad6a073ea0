package upstream

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// opens lets a breaker fail until it opens, and returns for how long it does.
func opens(t *testing.T, b *breaker) time.Duration {
	t.Helper()
	for n := 1; n <= breakerRun; n++ {
		wait := b.failed(time.Now(), false, 0)
		if (wait > 0) != (n == breakerRun) {
			t.Fatalf("after %d failures it is open for %s", n, wait)
		}
		if wait > 0 {
			return wait
		}
	}
	return 0
}

// between fails where an opening does not last a span with its jitter.
func between(t *testing.T, what string, wait, most time.Duration) {
	t.Helper()
	if wait < most/2 || wait > most {
		t.Errorf("%s: open for %s, want %s to %s", what, wait, most/2, most)
	}
}

// probes lets a hundred in at once when the time of the breaker is over: one is the probe.
func probes(t *testing.T, b *breaker) {
	t.Helper()
	var mu sync.Mutex
	n, refused := 0, 0
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			probe, wait := b.enter()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case probe:
				n++
			case wait > 0:
				refused++
			}
		})
	}
	wg.Wait()
	if n != 1 || refused != 99 {
		t.Errorf("%d probes and %d refused of 100", n, refused)
	}
}

func TestRES17_Breaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &breaker{}
		for range 2 * breakerRun { // never in a row
			b.failed(time.Now(), false, 0)
			b.worked()
			time.Sleep(2 * recentSpan * time.Second / breakerCalls * breakerShare)
		}
		if b.state() != breakerClosed {
			t.Fatal("single failures opened it")
		}
		most := startBackoff
		for range 3 { // what closes it does not make the next opening a short one
			wait := opens(t, b)
			between(t, "opening", wait, most)
			if probe, left := b.enter(); probe || left != wait || b.state() != breakerOpen {
				t.Fatalf("open: probe %v, wait %s, %s", probe, left, b.state())
			}
			time.Sleep(wait)
			probes(t, b)
			b.settle(probeBad, 0)
			most *= 2
			if _, wait = b.enter(); wait == 0 {
				t.Fatal("a probe that fails leaves it half open")
			}
			between(t, "opening again", wait, most)
			time.Sleep(wait)
			probes(t, b)
			b.settle(probeNothing, 0)
			probes(t, b)
			b.settle(probeGood, 0)
			if probe, wait := b.enter(); probe || wait != 0 || b.state() != breakerClosed {
				t.Fatalf("closed: probe %v, wait %s", probe, wait)
			}
			most *= 2
		}
		time.Sleep(breakerCalm + time.Second)
		between(t, "after a calm", opens(t, b), startBackoff)
	})
}

func TestBreaker_Opening(t *testing.T) {
	t.Parallel()
	fail := func(b *breaker) { b.failed(time.Now(), false, 0) }
	for _, tc := range []struct {
		name string
		do   func(*breaker)
		want string
	}{
		{"every other call fails", func(b *breaker) {
			for range breakerCalls / breakerShare {
				b.worked()
				fail(b)
			}
		}, breakerOpen},
		{"one of three fails", func(b *breaker) {
			for range breakerCalls {
				b.worked()
				b.worked()
				fail(b)
			}
		}, breakerClosed},
		{"failures far apart", func(b *breaker) {
			for range 2 * breakerRun {
				fail(b)
				time.Sleep(breakerGap + time.Second)
			}
		}, breakerClosed},
		{"lists that work say nothing of calls", func(b *breaker) {
			for range breakerRun {
				b.answered()
				fail(b)
			}
		}, breakerOpen},
		{"silence of one that answers others", func(b *breaker) {
			for range 2 * breakerRun {
				began := time.Now()
				time.Sleep(time.Second)
				b.answered()
				b.failed(began, true, 0)
			}
		}, breakerClosed},
		{"silence of a client's own process", func(b *breaker) {
			b.own = true
			for range breakerRun {
				b.failed(time.Now(), true, 0)
			}
		}, breakerOpen},
		{"silence", func(b *breaker) {
			for range breakerRun {
				began := time.Now()
				time.Sleep(time.Minute)
				b.failed(began, true, 0)
			}
		}, breakerHalf},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &breaker{}
				tc.do(b)
				if is := b.state(); is != tc.want {
					t.Errorf("it is %s, want %s", is, tc.want)
				}
			})
		})
	}
}

// The upstream says when to come again, and the last of its openings is bounded.
func TestBreaker_Bounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &breaker{}
		for range breakerRun {
			b.failed(time.Now(), false, maxRetryAfter)
		}
		if _, wait := b.enter(); wait != maxRetryAfter {
			t.Errorf("open for %s, and it asked for %s", wait, maxRetryAfter)
		}
		for range 100 {
			b.settle(probeBad, 0)
			if _, wait := b.enter(); wait > maxBackoff {
				t.Fatalf("open for %s", wait)
			}
		}
	})
}

// A thousand calls a second of which half fail make at most a tenth more.
func TestRES16_Budget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &retries{}
		calls, made := 0, 0
		for n := range 30_000 {
			r.call()
			calls++
			if n%2 == 0 && r.take() {
				made++
			}
			time.Sleep(time.Millisecond)
		}
		if made > calls/retryShare || made < calls/retryShare*9/10 {
			t.Errorf("%d of %d calls were made again", made, calls)
		}
		time.Sleep(2 * recentSpan * time.Second)
		if !r.take() || r.take() {
			t.Error("an upstream that is hardly used has not one retry")
		}
	})
}

// Clients with processes of their own have breakers of their own, as many as there is
// room for.
func TestBreakers_Own(t *testing.T) {
	t.Parallel()
	s := &server{}
	a, b := s.breakerOf("a"), s.breakerOf("b")
	if a == b || a == &s.breakers.all || s.breakerOf("a") != a || s.breakerOf("") != &s.breakers.all {
		t.Error("they are shared")
	}
	opens(t, a)
	if all, own := s.breakers.states(); all != breakerClosed || own != 1 {
		t.Errorf("%s, %d held back", all, own)
	}
	for n := range maxBreakers {
		s.breakerOf(string(rune('A' + n)))
	}
	if one := s.breakerOf("one more"); one == &s.breakers.all || one == s.breakerOf("one more") || len(s.breakers.own) != maxBreakers {
		t.Error("they are not bounded")
	}
	s.breakers.expire(time.Now().Add(breakerGap + breakerCalm))
	if len(s.breakers.own) != 1 || s.breakers.own["a"] != a {
		t.Errorf("%d are left, and the open one has to be", len(s.breakers.own))
	}
	s.set.Shared = true
	if s.breakerOf("a") != &s.breakers.all {
		t.Error("a shared process has several")
	}
}
