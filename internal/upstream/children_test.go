package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

const ownChildren = 32

// A principal that begins session after session holds a bounded number of
// processes, and only its own sessions pay for it.
func TestChildrenOfOnePrincipal(t *testing.T) {
	t.Parallel()
	var count starts
	p := newPool(t, upstream.Config{Meter: &count, Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("echo")}}})
	mine := make([]*gate.Session, ownChildren+1)
	for i := range mine {
		mine[i] = newSession(fmt.Sprint("s", i))
		mine[i].Owner = "greedy"
	}
	use := func(session *gate.Session, starts int32) {
		t.Helper()
		before := count.Load()
		if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil {
			t.Fatalf("session %s: %v", session.ID, err)
		}
		if n := count.Load() - before; n != starts {
			t.Errorf("session %s: %d processes were started, want %d", session.ID, n, starts)
		}
	}
	other := newSession("other")
	use(other, 1)
	for _, session := range mine {
		use(session, 1)
	}
	if n := p.Status()[0].Children; n != ownChildren+1 {
		t.Errorf("%d children, want %d and the other principal's", n, ownChildren)
	}
	use(mine[2], 0)
	use(mine[0], 1) // its process was the longest idle one and has made room; now that of 1 does
	use(other, 0)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg, hung sync.WaitGroup
	for i, session := range mine {
		if i == 1 {
			continue
		}
		hung.Add(1)
		wg.Go(func() {
			var once sync.Once
			msg := `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"hang","_meta":{"progressToken":"t"}}}`
			_ = p.Forward(ctx, exchange(t, session, "up", msg), func(context.Context, *gate.Message) error {
				once.Do(hung.Done)
				return nil
			})
		})
	}
	hung.Wait()
	for range 2 { // and it is no reason to back off
		_, err := forward(t, p, exchange(t, mine[1], "up", call("echo", `{}`)))
		wantCode(t, err, gate.CodeUpstreamBusy)
		if e, ok := errors.AsType[*gate.Error](err); !ok || !strings.Contains(e.Public, "all of them are busy") {
			t.Errorf("error %#v", err)
		}
	}
	use(other, 0)
	cancel()
	wg.Wait()
	use(mine[1], 1)
}

// Sessions that begin at the same time never run more than the bound.
func TestChildrenOfOnePrincipalAtOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("echo")}}})
	var wg sync.WaitGroup
	for i := range ownChildren + 8 {
		wg.Go(func() {
			session := newSession(fmt.Sprint("s", i))
			session.Owner = "greedy"
			if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil && gate.CodeOf(err) != gate.CodeUpstreamBusy {
				t.Errorf("session %d: %v", i, err)
			}
			if n := p.Status()[0].Children; n > ownChildren {
				t.Errorf("%d children", n)
			}
		})
	}
	wg.Wait()
}
