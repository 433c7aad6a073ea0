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

// A package is looked at once for all commands of a server that are of it, and a change of it is seen of each.
func TestPOL34CommandsOfOnePackage(t *testing.T) {
	t.Parallel()
	pack := filepath.Join(t.TempDir(), "node_modules", "tools")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(pack, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(pack, 0o700); err != nil {
		t.Fatal(err)
	}
	write("package.json", `{"name": "tools", "version": "1"}`)
	write("a", "#!/bin/sh\n")
	write("b", "#!/bin/sh\n")
	s := &server{pool: &Pool{}, set: Settings{Name: "up", Builtin: "commands", Runs: map[string]Run{
		"a": {Argv: []string{filepath.Join(pack, "a")}}, "b": {Argv: []string{filepath.Join(pack, "b")}},
	}}}
	was, kept, err := s.described()
	if err != nil || kept || len(was.packs) != 1 || len(was.runs) != 2 {
		t.Fatalf("%d packages of %d commands, %v, %v", len(was.packs), len(was.runs), kept, err)
	}
	if _, kept, err := s.described(); err != nil || !kept {
		t.Errorf("nothing was changed, and it is looked at anew: %v", err)
	}
	write("library", "other")
	now, kept, err := s.described()
	if err != nil || kept || now.item.Digest == was.item.Digest {
		t.Fatalf("the package is another, and it is what it was: %v, %v", kept, err)
	}
	for _, name := range []string{"a", "b"} {
		if now.runs[name].id.Package.Files == was.runs[name].id.Package.Files {
			t.Errorf("command %s has the files of before", name)
		}
	}
}
