package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// The crowd of RES-13: clients that all use the same id, ten with each key.
const (
	crowdSize  = 200
	crowdKeys  = 20
	crowdCalls = 2 // of each client
)

// shuffler holds answers back until enough of them wait, or for a moment, and
// lets them go in any order.
type shuffler struct {
	mu      sync.Mutex
	waiting []chan struct{}
}

const (
	shuffled     = 24
	shuffledWait = 3 * time.Millisecond
)

func (s *shuffler) hold() {
	mine := make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, mine)
	switch len(s.waiting) {
	case shuffled:
		s.release()
	case 1:
		time.AfterFunc(shuffledWait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.release()
		})
	}
	s.mu.Unlock()
	<-mine
}

// release needs mu.
func (s *shuffler) release() {
	rand.Shuffle(len(s.waiting), func(i, j int) { s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i] })
	for _, c := range s.waiting {
		close(c)
	}
	s.waiting = nil
}

// RES-13: two hundred clients use the id 1 at the same time, the upstream answers
// in any order, and everybody gets their own answer, whatever the eras. Where a
// stateless client's calls are translated, all of its key share one session.
func TestRES13_EverybodyTheirOwnAnswer(t *testing.T) {
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			s := gatetest.Script{Tools: rawTools("echo"), Eras: []string{"stateful"}}
			if p.stateless {
				s.Eras[0] = "stateless"
			}
			var order shuffler
			up := answering(t, s)
			up.on("tools/call", func(params []byte) string {
				var p struct{ Arguments struct{ Canary string } }
				_ = json.Unmarshal(params, &p) // what is no canary is nobody's
				order.hold()
				return fmt.Sprintf(`{"content":[{"type":"text","text":%q}]}`, p.Arguments.Canary)
			})
			gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+up.URL()+`", limits: {concurrency: 256}}}`, nil)
			gw.Approve("")
			var keys []string
			for i := range crowdKeys {
				keys = append(keys, gw.Key(fmt.Sprint("key", i)))
			}
			start := time.Now()
			var wg sync.WaitGroup
			for i := range crowdSize {
				c := gw.Client(fmt.Sprint("client", i), keys[i%crowdKeys])
				wg.Go(func() {
					c.Open(p.version)
					for n := range crowdCalls {
						canary := fmt.Sprintf("canary-%d-%d-", i, n)
						r := c.Call("up__echo", `{"canary":"`+canary+`"}`)
						if got := string(r.Final()); !r.OK() || !strings.Contains(got, `"id":1,`) || strings.Count(got, "canary-") != 1 || !strings.Contains(got, `"`+canary+`"`) {
							t.Errorf("client %d, call %d: %s", i, n, r)
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d calls of %d clients in %s", crowdSize*crowdCalls, crowdSize, time.Since(start).Round(time.Millisecond))
		})
	}
}
