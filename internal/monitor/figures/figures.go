package figures

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds of what is kept: alerts of which the exact time is known, about 8 MB, and
// days.
const (
	maxDetections = 1 << 20
	maxDays       = 3660
)

// Figures is what the records of a stretch of time come to. The zero value is that
// of no records.
type Figures struct {
	Records int64     // that were looked at
	First   time.Time // of them
	Last    time.Time

	Arrived  map[Arrival]int64
	Violated map[string]int64 // by code
	Days     map[string]int64 // violations by the day in UTC, 2026-11-27; at most 3,660
	Detected map[string]int64 // alerts about unauthorised access, by rule

	took  []time.Duration // at most maxDetections
	sum   time.Duration
	worst time.Duration
	n     int64
}

// Take adds a record.
func (g *Figures) Take(f *Fact) {
	g.Records++
	if g.First.IsZero() || f.At.Before(g.First) {
		g.First = f.At
	}
	if f.At.After(g.Last) {
		g.Last = f.At
	}
	r := Read(f)
	if r.Arrival != "" {
		count(&g.Arrived, r.Arrival)
	}
	if r.Violated != "" {
		count(&g.Violated, strings.Clone(string(r.Violated)))
		day := f.At.UTC().Format(time.DateOnly)
		if _, known := g.Days[day]; known || len(g.Days) < maxDays {
			count(&g.Days, day)
		}
	}
	if r.Rule != "" {
		g.detected(r.Rule, r.Detection)
	}
}

func (g *Figures) detected(rule string, took time.Duration) {
	count(&g.Detected, strings.Clone(rule))
	g.n++
	g.sum += took
	g.worst = max(g.worst, took)
	if len(g.took) < maxDetections {
		g.took = append(g.took, took)
	}
}

func count[K comparable](in *map[K]int64, key K) {
	if *in == nil {
		*in = map[K]int64{}
	}
	(*in)[key]++
}

// Detection says how long it took to detect unauthorised access. Without an alert all
// is zero.
type Detection struct {
	Alerts                int64
	Mean, P50, P95, Worst time.Duration
}

// Detection is the first figure. Of more than a million alerts p50 and p95 are those
// of the first million.
func (g *Figures) Detection() Detection {
	if g.n == 0 {
		return Detection{}
	}
	sorted := slices.Sorted(slices.Values(g.took))
	return Detection{
		Alerts: g.n, Mean: g.sum / time.Duration(g.n), Worst: g.worst,
		P50: rank(sorted, 50), P95: rank(sorted, 95), //nolint:mnd // percentiles
	}
}

// rank is the nearest-rank percentile of a sorted list that is not empty: the least
// that at least so many percent do not exceed.
func rank(sorted []time.Duration, percent int) time.Duration {
	const whole = 100
	return sorted[(len(sorted)*percent+whole-1)/whole-1]
}

// Authenticated is the second figure: of the requests that were asked for a proof,
// those with a valid one. Anonymous and local ones are asked for none.
func (g *Figures) Authenticated() (valid, asked int64) {
	for a, n := range g.Arrived {
		switch a {
		case Anonymous, Local:
		case Valid:
			valid += n
			asked += n
		case Missing, Invalid, Unproven:
			asked += n
		}
	}
	return valid, asked
}

// Violations is the third figure: how many there were and how many a day, over the
// days from the first record to the last, begun ones counting whole; and the worst
// day.
func (g *Figures) Violations() (total int64, perDay float64, worst string) {
	for _, n := range g.Violated {
		total += n
	}
	if g.Records > 0 {
		const day = 24 * time.Hour
		days := g.Last.UTC().Truncate(day).Sub(g.First.UTC().Truncate(day))/day + 1
		perDay = float64(total) / float64(days)
	}
	for _, d := range slices.Sorted(maps.Keys(g.Days)) {
		if worst == "" || g.Days[d] > g.Days[worst] {
			worst = d
		}
	}
	return total, perDay, worst
}
