//go:build linux

package stress_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
)

// failingDisk is DUR-05 of the whole gateway: from some write or sync on the disk
// answers EIO. What is not on record is not called: clients get refusals, the upstream
// gets nothing more, and after a restart on a disk that works the log verifies and has
// whatever was answered or executed before.
func failingDisk(t *testing.T, binary, fails string) {
	d := &dying{power: true}
	d.begin(t, binary)
	d.g.env = []string{"DOORWARD_FAILPOINT_DISK=" + fails}
	d.g.start()
	d.judge(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	clients := make([]*client, 16)
	for i := range clients {
		c := d.g.client(fmt.Sprintf("c%d", i), d.keys[i%len(d.keys)], stateless, "web")
		clients[i] = c
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		defer c.close()
		wg.Go(func() {
			for j := range 1000 {
				canary := fmt.Sprintf("%s/%d", c.name, j)
				r, err := c.call(strconv.Quote(canary), "echo", canary)
				switch {
				case err != nil:
					t.Error(err)
					return
				case r.refusal() == "audit.unavailable":
					return
				case r.text() != canary:
					t.Errorf("%s: %d %s", canary, r.status, r.raw)
					return
				}
				mu.Lock()
				d.acked = append(d.acked, seen{canary, r.exchange})
				mu.Unlock()
			}
			t.Errorf("%s: still no refusal", c.name)
		})
	}
	wg.Wait()
	before := d.web.calls.Load()
	for _, c := range clients {
		canary := c.name + "/after"
		if r, err := c.call(strconv.Quote(canary), "echo", canary); err != nil || r.refusal() != "audit.unavailable" {
			t.Errorf("%s: not refused as it must be: %+v, %v", canary, r, err)
		}
	}
	if n := d.web.calls.Load() - before; n != 0 || len(d.acked) == 0 {
		t.Errorf("%d calls were executed while nothing could be recorded, %d were answered before", n, len(d.acked))
	}
	d.g.kill()
	d.start(t, "")
	d.g.stop()
}
