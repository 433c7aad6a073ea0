package mapping

import (
	"fmt"
	"strings"
)

// Page is docs/reference/mappings.md.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Mappings to frameworks

Generated from the code. What of a framework Doorward supports, and the command that shows it on your own gateway. Ids and short titles
alone are quoted. "yes" means that Doorward has what a gateway can have for it, and not that you comply: that takes your configuration, your
people and your auditor. NSA numbers none of its recommendations: N1 to N9 are their order. What is not there is said in the last column, and in the [threat model](../explanation/threat-model.md).
`)
	for _, f := range Frameworks() {
		fmt.Fprintf(&b, "\n## %s\n\n| control | there | by | shown by | not there |\n|---|---|---|---|---|\n", f.Title)
		for i := range f.Controls {
			c := &f.Controls[i]
			var by, shown []string
			for _, one := range c.Features {
				by = append(by, fmt.Sprintf("[%s](../%s)", one.Text, one.Page))
				shown = append(shown, "`"+one.Command+"`")
			}
			fmt.Fprintf(&b, "| %s %s | %s | %s | %s | %s |\n", c.ID, c.Title, c.Status(), dash(by), dash(shown), dash([]string{c.Missing}))
		}
	}
	return b.String()
}

func dash(parts []string) string {
	if text := strings.Join(parts, "; "); text != "" {
		return text
	}
	return "–"
}
