package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/monitor"
	"doorward/internal/monitor/figures"
)

// Desk is who looks into incidents, and the gateway that is asked.
type Desk struct {
	Op    admin.Operator
	Actor string
}

// Request says what to look into.
type Request struct {
	Query   admin.IncidentQuery
	Open    bool     // with what is sealed, which is put on record
	Dirs    []string // of the logs on data_dir
	Version string   // of Doorward
	Shared  bool     // other gateways share the state
	// Figures are the four of a stretch of time.
	Figures func(ctx context.Context, since, until time.Time) (*figures.Summary, error)
}

// Gather asks the gateway for everything that an incident is told by.
func Gather(ctx context.Context, d Desk, r *Request) (*Case, error) {
	c := &Case{Version: r.Version, Shared: r.Shared}
	var err error
	if r.Open {
		c.Incident, err = d.Op.RevealIncident(ctx, d.Actor, r.Query.Incident)
	} else {
		c.Incident, err = d.Op.ShowIncident(ctx, r.Query.Incident)
	}
	if err != nil {
		return nil, err
	}
	if c.Found, err = d.Op.IncidentRecords(ctx, d.Actor, r.Query); err != nil {
		return nil, err
	}
	if _, err := d.Op.Checkpoint(ctx); err != nil { // so that it covers what was found
		return nil, err
	}
	c.Trace, err = ReadTrace(ctx, &c.Found, func(log string) (string, error) {
		for _, dir := range r.Dirs {
			if filepath.Base(dir) == log {
				return dir, nil
			}
		}
		return "", fmt.Errorf("there is no log %q on the data directory", log)
	})
	if err != nil {
		return nil, err
	}
	if r.Open {
		if err := c.Trace.open(ctx, d); err != nil {
			return nil, err
		}
	}
	c.Figures, err = r.Figures(ctx, c.Found.Since, c.Found.Until)
	c.Now = time.Now()
	return c, err
}

// Records is how many there are.
func (c *Case) Records() int {
	n := 0
	for i := range c.Trace.Logs {
		n += len(c.Trace.Logs[i].Lines)
	}
	return n
}

// Bounds of one batch of lines that are opened: its request must fit the API's.
const (
	maxBatchLines = 256
	maxBatchBytes = 4 << 20
)

// open asks the gateway for what is sealed in the lines.
func (t *Trace) open(ctx context.Context, d Desk) error {
	for i := range t.Logs {
		l := &t.Logs[i]
		l.Opened = make([][]byte, 0, len(l.Lines))
		for from := 0; from < len(l.Lines); {
			s := admin.Sealed{Log: l.Name}
			size := 0
			for from < len(l.Lines) && len(s.Lines) < maxBatchLines && size < maxBatchBytes {
				s.Lines = append(s.Lines, string(l.Lines[from]))
				size += len(l.Lines[from])
				from++
			}
			lines, err := d.Op.Reveal(ctx, d.Actor, s)
			if err != nil {
				return err
			}
			if len(lines) != len(s.Lines) {
				return errors.New("the gateway opened another number of records than it was asked to")
			}
			for _, line := range lines {
				l.Opened = append(l.Opened, []byte(line))
			}
		}
	}
	return nil
}

// Extra is a file that the caller adds: configuration, pins, versions.
type Extra struct {
	Name    string
	Content []byte
}

// Pack makes a bundle of a case, for which the gateway vouches.
func Pack(ctx context.Context, d Desk, c *Case, extras []Extra) (*Bundle, error) {
	review, err := NewReview(c)
	if err != nil {
		return nil, err
	}
	b := &Bundle{}
	for name, v := range map[string]any{
		"incident.json": &c.Incident, "containments.json": c.Incident.Containments, "timeline.json": review.Timeline,
		"alerts.json": c.Trace.alerts(), "report.json": review,
	} {
		text, err := json.MarshalIndent(v, "", "  ")
		if err == nil {
			err = b.Add(name, append(text, '\n'))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := b.Add("report.md", review.Markdown()); err != nil {
		return nil, err
	}
	for _, e := range extras {
		if err := b.Add(e.Name, e.Content); err != nil {
			return nil, err
		}
	}
	m := Manifest{
		Incident: c.Incident.ID, Created: c.Now.UTC().Truncate(time.Second), Version: c.Version, Cut: c.Found.Cut,
		Since: c.Found.Since.UTC(), Until: c.Found.Until.UTC(), Logs: []Log{},
	}
	for i := range c.Trace.Logs {
		l := &c.Trace.Logs[i]
		one, err := b.log(ctx, l)
		if err != nil {
			return nil, err
		}
		m.Logs = append(m.Logs, one)
		m.Opened = m.Opened || l.Opened != nil
	}
	return b, b.Seal(m, func(m Manifest) (string, error) {
		a, err := d.Op.Vouch(ctx, d.Actor, m)
		return a.Note, err
	})
}

// log puts in the records of one log.
func (b *Bundle) log(ctx context.Context, l *LogTrace) (Log, error) {
	proofs, at, err := audit.ProveLines(ctx, l.Dir, l.Lines)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a log that began a moment ago has no checkpoint
		return Log{}, err
	}
	one, err := b.AddRecords(l.Name, l.Lines, proofs, at)
	if err == nil && l.Opened != nil {
		err = b.AddOpened(l.Name, l.Opened)
	}
	return one, err
}

// Alert is an alert as it is on record.
type Alert struct {
	ID     string    `json:"id"`
	Rule   string    `json:"rule"`
	Count  int64     `json:"count"`
	First  time.Time `json:"first"`
	Raised time.Time `json:"raised"`
	Again  bool      `json:"again"`
	Log    string    `json:"log"`
	Record uint64    `json:"record"`
}

// alerts are those among the records.
func (t *Trace) alerts() []Alert {
	out := []Alert{}
	_ = t.each(func(l *LogTrace, r *audit.Record) error { // NewReview has read them all
		if n, ok := monitor.ReadNoted(r.Detail); ok && r.Event == "alert.raised" {
			out = append(out, Alert{n.ID, n.Rule, n.Count, n.First, n.Raised, n.Again, l.Name, r.Seq})
		}
		return nil
	})
	return out
}
