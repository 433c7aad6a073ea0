package monitor_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// Of a principal who is forgotten neither the file nor a later alert has anything, and
// the count that an alert has not told yet is told (GDP-03).
func TestForgottenPrincipal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "profiles.json")
	set := &monitor.Settings{DeniedCalls: monitor.Limit{N: 1, Per: time.Hour}, Repeat: time.Hour, UnusualTools: true, MinHistory: 1}
	synctest.Test(t, func(t *testing.T) {
		var raised []monitor.Alert
		c := monitor.Config{
			Settings: func() *monitor.Settings { return set }, Pulse: func() monitor.Pulse { return monitor.Pulse{} },
			Raise:   func(a monitor.Alert) { raised = append(raised, a) },
			Further: func([]monitor.Alert) {},
			Record:  func(context.Context, gate.Event) error { return nil }, Path: path, Key: monitor.Key{1}, Log: slog.New(slog.DiscardHandler),
		}
		m, err := monitor.New(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); m.Run(ctx) }()
		alice, bob := &gate.Principal{Realm: "r", Subject: "alice"}, &gate.Principal{Realm: "r", Subject: "bob"}
		for _, who := range []*gate.Principal{alice, bob, alice} {
			for _, e := range []monitor.Event{
				{Status: "ok", Upstream: "up", Tool: "a", Address: netip.MustParseAddr("192.0.2.7")}, {Status: "refused", Code: "policy.denied", Upstream: "up"},
			} {
				e.Who, e.At = who, time.Now()
				m.Tell(&e)
			}
			time.Sleep(time.Second)
		}
		if k, ok, err := m.Known(alice); !ok || err != nil || k.Calls != 2 || len(k.Networks) != 1 {
			t.Errorf("known: %+v, %v, %v", k, ok, err)
		}
		before := len(raised)
		if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		if ok, err := m.Forget(alice); !ok || err == nil {
			t.Errorf("forgetting without a disk: %v, %v", ok, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if ok, err := m.Forget(alice); ok || err != nil {
			t.Errorf("again: %v, %v", ok, err)
		}
		if content, err := os.ReadFile(path); err != nil || strings.Count(string(content), `"key"`) != 1 {
			t.Errorf("on disk: %s, %v", content, err)
		}
		stop()
		<-ended
		told := int64(0)
		for _, a := range raised[before:] {
			if a.Subject.Value == "alice" {
				t.Errorf("an alert afterwards: %+v", a)
			}
			if a.Subject == (monitor.Subject{Kind: monitor.OfPrincipal}) {
				told += a.Count
			}
		}
		if told != 1 {
			t.Errorf("%d is told without a name", told)
		}
		cold, err := monitor.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := cold.Known(bob); !ok || err != nil {
			t.Errorf("of one that does not run: %v, %v", ok, err)
		}
		if ok, err := cold.Forget(bob); !ok || err != nil {
			t.Errorf("of one that does not run: %v, %v", ok, err)
		}
		if _, ok, _ := cold.Known(bob); ok {
			t.Error("it is known again")
		}
	})
}
