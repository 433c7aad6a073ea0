package scan

import (
	"fmt"
	"io"
	"strings"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

// Flow is a way for data to go where it should not, that the tools looked at make
// possible together.
type Flow struct {
	Rule  string   `json:"rule"` // "private, untrusted → leaves"
	From  []Source `json:"from"`
	Sinks []string `json:"sinks"` // tools, "server/name"
	Then  string   `json:"then"`  // what Doorward's default does about it
}

// Source is a label, and the tools that bring it.
type Source struct {
	Label string   `json:"label"`
	Tools []string `json:"tools"`
}

// Flow lists the flows that what servers offer makes possible in one conversation,
// by the labels that tools seem to have and the rules that are on by default.
func (r *Report) Flow(offers []Offer) error {
	var tools []flow.Labelled
	for i := range offers {
		for j := range offers[i].Items {
			it := &offers[i].Items[j]
			if l := flow.Propose(it); l != 0 {
				tools = append(tools, flow.Labelled{Path: gate.Visible(offers[i].Server + "/" + it.Name), Labels: l})
			}
		}
	}
	rules, err := flow.Compile(flow.Default())
	if err != nil {
		return fmt.Errorf("combining flows: %w", err)
	}
	r.Flows = []Flow{}
	for _, c := range rules.Combine(tools) {
		f := Flow{Rule: c.Rule.String(), Sinks: c.Sinks, Then: c.Rule.Then.String()}
		for _, s := range c.Sources {
			f.From = append(f.From, Source{Label: s.Label.String(), Tools: s.Tools})
		}
		r.Flows = append(r.Flows, f)
	}
	return nil
}

// shownTools bounds the tools of one line; the JSON form has all.
const shownTools = 8

func (f *Flow) text(w io.Writer) {
	_, _ = fmt.Fprintf(w, "flow   %s\n", f.Rule)
	for _, s := range f.From {
		_, _ = fmt.Fprintf(w, "       %-10s %s\n", s.Label, several(s.Tools))
	}
	_, _ = fmt.Fprintf(w, "       %-10s %s\n", "to", several(f.Sinks))
}

func several(tools []string) string {
	if more := len(tools) - shownTools; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(tools[:shownTools], ", "), more)
	}
	return strings.Join(tools, ", ")
}
