package upstream_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// A process that was started with a key does not get it into the log, and the one
// that answers lists was started without.
func TestPerCall_KeyIsNotLogged(t *testing.T) {
	t.Parallel()
	logged := &lockedBuffer{}
	p, _ := perCall(t, "tells", func(c *upstream.Config) {
		c.Upstreams[0].Env = startedWith("TOKEN")
		c.Log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ex := with(exchange(t, newSession("a"), "up", call("echo", `{}`)), "canary-7Qx")
	if _, _, err := p.Items(t.Context(), ex, "up", gate.Tool); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "both lines of the list's process", func() bool { return strings.Count(logged.String(), "the token is") == 2 })
	if _, err := forward(t, p, ex); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "both lines of the call's", func() bool { return strings.Count(logged.String(), "the token is [secret]") == 2 })
	if strings.Contains(logged.String(), "canary") {
		t.Errorf("logged: %s", logged)
	}
}

// A call that waits in a process goes on with the key that the process was started
// with, and with no other.
func TestPerCall_ParkedCallKeepsItsKey(t *testing.T) {
	t.Parallel()
	p, c := perCall(t, "who", nil)
	got, err := forward(t, p, with(exchange(t, nil, "up", modernCall("ask", `{}`)), "canary-a"))
	key, state := inputRequired(t, got, err)
	if now, _, _ := c.of(); now != 1 {
		t.Errorf("%d processes wait", now)
	}
	waiting := upstream.Remains(p)
	_, err = forward(t, p, with(exchange(t, nil, "up", retryOf("ask", `{}`, key, `{"action":"decline"}`, state)), "canary-b"))
	if public := wantKeyFault(t, err); !strings.Contains(public, "another key") {
		t.Errorf("told %q", public)
	}
	eventually(t, 10*time.Second, "its process has ended", func() bool { now, _, _ := c.of(); return now == 0 })
	_, err = forward(t, p, with(exchange(t, nil, "up", retryOf("ask", `{}`, key, `{"action":"decline"}`, state)), "canary-a"))
	wantCode(t, err, gate.CodeParams)
	if st := p.Status()[0]; st.Sessions > 1 || st.Children != 0 {
		t.Errorf("%+v", st)
	}
	if found := left(t, p, "canary"); len(found) != 0 {
		t.Errorf("keys are left in %q", found)
	}
	for _, path := range holds(waiting, "canary") {
		if !strings.Contains(path, ".link.secrets.watch.") { // which are taken out of what it writes, while it runs
			t.Errorf("while the call waits its key is in %s", path)
		}
	}
}

// A key with which the command does not start is its client's affair: others are
// served at once.
func TestPerCall_BadKeyClosesNothingToOthers(t *testing.T) {
	t.Parallel()
	p, _ := perCall(t, "picky", nil)
	for range 2 {
		for _, ex := range []*gate.Exchange{exchange(t, newSession("a"), "up", call("who", `{}`)), exchange(t, nil, "up", modernCall("who", `{}`))} {
			_, err := forward(t, p, with(ex, "bad-key"))
			if err == nil || strings.Contains(err.Error(), "next attempt") {
				t.Fatalf("error %v", err)
			}
		}
		for _, ex := range []*gate.Exchange{exchange(t, newSession("b"), "up", call("who", `{}`)), exchange(t, nil, "up", modernCall("who", `{}`))} {
			ex.Principal.Subject = "b"
			if got, err := forward(t, p, with(ex, "canary-b")); err != nil || field(t, got[0], "key") != `"`+digestOf("canary-b")+`"` {
				t.Fatalf("got %v, error %v", got, err)
			}
		}
	}
}
