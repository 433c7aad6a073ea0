//go:build linux

package stress_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDUR12_TheMachineTakesAway ends or stops the gateway as a machine does, under the
// calls of 16 clients: for want of memory, at a fault of the processor, and for a while.
// What was answered has its outcome on record, what was executed its intent, and whoever
// was revoked meanwhile is let in no more. What a loss of power leaves is shown by
// TestDUR01_DUR02_DUR03_EveryFailpoint.
func TestDUR12_TheMachineTakesAway(t *testing.T) {
	d := &dying{}
	d.begin(t, doorward)
	for name, take := range map[string]func(t *testing.T){
		"memory": func(t *testing.T) { d.exhaust(t) },
		"fault":  func(t *testing.T) { d.signal(t, syscall.SIGSEGV) },
		"time":   func(t *testing.T) { d.suspend(t) },
	} {
		t.Run(name, take)
	}
	d.start(t, "")
	d.g.stop()
	d.g.verify()
	t.Logf("%d calls answered, %d executed, %d left without an outcome", d.answered, d.web.calls.Load(), len(d.open))
}

// crowd runs 16 clients until the gateway is dead or done is closed. With weight each of
// their calls is followed by one of 512 KiB that is refused, for there is no such tool.
func (d *dying) crowd(t *testing.T, weight bool, done <-chan struct{}) (wait func()) {
	t.Helper()
	all := make([][]seen, 16)
	var wg sync.WaitGroup
	for i := range all {
		c := d.g.client(fmt.Sprintf("%s-c%d", filepath.Base(t.Name()), i), d.keys[1+i%3], stateless, "web")
		wg.Go(func() {
			defer c.close()
			if c.open() != nil {
				return
			}
			for j := 0; ; j++ {
				select {
				case <-done:
					return
				default:
				}
				canary := fmt.Sprintf("%s/%d", c.name, j)
				r, err := c.call(strconv.Quote(canary), "echo", canary)
				if err == nil && r.text() == canary {
					all[i] = append(all[i], seen{canary, r.exchange})
				}
				if err == nil && weight {
					_, err = c.call("0", "nothing", strings.Repeat("x", 512<<10))
				}
				if err != nil {
					return // it is dead
				}
			}
		})
	}
	return func() {
		wg.Wait()
		for _, list := range all {
			d.acked = append(d.acked, list...)
		}
	}
}

// exhaust lets the gateway run into the end of its address space (RLIMIT_AS): the next
// time that its heap grows, it is dead. It stands for the kernel's killer, which needs a
// group of processes that a test may limit.
func (d *dying) exhaust(t *testing.T) {
	t.Helper()
	d.start(t, "")
	before := d.web.calls.Load()
	wait := d.crowd(t, true, nil)
	within(t, patience, "calls are answered", func() bool { return d.web.calls.Load() > before+100 })
	if err := unix.Prlimit(d.g.cmd.Process.Pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: 64 << 20, Max: 64 << 20}, nil); err != nil {
		t.Fatal(err)
	}
	d.dead(t, wait)
}

func (d *dying) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	d.start(t, "")
	before := d.web.calls.Load()
	wait := d.crowd(t, false, nil)
	within(t, patience, "calls are answered", func() bool { return d.web.calls.Load() > before+100 })
	if err := d.g.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	d.dead(t, wait)
}

// dead waits for the end of the gateway, and looks at what it left with the next.
func (d *dying) dead(t *testing.T, wait func()) {
	t.Helper()
	select {
	case <-d.g.ended:
	case <-time.After(patience):
		d.g.kill()
		t.Error("it is still alive")
	}
	if d.g.cmd.ProcessState.Success() {
		t.Error("it has ended in peace")
	}
	wait()
	if len(d.acked) == 0 {
		t.Error("no call was answered before")
	}
	d.deaths++
	d.start(t, "")
	d.g.kill()
}

// suspend stops the gateway for as long as STOPPED_FOR says, or for longer than a list of
// what is revoked may be old, 5 s. Meanwhile a key is revoked, and a call with it waits at
// the door.
func (d *dying) suspend(t *testing.T) {
	t.Helper()
	long := 5200 * time.Millisecond
	if text := os.Getenv("STOPPED_FOR"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	d.start(t, "")
	victim := d.g.client("victim", d.keys[0], stateless, "web")
	defer victim.close()
	if err := victim.open(); err != nil {
		t.Fatal(err)
	}
	if _, err := victim.echo(`"victim/before"`, "victim/before"); err != nil {
		t.Fatal(err)
	}
	before := d.web.calls.Load()
	done := make(chan struct{})
	wait := d.crowd(t, false, done)
	within(t, patience, "calls are answered", func() bool { return d.web.calls.Load() > before+100 })
	if err := d.g.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	d.revokeByHand(t, "key0")
	<-time.After(long - time.Second) // a client waits for no longer than its patience
	late := make(chan string, 1)
	go func() {
		r, err := victim.call("2", "echo", "victim/after")
		if err != nil {
			late <- err.Error()
			return
		}
		late <- r.refusal()
	}()
	<-time.After(time.Second)
	if err := d.g.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// Either list may be the one that is too old to judge by, or the key is known as revoked.
	if code := <-late; !strings.HasPrefix(code, "identity.") && code != "contained.unavailable" {
		t.Errorf("whoever was revoked meanwhile: %q", code)
	}
	close(done)
	wait()
	other := d.g.client("other", d.keys[1], stateless, "web")
	defer other.close()
	if err := other.open(); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "the others are served again", func() bool {
		_, err := other.echo(`"other/after"`, "other/after")
		return err == nil
	})
	if d.web.has("victim/after") {
		t.Error("the call of whoever was revoked meanwhile was executed")
	}
	d.judge(t)
	d.g.kill()
}

// revokeByHand writes revoked.json as a gateway on the same data_dir would: nobody can
// ask one that stands still.
func (d *dying) revokeByHand(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.g.dir, "data", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Keys []struct{ ID, Name string } }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, k := range all.Keys {
		if k.Name == name {
			text := fmt.Sprintf(`{"version":1,"revoked":[{"kind":"key","value":%q,"at":%q}]}`, k.ID, time.Now().UTC().Format(time.RFC3339))
			if err := os.WriteFile(filepath.Join(d.g.dir, "data", "revoked.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("there is no key %s in %s", name, text)
}
