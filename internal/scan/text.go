package scan

import (
	"fmt"
	"io"
	"strings"

	"doorward/internal/gate"
)

// Text is the report for people: the findings, the worst first, each with where
// it is and what to do.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "%-6s %-26s %s\n", f.Severity, f.Rule, f.Title)
		place := gate.Visible(f.File)
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, f.Line)
		}
		fmt.Fprintf(&b, "       %s", place)
		for _, part := range []string{gate.Visible(f.Server), f.Kind, f.Item, gate.Visible(f.Where)} {
			if part != "" {
				fmt.Fprintf(&b, " %s", part)
			}
		}
		if f.Project != "" {
			fmt.Fprintf(&b, " (for %s)", gate.Visible(f.Project))
		}
		b.WriteByte('\n')
		if f.Text != "" {
			fmt.Fprintf(&b, "       %s\n", f.Text)
		}
		fmt.Fprintf(&b, "       → %s\n", f.Fix)
	}
	for i := range r.Flows {
		r.Flows[i].text(&b)
	}
	for i := range r.Servers {
		s := &r.Servers[i]
		if s.NotAsked != "" {
			fmt.Fprintf(&b, "%s: what it offers was not looked at: %s\n", gate.Visible(s.Name), gate.Visible(s.NotAsked))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
