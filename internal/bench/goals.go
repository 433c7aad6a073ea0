package main

import (
	"fmt"
	"math"
)

// goal is one of the figures that Doorward must reach, first and then.
type goal struct {
	What     string `json:"what"`
	Measured figure `json:"measured"`
	First    figure `json:"first"`
	Then     figure `json:"then"`     // may be missing
	AtLeast  bool   `json:"at_least"` // else at most
	FirstMet bool   `json:"first_met"`
	ThenMet  bool   `json:"then_met"`
	decimals int
}

func (g *goal) relation() string {
	if g.AtLeast {
		return "≥"
	}
	return "≤"
}

// The goals are stated for this cell.
const (
	goalConnections = 16
	goalPayload     = 100
	// The bare proxy took this much CPU a call, in µs, where the goals were set:
	// they scale with what it takes here.
	goalProxyCPU = 60
)

// judge compares what was measured with the goals, as far as it was measured.
func (r *report) judge() {
	for _, e := range []era{stateful, stateless} {
		d, ok := r.find(doorward, cell{e, goalConnections, goalPayload})
		if !ok {
			continue
		}
		in := " (" + e.String() + ", 16 × 100B)"
		if proxy, ok := r.find(revproxy, cell{e, goalConnections, goalPayload}); ok {
			scale := proxy.CPU / goalProxyCPU
			r.goal(goal{What: "requests/s ÷ revproxy's" + in, Measured: d.OfProxy, First: 0.6, Then: 1, AtLeast: true, decimals: 2})
			r.goal(goal{What: "p99 ÷ revproxy's" + in, Measured: d.P99OfProxy, First: 1.5, Then: 1, decimals: 2})
			r.goal(goal{What: "CPU µs a call" + in, Measured: d.CPU, First: 100 * scale, Then: 60 * scale, decimals: 1})
		}
		r.goal(goal{What: "allocations a call" + in, Measured: d.Allocs, First: 60, Then: 20, decimals: 1})
		r.bounds(e, d)
		r.recording(e, d)
	}
	for _, i := range r.Idle {
		if i.Target == doorward {
			r.goal(goal{What: "idle session, KiB", Measured: i.RSS / 1024, First: 20, Then: 1, decimals: 1})
		}
	}
	for _, s := range r.Starts {
		if s.Target == doorward {
			r.goal(goal{What: "start to first answered call, ms", Measured: s.Call, First: 100, Then: 30, decimals: 1})
		}
	}
}

// bounds adds what has one bound and no second one.
func (r *report) bounds(e era, d row) {
	none := figure(math.NaN())
	r.goal(goal{What: "RSS under load, MiB (" + e.String() + ", 16 × 100B)", Measured: d.RSS / (1 << 20), First: 40, Then: none, decimals: 1})
	for _, n := range []int{1, maxLarge} {
		if big, ok := r.find(doorward, cell{e, n, large}); ok {
			what := fmt.Sprintf("CPU ms a call (%s, %d × 1MB)", e, n)
			r.goal(goal{What: what, Measured: big.CPU / 1e3, First: 5, Then: none, decimals: 1})
		}
	}
}

// recording adds what the record may cost, where that was measured.
func (r *report) recording(e era, d row) {
	if _, ok := r.find(unrecorded, d.cell()); !ok {
		return
	}
	none := figure(math.NaN())
	r.goal(goal{What: "requests/s ÷ those without a record (" + e.String() + ", 16 × 100B)", Measured: d.OfUnrecorded, First: 0.85, Then: none, AtLeast: true, decimals: 2})
	if one, ok := r.find(doorward, cell{e, 1, goalPayload}); ok {
		r.goal(goal{What: "p50 µs that the record adds (" + e.String() + ", 1 × 100B)", Measured: one.P50Recording, First: 200, Then: none, decimals: 0})
	}
}

// goal adds g with its verdicts. What could not be measured is not met.
func (r *report) goal(g goal) {
	met := func(bound figure) bool { // never of NaN, which compares with nothing
		if g.AtLeast {
			return g.Measured >= bound
		}
		return g.Measured <= bound
	}
	g.FirstMet, g.ThenMet = met(g.First), met(g.Then)
	r.Goals = append(r.Goals, g)
}

func (r *report) find(target string, c cell) (row, bool) {
	for _, row := range r.Rows {
		if row.Target == target && row.cell() == c {
			return row, true
		}
	}
	return row{}, false
}
