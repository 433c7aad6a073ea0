package scan

import (
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/definition"
)

// Offer is what one server offers.
type Offer struct {
	Server  string // as in Report.Servers
	Project string // likewise
	File    string // of the client, or the saved list
	Line    int
	Items   []gate.Item
}

// Definitions looks at what servers offer, each definition beside all the others.
func (r *Report) Definitions(offers []Offer) {
	var all []gate.Item
	for i := range offers {
		all = append(all, offers[i].Items...)
	}
	near := definition.Near(all)
	for i := range offers {
		o := &offers[i]
		for j := range o.Items {
			it := &o.Items[j]
			for _, f := range definition.Inspect(it, near) {
				r.add(f.Severity, Finding{
					Rule: f.Rule, Title: title(f.Why), File: o.File, Line: o.Line, Server: o.Server, Project: o.Project, Kind: it.Kind.String(),
					Item: gate.Visible(it.Name), Where: f.Where, Text: gate.Visible(f.Text),
					Fix: "read the whole definition before you approve it, and ask who wrote it",
				})
			}
		}
		r.asked(o)
	}
}

// asked notes that a server's offers were looked at.
func (r *Report) asked(o *Offer) {
	for i := range r.Servers {
		s := &r.Servers[i]
		if s.Name == o.Server && s.File == o.File && s.Project == o.Project {
			s.Asked, s.NotAsked, s.Offers = true, "", len(o.Items)
			return
		}
	}
	r.Servers = append(r.Servers, Server{Name: o.Server, File: o.File, Line: o.Line, Asked: true, Offers: len(o.Items)})
}

// title is a sentence as a heading.
func title(why string) string {
	why = strings.TrimSuffix(why, ".")
	if why == "" {
		return why
	}
	return strings.ToUpper(why[:1]) + why[1:]
}
