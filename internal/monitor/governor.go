package monitor

import "time"

// maxAlerts is how many alerts of one rule people are told of within Repeat. What is
// above becomes one for them, about OfMany, whose count is exact; each of it stays one
// for whoever does something about it.
const maxAlerts = 10

// governor lets few alerts of one rule pass: of one tenant that is told of its own, or
// of everything else, so that nobody's alerts are among many because of a stranger's.
type governor struct {
	tenant string        // empty for everything else
	began  time.Duration // of the time that is counted
	passed int
	rest   *Alert // the sum of what did not pass; nil when all did
}

// pass hands an alert on, or keeps it for the sum and hands it on as one of many.
func (g *governor) pass(a *Alert, now time.Duration, emit, further func(*Alert)) {
	if g.passed == 0 {
		g.began = now
	}
	if g.passed < maxAlerts {
		g.passed++
		emit(a)
		return
	}
	further(a)
	if g.rest == nil {
		sum := *a
		sum.Subject, sum.Subjects, sum.Again = Subject{Kind: OfMany, Tenant: g.tenant}, 1, false
		sum.Credential, sum.Address = "", ""
		g.rest = &sum
		return
	}
	r := g.rest
	r.Count += a.Count
	r.Subjects++
	if a.First.Before(r.First) {
		r.First = a.First
	}
	if a.Last.After(r.Last) {
		r.Last = a.Last
	}
	for _, id := range a.Exchanges {
		if len(r.Exchanges) < maxExchanges {
			r.Exchanges = append(r.Exchanges, id)
		}
	}
}

// tick hands the sum on once the time is over.
func (g *governor) tick(now, repeat time.Duration, emit func(*Alert)) {
	if g.passed > 0 && now-g.began >= repeat {
		g.flush(emit)
	}
}

func (g *governor) flush(emit func(*Alert)) {
	if g.rest != nil {
		emit(g.rest)
	}
	*g = governor{tenant: g.tenant}
}
