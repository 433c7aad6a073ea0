package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// A hundred who ask the same at once are one request, also of several principals where
// the answers are known to be public; each waits for no longer than its own time.
func TestRES16_OneAsksForAll(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		members string
		known   bool // such an answer has come before
		people  int
		want    int
	}{
		{"of one principal", minute, false, 1, 1},
		{"of ten, public", minuteForAll, true, 10, 1},
		{"of ten, not known to be public", minuteForAll, false, 10, 10},
		{"of ten, private", minute, true, 10, 10},
		{"not kept", ``, false, 1, 100},
		{"known not to be kept", ``, true, 1, 100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{}
				s.result = func(n int, r *http.Request) (*http.Response, error) {
					time.Sleep(5 * time.Second)
					return tells(tc.members)(n, r)
				}
				p, m := shelfPool(t, s, func(cfg *upstream.Config) { cfg.Upstreams[0].Concurrency = 200 })
				if tc.known {
					number(t, p, readBy(t, nobody()))
					p.Forget()
				}
				before, began := int(s.asked.Load()), time.Now()
				var wg sync.WaitGroup
				for i := range 100 {
					who := nobody()
					who.Subject = "p" + strconv.Itoa(i%tc.people)
					wg.Go(func() {
						if got := number(t, p, readBy(t, who)); got <= before {
							t.Errorf("it gets answer %d", got)
						}
					})
				}
				wg.Wait()
				if n := int(s.asked.Load()) - before; n != tc.want {
					t.Errorf("%d requests, want %d", n, tc.want)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
				if waits := m.of("cache_wait"); tc.want < 100 && waits != 100-tc.want {
					t.Errorf("%d waited", waits)
				}
			})
		})
	}
}

// Who is asked something in place of an answer lets those go who wait for it: nobody else's question is theirs.
func TestRES16_AQuestionIsNobodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const each = 5 * time.Second
		s := &shelf{}
		s.result = func(n int, r *http.Request) (*http.Response, error) {
			time.Sleep(each)
			return tells(`,"resultType":"input_required","inputRequests":{},"ttlMs":60000`)(n, r)
		}
		p, m := shelfPool(t, s, nil)
		if _, _, err := p.Items(t.Context(), readBy(t, nobody()), "up", gate.Tool); err != nil { // its era is known from here on
			t.Fatal(err)
		}
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { _, _ = carry(t, p, readBy(t, nobody())) }) // who can be asked nothing is refused
		}
		all.Wait()
		if took := time.Since(began); took != 2*each || m.of("cache_wait") != 9 || s.asked.Load() != 10 {
			t.Errorf("ten took %s and %d requests, and %d of them waited for another", took, s.asked.Load(), m.of("cache_wait"))
		}
	})
}

// An error is given to who asked, and kept for nobody: the next who waits asks itself.
// Who waits leaves when its own time is over.
func TestRES16_WhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.result = func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Hour):
				}
				return nil, context.Cause(r.Context())
			}
			return tells(minute)(n, r)
		}
		p, m := shelfPool(t, s, nil)
		leader, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var failed error
		wg.Go(func() {
			failed = p.Forward(leader, readBy(t, nobody()), func(context.Context, *gate.Message) error { return nil })
		})
		synctest.Wait()
		hasty, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		wg.Go(func() {
			err := p.Forward(hasty, readBy(t, nobody()), func(context.Context, *gate.Message) error { return nil })
			if err == nil || !errors.Is(hasty.Err(), context.DeadlineExceeded) {
				t.Errorf("who has a second waits for longer: %v", err)
			}
		})
		for range 10 {
			wg.Go(func() {
				if got := number(t, p, readBy(t, nobody())); got != 2 {
					t.Errorf("it gets answer %d", got)
				}
			})
		}
		time.Sleep(2 * time.Second)
		if n := s.asked.Load(); n != 1 {
			t.Errorf("%d requests while one is under way", n)
		}
		cancel() // the one who asked goes
		wg.Wait()
		if failed == nil {
			t.Error("who left got an answer")
		}
		if n := s.asked.Load(); n != 2 || m.of("cache_hit") != 9 {
			t.Errorf("%d requests and %d hits, want 2 and 9", n, m.of("cache_hit"))
		}
	})
}

// Whatever is kept, its memory is bounded, and what is over time is removed.
func TestMHB16_KeptWithinBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{result: tells(minute + `,"x":"` + strings.Repeat("x", 900<<10) + `"`)}
		p, _ := shelfPool(t, s, nil)
		for i := range 40 {
			number(t, p, saidBy(t, nobody(), fmt.Sprintf(`"method":"resources/read","params":{"uri":"a:%d",%s}`, i, meta)))
		}
		if n, bytes := p.Kept(); n == 0 || n > 40 || bytes > 32<<20 {
			t.Errorf("%d answers of %d bytes are kept", n, bytes)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if n, bytes := p.Kept(); n != 0 || bytes != 0 {
			t.Errorf("when their time is over %d answers of %d bytes are kept", n, bytes)
		}
	})
}

// A hit costs its copy of the answer and little else.
func BenchmarkRecall(b *testing.B) {
	s := &shelf{result: tells(minute + `,"x":"` + strings.Repeat("x", 8<<10) + `"`)}
	p, err := upstream.New(upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", URL: "http://up.example/", Wire: s}}, Pins: approveAll(),
		Events: func(context.Context, gate.Event) error { return nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close(context.Background()) })
	if _, _, err := p.Items(b.Context(), readBy(b, nobody()), "up", gate.Tool); err != nil {
		b.Fatal(err)
	}
	ex := readBy(b, nobody())
	emit := func(context.Context, *gate.Message) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Forward(b.Context(), ex, emit); err != nil {
			b.Fatal(err)
		}
	}
	if s.asked.Load() > 2 {
		b.Errorf("%d requests", s.asked.Load())
	}
}
