package upstream

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorward/internal/gate"
)

// lenient are pins that let everything be reached, until they do not.
type lenient struct {
	Pins
	no bool
}

func (p *lenient) ReachAllowed(gate.Item) gate.Verdict {
	if p.no {
		return gate.Verdict{Effect: gate.Deny}
	}
	return gate.Pass()
}

func (*lenient) ServerAllowed(string, gate.Digest, []byte) gate.Verdict { return gate.Pass() }

// What a command is stays known for a second, for answers that are kept; whether it is approved is asked
// each time.
func TestMHB16_WhatACommandIsStaysKnown(t *testing.T) {
	t.Parallel()
	command := filepath.Join(t.TempDir(), "command")
	if err := os.WriteFile(command, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	pins := &lenient{}
	p := &Pool{cfg: Config{Pins: pins}}
	s := &server{pool: p, set: Settings{Name: "up", Command: []string{command}}}
	had, now := &keptAnswer{hello: &hello{}}, time.Now()
	check := func(what string, at time.Time, want bool) {
		t.Helper()
		if got := s.stands(had, at); got != want {
			t.Errorf("%s: an answer that is kept stands: %v", what, got)
		}
	}
	check("at first", now, true)
	if err := os.Remove(command); err != nil {
		t.Fatal(err)
	}
	check("in the same second", now.Add(identifiedFor-1), true)
	pins.no = true
	check("that is approved no more, in the same second", now.Add(identifiedFor-1), false)
	pins.no = false
	check("a second later", now.Add(identifiedFor), false)
	check("that was not there the last time", now.Add(identifiedFor+1), false)
}
