package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/checklist"
)

// markdown is the evidence for people. Ids and numbers are all that comes from the log.
func (a *auditing) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Evidence: %s\n\nGathered %s by Doorward %s. It shows what is on this gateway; whether a control is met is for people to judge.\n",
		a.Title, a.Created.Format(time.RFC3339), a.Version)
	if a.Tenant != "" {
		fmt.Fprintf(&b, "\nIt is about the people of tenant `%s`: nothing else is counted.\n", visible(a.Tenant))
	}
	b.WriteString("\n## Controls\n\n| control | there | shown by | not there |\n|---|---|---|---|\n")
	for _, c := range a.Controls {
		shown := make([]string, 0, len(c.By))
		for _, by := range c.By {
			shown = append(shown, "`"+by.Command+"`")
		}
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", c.ID, c.Title, c.Status, orDash(strings.Join(shown, "; ")), orDash(c.Missing))
	}
	b.WriteString("\n## The record\n\n")
	for i := range a.Logs {
		l := &a.Logs[i]
		if l.OK {
			fmt.Fprintf(&b, "- `%s`: %d records, one unbroken chain; a checkpoint covers the first %d, and %d were pruned when their time was over.\n", visible(l.Log), l.Records, l.Proven, l.Pruned)
		} else {
			fmt.Fprintf(&b, "- `%s`: TAMPERED: %s. Its records are not counted.\n", visible(l.Log), visible(l.Fault))
		}
	}
	for _, l := range a.Verified {
		if l.OK {
			fmt.Fprintf(&b, "- `%s`: one unbroken chain.\n", visible(l.Log))
		} else {
			fmt.Fprintf(&b, "- `%s`: TAMPERED. Its records are not counted.\n", visible(l.Log))
		}
	}
	if a.Tenant == "" {
		fmt.Fprintf(&b, "- Copies elsewhere: %s\n", orDash(visible(strings.Join(a.Copies, ", "))))
	}
	fmt.Fprintf(&b, "- Kept: calls %s, lists %s, refused sign-ins %s, events %s\n", a.Retention.Calls, a.Retention.Lists, a.Retention.SignIns, a.Retention.Events)
	for _, one := range []struct {
		title string
		n     map[string]int
	}{{"Records by kind", a.Counts.Kinds}, {"Events", a.Counts.Events}, {"Refusals by code", a.Counts.Codes}, {"Records by month", a.Counts.Months}} {
		fmt.Fprintf(&b, "\n## %s\n\n", one.title)
		if len(one.n) == 0 {
			b.WriteString("None on record.\n")
		}
		for _, name := range slices.Sorted(maps.Keys(one.n)) {
			fmt.Fprintf(&b, "- `%s`: %d\n", visible(name), one.n[name])
		}
	}
	if a.Tenant == "" {
		a.wholeGateway(&b)
	}
	return b.String()
}

// wholeGateway writes what is of no tenant.
func (a *auditing) wholeGateway(b *strings.Builder) {
	b.WriteString("\n## Figures\n\n")
	for _, line := range a.Figures.Lines() {
		fmt.Fprintf(b, "- %s: %s\n", line[0], visible(line[1]))
	}
	fmt.Fprintf(b, "\n## Production checklist\n\n%d fail, %d warn, %d pass, %d not applicable.\n\n", a.Checklist.Fail, a.Checklist.Warn, a.Checklist.Pass, a.Checklist.NotApplicable)
	for i := range a.Checklist.Items {
		if item := &a.Checklist.Items[i]; item.Status == checklist.Fail || item.Status == checklist.Warn {
			fmt.Fprintf(b, "- %s `%s`: %s\n", item.Status, item.ID, item.Title)
		}
	}
}
