package evidence

import (
	"cmp"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/monitor/figures"
)

// Bounds of a report. What is above them is counted.
const (
	maxTimeline = 300
	maxTools    = 200
	maxPersons  = 100
)

// Review is the report that people hold an incident to when it is over.
type Review struct {
	Incident  admin.Incident `json:"incident"`
	Generated time.Time      `json:"generated"`
	Version   string         `json:"version"`
	Since     time.Time      `json:"since"` // the time that was looked at
	Until     time.Time      `json:"until"`
	Records   int            `json:"records"`
	Cut       bool           `json:"cut"` // there are more

	Times    Times            `json:"times"`
	Affected Affected         `json:"affected"`
	Calls    []ToolCalls      `json:"calls"`
	Refusals map[string]int   `json:"refusals"` // by code
	Policies []string         `json:"policies"` // versions that decided
	Volume   Volume           `json:"volume"`
	Timeline []Moment         `json:"timeline"`
	Left     int              `json:"timeline_left_off"` // moments that there was no room for
	Open     []string         `json:"open_questions"`
	Figures  *figures.Summary `json:"figures"` // of the time that was looked at
}

// Times is how long everything took, in milliseconds; absent: it has not happened, or
// nobody knows.
type Times struct {
	Began     time.Time `json:"began,omitzero"` // the first record that led to it
	Detected  time.Time `json:"detected"`
	By        string    `json:"detected_by"`
	Contained time.Time `json:"contained,omitzero"`
	Recovered time.Time `json:"recovered,omitzero"` // the last that was suspended is so no more
	Closed    time.Time `json:"closed,omitzero"`
	Told      time.Time `json:"told,omitzero"` // the first who was told

	ToDetect  *int64 `json:"to_detect_ms,omitempty"`
	ToContain *int64 `json:"to_contain_ms,omitempty"`
	ToRecover *int64 `json:"to_recover_ms,omitempty"`
}

// Affected is who and what was.
type Affected struct {
	// Persons is whose calls are among them, by their keys: somebody has one in each log,
	// and whoever proved nothing shares that of the day.
	Persons     int      `json:"persons"`
	Keys        []string `json:"keys"`        // of them, as records have them; at most 100
	Names       []string `json:"names"`       // of them; empty unless they were opened
	Credentials []string `json:"credentials"` // public ids; at most 100
	Sessions    int      `json:"sessions"`
	Addresses   []string `json:"addresses"` // empty unless they were opened; at most 100
	Upstreams   []string `json:"upstreams"`
	Tools       int      `json:"tools"`
}

// ToolCalls is what was called how often, and what came of it.
type ToolCalls struct {
	Upstream string `json:"upstream,omitempty"`
	Item     string `json:"item,omitempty"` // tool, prompt or resource
	Method   string `json:"method"`
	Total    int    `json:"total"`
	OK       int    `json:"ok"`
	Error    int    `json:"error"`
	Refused  int    `json:"refused"`
	Failed   int    `json:"failed"`
	Held     int    `json:"held"`
	Unknown  int    `json:"unknown"` // there is an intent, and no outcome
}

// Volume is how many bytes.
type Volume struct {
	In  int64 `json:"in"`  // that were sent
	Out int64 `json:"out"` // that came back
}

// Moment is one line of the timeline.
type Moment struct {
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	What   string    `json:"what"`
	Text   string    `json:"text,omitempty"`
	Log    string    `json:"log,omitempty"` // where it is on record
	Record uint64    `json:"record,omitempty"`
}

// Case is what a report is made of.
type Case struct {
	Incident admin.Incident
	Found    admin.IncidentRecords
	Trace    *Trace
	Figures  *figures.Summary
	Version  string
	Shared   bool // other gateways share the state, and have logs of their own
	Now      time.Time
}

// NewReview makes the report.
func NewReview(c *Case) (*Review, error) {
	t := newTally(c)
	if err := c.Trace.each(t.take); err != nil {
		return nil, err
	}
	r := &Review{
		Incident: c.Incident, Generated: c.Now.UTC(), Version: c.Version, Since: c.Found.Since.UTC(), Until: c.Found.Until.UTC(), Cut: c.Found.Cut,
		Records: t.records, Affected: t.affected(), Calls: t.calls(), Refusals: t.refusals, Volume: t.volume, Policies: sorted(t.policies), Figures: c.Figures,
	}
	r.Times = timesOf(&c.Incident, t)
	r.Timeline = append(steps(&c.Incident), t.moments...)
	r.Timeline = append(r.Timeline, t.marks()...)
	slices.SortStableFunc(r.Timeline, func(a, b Moment) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Record, b.Record)) })
	if r.Left = max(0, len(r.Timeline)-maxTimeline); r.Left > 0 {
		r.Timeline = r.Timeline[:maxTimeline]
	}
	r.Open = questions(c, r)
	return r, nil
}

// steps are the moments that the incident itself has.
func steps(i *admin.Incident) []Moment {
	out := make([]Moment, 0, len(i.Steps))
	for k := range i.Steps {
		s := &i.Steps[k]
		m := Moment{At: s.At.UTC(), By: s.Actor, What: s.Kind, Text: s.Text}
		if s.To != "" {
			m.Text = "to " + s.To + ": " + s.Text
		}
		if s.Containment != "" {
			m.Text = suspended(i, s.Containment) + m.Text
		}
		out = append(out, m)
	}
	return out
}

// suspended is what a containment is of, before its reason.
func suspended(i *admin.Incident, id string) string {
	for k := range i.Containments {
		if c := &i.Containments[k]; c.ID == id {
			return subjectText(&c.IncidentSubject) + ": "
		}
	}
	return ""
}

func subjectText(s *admin.IncidentSubject) string {
	text := s.Kind
	switch {
	case s.Kind == "tool":
		text += " " + s.Realm + "/" + s.Value
	case s.Value != "":
		text += " " + s.Value
	}
	if s.Tenant != "" {
		text += " of tenant " + s.Tenant
	}
	return text
}

// timesOf is how long everything took.
func timesOf(i *admin.Incident, t *tally) Times {
	out := Times{Began: t.began.UTC(), Detected: i.Opened.UTC(), By: i.By}
	if !t.raised.IsZero() && t.raised.Before(i.Opened) {
		out.Detected, out.By = t.raised.UTC(), "alert"
	}
	if i.Rule != "" {
		out.By = "rule:" + i.Rule
	}
	over := len(i.Containments) > 0
	for k := range i.Containments {
		c := &i.Containments[k]
		if out.Contained.IsZero() || c.Since.Before(out.Contained) {
			out.Contained = c.Since.UTC()
		}
		end := c.Released
		if end.IsZero() {
			end = c.Until
		}
		if over = over && !c.InForce; end.After(out.Recovered) {
			out.Recovered = end.UTC()
		}
	}
	if !over {
		out.Recovered = time.Time{}
	}
	if !i.Closed.IsZero() {
		out.Closed = i.Closed.UTC()
	}
	for k := range i.Steps {
		if s := &i.Steps[k]; s.Kind == "notified" && (out.Told.IsZero() || s.At.Before(out.Told)) {
			out.Told = s.At.UTC()
		}
	}
	out.ToDetect = between(out.Began, out.Detected)
	out.ToContain = between(out.Detected, out.Contained)
	out.ToRecover = between(out.Contained, out.Recovered)
	return out
}

func between(from, to time.Time) *int64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	ms := max(0, to.Sub(from).Milliseconds())
	return &ms
}
