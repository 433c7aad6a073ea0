package issuer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

func TestAUT29_Flood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, "", nil)
		exp := time.Now().Unix() + 3600
		var most, now int
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				i.set(func(*idp) { now++; most = max(most, now) })
				time.Sleep(time.Second)
				i.set(func(*idp) { now-- })
				if r.PostFormValue("token") == "alice" {
					reply(w, 200, "application/json", active("exp", exp))
				} else {
					reply(w, 200, "application/json", `{"active":false}`)
				}
				return true
			}
		})
		accepted(t, s, "alice")
		var flood sync.WaitGroup
		stop := make(chan struct{})
		for n := range 64 { // as fast as they are let, each from an address of its own
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
			flood.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					if got, err := s.Verify(context.Background(), from, rand.Text(), resource(ours)); err == nil {
						t.Errorf("a random token was accepted: %+v", got)
					}
					time.Sleep(500 * time.Millisecond)
				}
			})
		}
		for range 70 { // alice's answer is renewed meanwhile
			begin := time.Now()
			accepted(t, s, "alice")
			if took := time.Since(begin); took > time.Second { // what the issuer takes
				t.Errorf("alice waited for %s", took)
			}
			time.Sleep(time.Second)
		}
		close(stop)
		flood.Wait()
		if most < 32 || most > 40 {
			t.Errorf("%d questions at one time: this shows nothing, or there is no bound", most)
		}
		if _, good, bad := s.Remembered(); good != 1 || bad > 10_000 {
			t.Errorf("%d good and %d bad are remembered", good, bad)
		}
	})
}

// One address has eight questions at one time, and 64 that wait: others have their
// turn while it floods, and it is told at once when it goes on.
func TestAUT29_OneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, "", nil)
		release := make(chan struct{})
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.PostFormValue("token") != "honest" {
					<-release
				}
				reply(w, 200, "application/json", active("exp", time.Now().Unix()+60))
				return true
			}
		})
		ask := func(from, token string) error {
			_, err := s.Verify(context.Background(), netip.MustParseAddr(from), token, resource(ours))
			return err
		}
		var wg sync.WaitGroup
		for n := range 72 { // 2001:db8::/64 is one host's
			wg.Go(func() { _ = ask(fmt.Sprintf("2001:db8::%x", n), fmt.Sprint("t", n)) })
		}
		synctest.Wait()
		if n := i.count("/introspect"); n != 8 {
			t.Errorf("%d questions of one address are out", n)
		}
		begin := time.Now()
		if err := ask("2001:db8::ffff", "one-more"); err == nil || errors.Is(err, issuer.ErrInvalid) || time.Since(begin) > 0 {
			t.Errorf("one more: %v, after %s", err, time.Since(begin))
		}
		for _, other := range []string{"2001:db8:0:1::1", "192.0.2.1"} {
			if err := ask(other, "honest"); err != nil || time.Since(begin) > 0 {
				t.Errorf("another address: %v, after %s", err, time.Since(begin))
			}
		}
		close(release)
		wg.Wait()
		accepted(t, s, "one-more")
	})
}

// All have 32 questions at one time; who comes then waits for a turn, at most 3 s.
func TestAUT29_QuestionsAtOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, "", nil)
		release := make(chan struct{})
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, _ *http.Request) bool {
				<-release
				reply(w, 200, "application/json", active("exp", time.Now().Unix()+60))
				return true
			}
		})
		var wg sync.WaitGroup
		for n := range 40 {
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
			wg.Go(func() {
				if _, err := s.Verify(context.Background(), from, fmt.Sprint("t", n), resource(ours)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := i.count("/introspect"); n != 32 {
			t.Errorf("%d questions are out", n)
		}
		close(release)
		wg.Wait()
	})
}

func TestAUT29_BadTokensCostGoodOnesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, "", nil)
		answer := active("exp", time.Now().Unix()+3600)
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.PostFormValue("token"), "good") {
					reply(w, 200, "application/json", answer)
				} else {
					reply(w, 200, "application/json", `{"active":false}`)
				}
				return true
			}
		})
		for n := range 100 {
			accepted(t, s, fmt.Sprint("good", n))
		}
		for n := range 12_000 {
			refused(t, s, fmt.Sprint("bad", n))
		}
		before := i.count("/introspect")
		for n := range 100 {
			accepted(t, s, fmt.Sprint("good", n))
		}
		if n := i.count("/introspect"); n != before {
			t.Errorf("asked %d times about good tokens", n-before)
		}
		if _, _, bad := s.Remembered(); bad > 10_000 || bad < 5_000 {
			t.Errorf("%d refusals are remembered", bad)
		}
	})
}

// Those who ask the same together are answered together, and who leaves harms nobody.
func TestOneQuestionForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, active("exp", time.Now().Unix()+3600), nil)
		i.handler = func(http.ResponseWriter, *http.Request) bool { time.Sleep(time.Second); return false }
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Verify(first, nobody, "opaque", resource(ours)); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() {
				if _, err := verify(s, "opaque"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		leave()
		wg.Wait()
		if n := i.count("/introspect"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}
