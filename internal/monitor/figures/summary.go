package figures

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Summary is the four figures for people and machines. Times are in milliseconds.
type Summary struct {
	Since   time.Time `json:"since,omitzero"` // what was asked for
	Until   time.Time `json:"until,omitzero"`
	First   time.Time `json:"first,omitzero"` // what there is of it
	Last    time.Time `json:"last,omitzero"`
	Records int64     `json:"records"`

	Detection      DetectionSummary      `json:"detection"`
	Authentication AuthenticationSummary `json:"authentication"`
	Limits         LimitSummary          `json:"limits"`
	// Rotation is that of now, whatever time was asked for; absent where it is not
	// known, as of a copy of a log.
	Rotation *RotationSummary `json:"rotation,omitempty"`
}

// DetectionSummary is how long it took to detect unauthorised access.
type DetectionSummary struct {
	Alerts int64            `json:"alerts"`
	Mean   float64          `json:"mean_ms"`
	P50    int64            `json:"p50_ms"`
	P95    int64            `json:"p95_ms"`
	Worst  int64            `json:"worst_ms"`
	Rules  map[string]int64 `json:"rules"` // alerts by rule
}

// AuthenticationSummary is the share of requests with valid authentication.
type AuthenticationSummary struct {
	Asked    int64             `json:"asked"` // requests that were asked for a proof
	Valid    int64             `json:"valid"`
	Share    *float64          `json:"share,omitempty"` // of 1; absent: nobody was asked
	Arrivals map[Arrival]int64 `json:"arrivals"`        // all requests
}

// LimitSummary is how often limits were run into.
type LimitSummary struct {
	Violations int64            `json:"violations"`
	PerDay     float64          `json:"per_day"`
	WorstDay   string           `json:"worst_day,omitempty"`
	Days       map[string]int64 `json:"days"`
	Codes      map[string]int64 `json:"codes"`
}

// RotationSummary is how many secrets and keys are within their age.
type RotationSummary struct {
	Within  int64                `json:"within"`
	Due     int64                `json:"due"`             // that have an age at which they are replaced
	Share   *float64             `json:"share,omitempty"` // of 1; absent: nothing has one
	Kinds   map[string]KindShare `json:"kinds"`
	Overdue []Overdue            `json:"overdue"`
}

// KindShare is a kind's part of it.
type KindShare struct {
	Within int64 `json:"within"`
	Due    int64 `json:"due"`
}

// Overdue is what should have been replaced, or cannot be looked at.
type Overdue struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Since time.Time `json:"since,omitzero"`
	Fault string    `json:"fault,omitempty"`
}

// Summary is what the records came to.
func (g *Figures) Summary(since, until time.Time) Summary {
	s := Summary{Since: since, Until: until, First: g.First, Last: g.Last, Records: g.Records}
	d := g.Detection()
	s.Detection = DetectionSummary{
		Alerts: d.Alerts, Mean: float64(d.Mean) / float64(time.Millisecond), P50: d.P50.Milliseconds(), P95: d.P95.Milliseconds(),
		Worst: d.Worst.Milliseconds(), Rules: filled(g.Detected),
	}
	a := &s.Authentication
	a.Valid, a.Asked = g.Authenticated()
	a.Share, a.Arrivals = share(a.Valid, a.Asked), filled(g.Arrived)
	for _, kind := range Arrivals() {
		a.Arrivals[kind] += 0 // all of them are shown
	}
	l := &s.Limits
	l.Violations, l.PerDay, l.WorstDay = g.Violations()
	l.Days, l.Codes = filled(g.Days), filled(g.Violated)
	return s
}

// Rotate adds the ages of now.
func (s *Summary) Rotate(ages []Age, now time.Time) {
	kinds := Rotation(ages, now)
	sum := Sum(kinds)
	r := &RotationSummary{Within: sum.Within, Due: sum.All, Share: share(sum.Within, sum.All), Kinds: map[string]KindShare{}, Overdue: []Overdue{}}
	for kind, n := range kinds {
		r.Kinds[kind] = KindShare{Within: n.Within, Due: n.All}
	}
	for i := range ages {
		if a := &ages[i]; a.Most > 0 && !a.Within(now) {
			r.Overdue = append(r.Overdue, Overdue{Kind: a.Kind, Name: a.Name, Since: a.Since, Fault: a.Fault})
		}
	}
	s.Rotation = r
}

func share(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	f := float64(part) / float64(whole)
	return &f
}

// filled is a copy that is never nil, so that JSON has an object.
func filled[K comparable](m map[K]int64) map[K]int64 {
	out := maps.Clone(m)
	if out == nil {
		out = map[K]int64{}
	}
	return out
}

// Lines are the figures for people: a name and what it is, each.
func (s *Summary) Lines() [][2]string {
	d, a, l := &s.Detection, &s.Authentication, &s.Limits
	detected := "no alert"
	if d.Alerts > 0 {
		ms := func(n float64) time.Duration {
			return time.Duration(n * float64(time.Millisecond)).Round(time.Millisecond)
		}
		detected = fmt.Sprintf("mean %v, p50 %v, p95 %v, worst %v (%s)", ms(d.Mean), ms(float64(d.P50)), ms(float64(d.P95)), ms(float64(d.Worst)), plural(d.Alerts, "alert"))
	}
	valid := "nobody was asked for a proof"
	if a.Share != nil {
		valid = fmt.Sprintf("%s (%d of %d; %d without a credential, %d with a bad one, %d refused before)", percent(*a.Share), a.Valid, a.Asked, a.Arrivals[Missing], a.Arrivals[Invalid], a.Arrivals[Unproven])
	}
	if free := a.Arrivals[Anonymous] + a.Arrivals[Local]; free > 0 {
		valid += fmt.Sprintf("; apart: %d anonymous, %d local", a.Arrivals[Anonymous], a.Arrivals[Local])
	}
	limits := "none"
	if l.Violations > 0 {
		limits = fmt.Sprintf("%s (%d; most on %s: %d)", strconv.FormatFloat(l.PerDay, 'f', 1, 64), l.Violations, l.WorstDay, l.Days[l.WorstDay])
	}
	return [][2]string{
		{"Time to detect unauthorised access", detected},
		{"Requests with valid authentication", valid},
		{"Limit violations per day", limits},
		{"Secrets and keys within their age", s.rotation()},
	}
}

func (s *Summary) rotation() string {
	r := s.Rotation
	switch {
	case r == nil:
		return "not known from records alone"
	case r.Share == nil:
		return "nothing has an age at which it is replaced"
	}
	text := fmt.Sprintf("%s (%d of %d)", percent(*r.Share), r.Within, r.Due)
	const shown = 10
	names := make([]string, 0, shown+1)
	for _, o := range r.Overdue[:min(len(r.Overdue), shown)] {
		names = append(names, o.Kind+" "+o.Name)
	}
	if len(r.Overdue) > shown {
		names = append(names, fmt.Sprintf("and %d more", len(r.Overdue)-shown))
	}
	if len(names) > 0 {
		text += "; overdue: " + strings.Join(names, ", ")
	}
	return text
}

// percent has one digit, and is never 100 % of what is less.
func percent(share float64) string {
	const whole, digit = 100, 10
	p := share * whole
	if share < 1 {
		p = min(p, whole-1.0/digit)
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

func plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.FormatInt(n, 10) + " " + word + "s"
}
