package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"doorward/internal/admin"
	"doorward/internal/gate"
)

// maxShown bounds one text of a report, in bytes.
const maxShown = 600

// plain is a text that others chose as plain text in Markdown: in one line, with what
// is hidden made visible, and nothing in it means anything (CommonMark, section 2.4).
// GFM makes links of bare addresses, so a dot and an at sign are escaped, too.
func plain(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	var b strings.Builder
	for _, c := range gate.Visible(s) {
		switch {
		case c == '\n' || c == '\r' || c == '\t':
			b.WriteByte(' ')
		case c < utf8.RuneSelf && strings.ContainsRune("\\`*_{}[]()<>#+-.!|~&:@=^$", c):
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// page writes a report.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { _, _ = fmt.Fprintf(p, format+"\n", args...) }

// row is a line of a table. Its cells are safe already.
func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (p *page) head(cells ...string) {
	p.row(cells...)
	p.line("|%s", strings.Repeat("---|", len(cells)))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}

func took(ms *int64) string {
	if ms == nil {
		return "–"
	}
	return (time.Duration(*ms) * time.Millisecond).String()
}

// Markdown is the report for people. Whatever clients, upstreams or people wrote is
// text in it, and never markup.
func (r *Review) Markdown() []byte {
	p := &page{}
	i := &r.Incident
	p.line("# Incident %s", plain(i.ID))
	p.line("")
	p.line("%s", plain(i.Title))
	p.line("")
	p.head("", "")
	p.row("state", plain(i.State))
	p.row("severity", plain(i.Severity))
	p.row("about", plain(subjects(i.About)))
	p.row("report of", moment(r.Generated)+" UTC, Doorward "+plain(r.Version))
	p.row("looked at", moment(r.Since)+" to "+moment(r.Until)+" UTC, "+strconv.Itoa(r.Records)+" records")
	r.times(p)
	r.whom(p)
	r.called(p)
	r.done(p)
	p.line("\n## Timeline\n")
	p.head("UTC", "by", "what", "", "record")
	for k := range r.Timeline {
		m := &r.Timeline[k]
		record := ""
		if m.Record > 0 {
			record = plain(m.Log) + " " + strconv.FormatUint(m.Record, 10)
		}
		p.row(moment(m.At), plain(m.By), plain(m.What), plain(m.Text), record)
	}
	if r.Left > 0 {
		p.line("\n%d moments after these are left off.", r.Left)
	}
	p.line("\n## Open questions\n")
	for _, q := range r.Open {
		p.line("- %s", plain(q))
	}
	if len(r.Open) == 0 {
		p.line("None that the records leave.")
	}
	if r.Figures != nil {
		p.line("\n## Security figures of this time\n")
		p.head("figure", "")
		for _, line := range r.Figures.Lines() {
			p.row(plain(line[0]), plain(line[1]))
		}
	}
	return []byte(p.String())
}

func (r *Review) times(p *page) {
	t := &r.Times
	p.line("\n## How long it took\n")
	p.head("", "UTC", "took")
	p.row("first record that led to it", moment(t.Began), "")
	p.row("detected by "+plain(t.By), moment(t.Detected), took(t.ToDetect))
	p.row("contained", moment(t.Contained), took(t.ToContain))
	p.row("recovered", moment(t.Recovered), took(t.ToRecover))
	p.row("first who was told", moment(t.Told), "")
	p.row("closed", moment(t.Closed), "")
}

func (r *Review) whom(p *page) {
	a := &r.Affected
	p.line("\n## Who and what was affected\n")
	p.head("", "how many", "which")
	p.row("persons, by the keys of their records", strconv.Itoa(a.Persons), listed(a.Keys))
	if len(a.Names) > 0 {
		p.row("names", strconv.Itoa(len(a.Names)), listed(a.Names))
	}
	p.row("credentials", strconv.Itoa(len(a.Credentials)), listed(a.Credentials))
	p.row("sessions", strconv.Itoa(a.Sessions), "")
	if len(a.Addresses) > 0 {
		p.row("addresses", strconv.Itoa(len(a.Addresses)), listed(a.Addresses))
	}
	p.row("upstreams", strconv.Itoa(len(a.Upstreams)), listed(a.Upstreams))
	p.row("tools, prompts and resources", strconv.Itoa(a.Tools), "")
}

func listed(all []string) string {
	safe := make([]string, 0, len(all))
	for _, s := range all {
		safe = append(safe, plain(s))
	}
	return strings.Join(safe, ", ")
}

func (r *Review) called(p *page) {
	p.line("\n## Calls\n")
	p.line("%d bytes were sent, %d came back.\n", r.Volume.In, r.Volume.Out)
	p.head("upstream", "item", "method", "calls", "ok", "error", "refused", "failed", "held", "no outcome")
	n := strconv.Itoa
	for k := range r.Calls {
		c := &r.Calls[k]
		p.row(plain(c.Upstream), plain(c.Item), plain(c.Method), n(c.Total), n(c.OK), n(c.Error), n(c.Refused), n(c.Failed), n(c.Held), n(c.Unknown))
	}
	if len(r.Refusals) == 0 {
		return
	}
	p.line("")
	p.head("code", "how often")
	for _, code := range slices.Sorted(maps.Keys(r.Refusals)) {
		p.row(plain(code), n(r.Refusals[code]))
	}
}

// done is what was suspended, and who was told.
func (r *Review) done(p *page) {
	p.line("\n## What was contained\n")
	p.head("what", "since", "until", "released", "by", "why")
	for k := range r.Incident.Containments {
		c := &r.Incident.Containments[k]
		until := moment(c.Until)
		if c.Until.IsZero() {
			until = "it is released"
		}
		p.row(plain(subjectText(&c.IncidentSubject)), moment(c.Since), until, moment(c.Released), plain(c.By), plain(c.Reason))
	}
	p.line("\n## Who was told\n")
	p.head("whom", "when", "by", "what")
	for k := range r.Incident.Steps {
		if s := &r.Incident.Steps[k]; s.Kind == "notified" {
			p.row(plain(s.To), moment(s.At), plain(s.Actor), plain(s.Text))
		}
	}
}

func subjects(all []admin.IncidentSubject) string {
	texts := make([]string, 0, len(all))
	for i := range all {
		texts = append(texts, subjectText(&all[i]))
	}
	return strings.Join(texts, ", ")
}
