package evidence

import (
	"fmt"
	"time"
)

// toldWithin is how long there is to tell the authority of a breach of personal data
// (GDPR, article 33(1)).
const toldWithin = 72 * time.Hour

// questions are what the records leave open, for the people who review.
func questions(c *Case, r *Review) []string {
	out := []string{}
	ask := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	i, t := &r.Incident, &r.Times
	carried, unknown := 0, 0
	for k := range r.Calls {
		carried += r.Calls[k].OK + r.Calls[k].Error
		unknown += r.Calls[k].Unknown
	}
	force, notes := 0, 0
	for k := range i.Containments {
		if i.Containments[k].InForce {
			force++
		}
	}
	for k := range i.Steps {
		if i.Steps[k].Kind == "note" {
			notes++
		}
	}
	ask(i.Closed.IsZero(), "It is not closed. What has to happen first?")
	ask(force > 0, "Still suspended: %d. Until when, and who decides?", force)
	ask(len(i.Containments) == 0, "Nothing was suspended. Was that right?")
	ask(t.Began.IsZero(), "When did it begin? No record that led to it is named.")
	ask(notes == 0, "What was the cause? No note says it.")
	ask(carried > 0, "Calls that were carried out: %d. What did they read or change, and does anything have to be undone?", carried)
	ask(unknown > 0, "Calls with an intent and no outcome: %d. Were they carried out?", unknown)
	ask(t.Told.IsZero(), "Nobody is on record as told. Does anybody have to be: customers, persons concerned, an authority (GDPR, articles 33 and 34)?")
	ask(!t.Told.IsZero() && t.Told.Sub(t.Detected) > toldWithin, "The first was told more than 72 hours after it was detected. Why (GDPR, article 33(1))?")
	ask(!i.Names && r.Affected.Persons > 0, "Persons whose names are sealed: %d. Who are they? --open shows it.", r.Affected.Persons)
	ask(r.Cut, "There are more records than this report counts. Look at the rest with --since and --until.")
	ask(c.Shared, "Other gateways share this one's state. What do their logs say?")
	return out
}
