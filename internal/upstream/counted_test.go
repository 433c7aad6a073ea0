package upstream

import (
	"context"
	"log/slog"
	"maps"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// counted is a Meter that keeps what it is told.
type counted map[string]int

// Count implements Meter.
func (c counted) Count(_, what string) { c[what]++ }

// What is declined beyond what is put on record, and what is told of tasks that a client has nothing to do with, is counted.
func TestMHB15_WhatIsCounted(t *testing.T) {
	t.Parallel()
	m, noted := counted{}, 0
	p := &Pool{log: slog.New(slog.DiscardHandler), cfg: Config{Meter: m, Events: func(context.Context, gate.Event) error { noted++; return nil }}}
	s := p.newServer(Settings{Name: "up", URL: "http://up.example/"})
	for range declinedNoted + 3 {
		s.declined(t.Context(), "sampling/createMessage")
	}
	if noted != declinedNoted {
		t.Errorf("%d are on record, want %d", noted, declinedNoted)
	}
	c, err := s.channel(channelKey{era: gate.Stateful, owner: owner{ofSession, "a"}}, &gate.Session{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	of, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"another's","status":"working","createdAt":"2026-11-28T00:00:00Z","lastUpdatedAt":"2026-11-28T00:00:00Z","ttl":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if shown := c.aboutTasks(of); shown != nil {
		t.Errorf("the client is told %s", shown.Raw)
	}
	if want := (counted{"declined": 3, "stray_task": 1}); !maps.Equal(m, want) {
		t.Errorf("counted %v, want %v", m, want)
	}
}
