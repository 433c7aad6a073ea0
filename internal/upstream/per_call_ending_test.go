package upstream_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// A call that is cancelled, late, or whose session or upstream ends takes its
// process with it, whether it has begun or is still starting.
func TestPerCall_EndsWithItsCall(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"who", "silent"} {
		for name, end := range map[string]func(t *testing.T, p *upstream.Pool, session *gate.Session, leave func()){
			"cancelled":      func(_ *testing.T, _ *upstream.Pool, _ *gate.Session, leave func()) { leave() },
			"late":           func(*testing.T, *upstream.Pool, *gate.Session, func()) {},
			"session closed": func(_ *testing.T, p *upstream.Pool, session *gate.Session, _ func()) { p.CloseSession(session) },
			"reconfigured": func(t *testing.T, p *upstream.Pool, _ *gate.Session, _ func()) {
				if _, err := p.Reconfigure(nil); err != nil {
					t.Error(err)
				}
			},
			"closed": func(t *testing.T, p *upstream.Pool, _ *gate.Session, _ func()) {
				if err := p.Close(t.Context()); err != nil {
					t.Error(err)
				}
			},
			"cancelled by its client": func(t *testing.T, p *upstream.Pool, session *gate.Session, _ func()) {
				if _, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)); err != nil {
					t.Error(err)
				}
			},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				t.Parallel()
				p, c := perCall(t, mode, func(cfg *upstream.Config) {
					if name == "late" {
						cfg.Upstreams[0].Timeout = 3 * time.Second // with the start of the process
					}
				})
				session := newSession("a")
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				begun, ended := make(chan struct{}, 1), make(chan error, 1)
				go func() {
					raw := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","_meta":{"progressToken":"t"}}}`
					ended <- p.Forward(ctx, with(exchange(t, session, "up", raw), "canary-a"), func(context.Context, *gate.Message) error {
						begun <- struct{}{}
						return nil
					})
				}()
				if mode == "silent" {
					eventually(t, 10*time.Second, "the process starts", func() bool { _, _, all := c.of(); return all == 1 })
				} else {
					select {
					case <-begun:
					case err := <-ended: // late, where the machine is
						ended <- err
					}
				}
				end(t, p, session, leave)
				select {
				case err := <-ended:
					if err == nil {
						t.Error("the call ended well")
					}
				case <-time.After(time.Minute):
					t.Fatal("the call goes on")
				}
				eventually(t, 10*time.Second, "the process has ended", func() bool { now, _, _ := c.of(); return now == 0 })
				if _, _, all := c.of(); all != 1 {
					t.Errorf("%d processes were started", all)
				}
			})
		}
	}
}

// Nothing that the process started outlasts it either.
func TestPerCall_LeavesNoGrandchild(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pids")
	p, _ := perCall(t, "grandchild", func(c *upstream.Config) {
		c.Upstreams[0].Command, c.Upstreams[0].Env = childCommand("grandchild", file), startedWith("KEY")
	})
	for n := range 2 {
		ctx, leave := context.WithCancel(t.Context())
		raw := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","_meta":{"progressToken":"t"}}}`
		err := p.Forward(ctx, with(exchange(t, newSession("a"), "up", raw), "canary-a"), func(context.Context, *gate.Message) error {
			eventually(t, 10*time.Second, "the grandchild runs", func() bool { return len(pidsIn(t, file)) == n+1 })
			leave()
			return nil
		})
		if err == nil {
			t.Error("the call ended well")
		}
		eventually(t, 20*time.Second, "the grandchild is dead", func() bool {
			return !slices.ContainsFunc(pidsIn(t, file), alive) && p.Status()[0].Children == 0
		})
	}
}

// There are never more processes than calls may be under way, not even while they
// end, and whoever waits gets a turn.
func TestPerCall_IsBounded(t *testing.T) {
	t.Parallel()
	p, c := perCall(t, "who", func(cfg *upstream.Config) { cfg.Upstreams[0].Concurrency = 2 })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			session := newSession(fmt.Sprint(i))
			if _, err := forward(t, p, with(exchange(t, session, "up", call([]string{"who", "crash"}[i%2], `{}`)), "canary-a")); (err != nil) != (i%2 == 1) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	eventually(t, 10*time.Second, "all have ended", func() bool { now, _, _ := c.of(); return now == 0 })
	if _, most, all := c.of(); most > 2 || all != 8 {
		t.Errorf("%d processes at once of %d", most, all)
	}
}
