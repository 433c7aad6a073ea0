package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxLarge is the most connections at which a large payload is measured.
const maxLarge = 16

// cells lists what is measured, in order: small payloads first, as a process
// keeps the memory that a large one took.
func (o *options) cells() [][]cell {
	var groups [][]cell
	for _, payload := range slices.Sorted(slices.Values(o.payloads)) {
		var group []cell
		for _, e := range o.eras {
			for _, n := range o.connections {
				if payload >= large && n > maxLarge {
					continue
				}
				group = append(group, cell{era: e, connections: n, payload: payload})
			}
		}
		groups = append(groups, group)
	}
	return groups
}

// measureMatrix starts every target and drives each with each cell, in
// alternation, so that what else the machine does meets them all.
func (s *stand) measureMatrix(ctx context.Context) ([]row, error) {
	var targets []*target
	for _, name := range s.opts.targets {
		t, err := s.start(ctx, name)
		if err != nil {
			return nil, err
		}
		defer s.stop(t)
		if s.gateways[name] != nil {
			if err := s.verifyControls(ctx, t); err != nil {
				return nil, err
			}
		}
		targets = append(targets, t)
	}
	var rows []row
	for _, group := range s.opts.cells() {
		taken := map[cell]map[string][]sample{}
		for round := range s.opts.rounds {
			for i, c := range group {
				if taken[c] == nil {
					taken[c] = map[string][]sample{}
				}
				if err := s.rotate(ctx, targets, c, round+i, taken[c]); err != nil {
					return nil, err
				}
			}
		}
		for _, c := range group {
			rows = append(rows, s.opts.rows(c, taken[c])...)
		}
	}
	return rows, nil
}

// rotate drives every target once, beginning with another one each turn.
func (s *stand) rotate(ctx context.Context, targets []*target, c cell, turn int, into map[string][]sample) error {
	window := s.opts.window
	if c.payload >= large {
		window /= 2
	}
	var said strings.Builder
	for i := range targets {
		t := targets[(i+turn)%len(targets)]
		got, err := s.drive(ctx, t, c, window)
		if err != nil {
			return err
		}
		into[t.name] = append(into[t.name], got)
		fmt.Fprintf(&said, "  %s %.0f/s", t.name, got.perSecond)
	}
	s.say("%s%s", c, said.String())
	return nil
}

// row is one target in one cell: medians of the rounds. A ratio is the median
// of the rounds' ratios, as only what ran side by side compares.
type row struct {
	Target      string `json:"target"`
	Era         string `json:"era"`
	Connections int    `json:"connections"`
	Payload     int    `json:"payload_bytes"`

	PerSecond  figure `json:"requests_per_second"`
	OfDirect   figure `json:"requests_per_second_to_direct"`
	OfProxy    figure `json:"requests_per_second_to_revproxy"`
	P50        figure `json:"p50_us"`
	P99        figure `json:"p99_us"`
	P99OfProxy figure `json:"p99_to_revproxy"`
	// OfUnrecorded is the throughput that the record leaves, and P50Recording what it adds to p50.
	OfUnrecorded figure `json:"requests_per_second_to_unrecorded"`
	P50Recording figure `json:"p50_us_over_unrecorded"`
	CPU          figure `json:"cpu_us_per_call"`
	CPUOfProxy   figure `json:"cpu_to_revproxy"`
	Allocs       figure `json:"allocations_per_call"`
	AllocBytes   figure `json:"allocated_bytes_per_call"`
	RSS          figure `json:"rss_bytes"`
	Failed       int64  `json:"failed_calls"`
	Reason       string `json:"failed_reason,omitempty"`
}

// rows makes the rows of one cell, in the order of the targets.
func (o *options) rows(c cell, taken map[string][]sample) []row {
	var rows []row
	for _, name := range o.targets {
		mine := taken[name]
		ratio := func(to string, of func(sample) float64) figure {
			return median(mine, func(i int, s sample) float64 {
				if other := taken[to]; i < len(other) {
					return of(s) / of(other[i])
				}
				return math.NaN()
			})
		}
		plain := func(of func(sample) float64) figure {
			return median(mine, func(_ int, s sample) float64 { return of(s) })
		}
		perSecond := func(s sample) float64 { return s.perSecond }
		p99 := func(s sample) float64 { return s.p99 }
		cpu := func(s sample) float64 { return s.cpu }
		recording := median(mine, func(i int, s sample) float64 {
			if without := taken[unrecorded]; i < len(without) {
				return s.p50 - without[i].p50
			}
			return math.NaN()
		})
		r := row{
			Target: name, Era: c.era.String(), Connections: c.connections, Payload: c.payload,
			PerSecond: plain(perSecond), OfDirect: ratio(direct, perSecond), OfProxy: ratio(revproxy, perSecond),
			P50: plain(func(s sample) float64 { return s.p50 }),
			P99: plain(p99), P99OfProxy: ratio(revproxy, p99),
			OfUnrecorded: ratio(unrecorded, perSecond), P50Recording: recording,
			CPU: plain(cpu), CPUOfProxy: ratio(revproxy, cpu),
			Allocs:     plain(func(s sample) float64 { return s.allocs }),
			AllocBytes: plain(func(s sample) float64 { return s.bytes }),
			RSS:        plain(func(s sample) float64 { return s.rss }),
		}
		for _, s := range mine {
			if r.Failed += s.failed; r.Reason == "" {
				r.Reason = s.reason
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// median is the middle of what of gives for each sample, NaN left out.
func median(samples []sample, of func(int, sample) float64) figure {
	var values []float64
	for i, s := range samples {
		if v := of(i, s); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return middle(values)
}

// middle is the median; of an even number, the mean of the two in the middle.
func middle(values []float64) figure {
	n := len(values)
	if n == 0 {
		return figure(math.NaN())
	}
	slices.Sort(values)
	return figure((values[(n-1)/2] + values[n/2]) / 2)
}
