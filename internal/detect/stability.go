package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// How often a case is judged again, how many are at most, and which part of them.
const (
	repeats = 20
	watched = 200
	part    = 0.02
)

// maxUnstable bounds how many unstable verdicts are named.
const maxUnstable = 20

// repeat judges some cases again and again, definitions with their keys in
// another order each time, and names those whose findings differ.
func (s *survey) repeat(cases []Case, h *house) error {
	for i := range cases {
		c := &cases[i]
		if s.again >= watched || len(s.report.Unstable) >= maxUnstable {
			return nil
		}
		if portion("again "+c.ID) >= part {
			continue
		}
		s.again++
		for _, f := range families(c) {
			same, err := f.stable(c, h)
			if err != nil {
				return err
			}
			if !same {
				s.report.Unstable = append(s.report.Unstable, c.ID+" ("+f.name+")")
			}
		}
	}
	return nil
}

// stable says whether the family gives the same verdict every time.
func (f *family) stable(c *Case, h *house) (bool, error) {
	first, err := f.ask(c, h)
	if err != nil {
		return false, err
	}
	want := fingerprint(first.findings)
	r := seeded(uint64(len(c.ID)), repeats)
	for range repeats {
		again := *c
		if c.Tool != nil {
			again.Tool = shuffled(c.Tool, r)
		}
		v, err := f.ask(&again, h)
		if err != nil {
			return false, err
		}
		if v.worst != first.worst || fingerprint(v.findings) != want {
			return false, nil
		}
	}
	return true, nil
}

// fingerprint is the findings, in an order of its own: that of the text
// changes with the order of keys.
func fingerprint(findings []gate.Finding) string {
	lines := make([]string, len(findings))
	for i := range findings {
		lines[i] = fmt.Sprintf("%+v", findings[i])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// shuffled is the same JSON value with the keys of every object in another
// order.
func shuffled(value json.RawMessage, r *rand.Rand) json.RawMessage {
	var members map[string]json.RawMessage
	var elements []json.RawMessage
	switch {
	case json.Unmarshal(value, &members) == nil && members != nil:
		names := make([]string, 0, len(members))
		for name := range members {
			names = append(names, name)
		}
		slices.Sort(names)
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		parts := make([][]byte, len(names))
		for i, name := range names {
			parts[i] = append(append(raw(name), ':'), shuffled(members[name], r)...)
		}
		return slices.Concat([]byte{'{'}, bytes.Join(parts, []byte{','}), []byte{'}'})
	case json.Unmarshal(value, &elements) == nil && elements != nil:
		parts := make([][]byte, len(elements))
		for i := range elements {
			parts[i] = shuffled(elements[i], r)
		}
		return slices.Concat([]byte{'['}, bytes.Join(parts, []byte{','}), []byte{']'})
	}
	return value
}
