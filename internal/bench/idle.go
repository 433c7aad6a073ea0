package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// idle is what a session costs a target that asks for nothing and holds no
// stream.
type idle struct {
	Target   string `json:"target"`
	Sessions int    `json:"sessions"`
	RSS      figure `json:"rss_bytes_per_session"`
	Heap     figure `json:"heap_bytes_per_session"` // doorward's own figure
}

// measureIdle opens sessions on a fresh process of each proxy: one that has
// been under load would put them into memory that it holds anyway.
func (s *stand) measureIdle(ctx context.Context) ([]idle, error) {
	var list []idle
	for _, name := range s.opts.targets {
		if name == direct || s.opts.sessions == 0 {
			continue
		}
		s.say("opening %d idle sessions on %s", s.opts.sessions, name)
		got, err := s.idleOn(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, got)
	}
	return list, nil
}

const idleWait = 2 * time.Minute

func (s *stand) idleOn(ctx context.Context, name string) (idle, error) {
	t, err := s.start(ctx, name)
	if err != nil {
		return idle{}, err
	}
	defer s.stop(t)
	n := s.opts.sessions
	var ends []endpoint // one for each key
	var wires []*wire
	for i := 0; i*sessionsPerKey < n; i++ {
		to := t.at
		if g := s.gateways[name]; g != nil {
			to.token = g.keys[i]
		}
		w, err := dial(ctx, to.address, time.Now().Add(idleWait))
		if err != nil {
			return idle{}, err
		}
		defer w.close()
		ends, wires = append(ends, to), append(wires, w)
	}
	// A session on each connection before the first reading, so that what a
	// connection and a principal take is not laid to the sessions.
	for i, w := range wires {
		if _, err := open(w, ends[i]); err != nil {
			return idle{}, err
		}
	}
	before, err := s.settle(ctx, t, wires[0])
	if err != nil {
		return idle{}, err
	}
	opened := 0
	for i, w := range wires {
		for j := 1; j < sessionsPerKey && opened+len(wires) < n; j++ {
			if _, err := open(w, ends[i]); err != nil {
				return idle{}, fmt.Errorf("session %d: %w", opened+1, err)
			}
			opened++
		}
	}
	after, err := s.settle(ctx, t, wires[0])
	if err != nil {
		return idle{}, err
	}
	per := float64(opened)
	return idle{
		Target: name, Sessions: opened,
		RSS:  figure((after.rss - before.rss) / per),
		Heap: figure((after.heap - before.heap) / per),
	}, nil
}

// level is how much memory a process holds, garbage aside.
type level struct{ rss, heap float64 }

const (
	nudges     = 100 // calls between two readings
	maxReading = 400 // until two garbage collections are seen
	afterCycle = 12  // readings around them, whose smallest counts
)

// settle makes calls until the process has collected its garbage twice, and
// takes the lowest heap that it shows from then on: what is alive, but for what
// a hundred calls leave behind.
func (s *stand) settle(ctx context.Context, t *target, w *wire) (level, error) {
	got := level{heap: math.NaN()}
	c := newCall(t.at, stateless, "", 100)
	first := math.NaN()
	seen := 0
	for i := 0; i < maxReading && seen < afterCycle; i++ {
		for range nudges {
			c.stamp(s.nextID())
			a, err := w.roundTrip(c.raw)
			if err == nil {
				err = c.check(a)
			}
			if err != nil {
				return got, err
			}
		}
		if t.metrics == "" {
			seen++
			continue
		}
		m, err := readMemory(ctx, t.metrics)
		if err != nil {
			return got, err
		}
		if math.IsNaN(first) {
			first = m.cycles
		}
		if m.cycles < first+2 {
			continue
		}
		seen++
		if !(got.heap <= m.heap) {
			got.heap = m.heap
		}
	}
	got.rss = residentSet(t.proc.pid())
	return got, nil
}
