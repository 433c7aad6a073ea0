package monitor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Noted is what the record of an alert says of it, whoever it was about.
type Noted struct {
	ID       string
	Rule     string
	Count    int64
	Again    bool // more of what an alert told already
	Subjects int  // how many alerts were made one; 0: it is one
	First    time.Time
	Raised   time.Time
}

// firstLayout is how the record has the time of the first that counted: UTC, in
// milliseconds, which is how finely the id has that of the alert.
const firstLayout = "2006-01-02T15:04:05.000Z"

// noted is the alert for its record; whom is its subject, without the person.
func (a *Alert) noted(whom string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s: %d", a.Rule, whom, a.Count)
	if a.Again {
		b.WriteString(" more")
	}
	if a.Subjects > 0 {
		fmt.Fprintf(&b, " in %d alerts", a.Subjects)
	}
	fmt.Fprintf(&b, " since %s, alert %s", a.First.UTC().Format(firstLayout), a.ID)
	return b.String()
}

// ReadNoted reads the detail of a record alert.raised. Records from before the first
// that counted was on them are not of this form.
//
// It reads from the end: whom an alert is about, a tool for example, may be called
// anything.
func ReadNoted(detail string) (n Noted, ok bool) {
	rest, id, ok := cutLast(detail, ", alert ")
	if !ok {
		return Noted{}, false
	}
	if n.Raised, ok = idTime(id); !ok {
		return Noted{}, false
	}
	n.ID = id
	rest, first, ok := cutLast(rest, " since ")
	at, err := time.Parse(firstLayout, first)
	if !ok || err != nil {
		return Noted{}, false
	}
	n.First = at
	whom, counts, ok := cutLast(rest, ": ")
	if !ok {
		return Noted{}, false
	}
	counts, sum, many := strings.Cut(counts, " in ")
	counts, n.Again = strings.CutSuffix(counts, " more")
	if n.Count, err = strconv.ParseInt(counts, 10, 64); err != nil {
		return Noted{}, false
	}
	if many {
		if n.Subjects, err = strconv.Atoi(strings.TrimSuffix(sum, " alerts")); err != nil {
			return Noted{}, false
		}
	}
	n.Rule, _, ok = strings.Cut(whom, " of ")
	return n, ok
}

// Detection is how long it took to detect unauthorised access: from the first
// record that led to the alert until it was raised. ok is false for an alert about
// something else, for one that tells more of what an alert told already, and for the
// sum of those that came on top of ten.
func (n *Noted) Detection() (took time.Duration, ok bool) {
	if n.Again || n.Subjects > 0 || !unauthorised(n.Rule) {
		return 0, false
	}
	return max(0, n.Raised.Sub(n.First)), true
}

// unauthorised tells whether a rule is about access that nobody granted: guessed
// credentials, calls beyond what was granted, a planted value, and what a stolen
// credential or session would do.
func unauthorised(rule string) bool {
	switch rule {
	case "failed_sign_ins", "denied_calls", "canary", "unusual_tools", "unusual_volume", "unusual_hours", "new_networks", "scope_growth":
		return true
	}
	return false
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// idTime is when the id was made.
func idTime(id string) (time.Time, bool) {
	const digits = 12
	rest, ok := strings.CutPrefix(id, "al_")
	if !ok || len(rest) <= digits || strings.ContainsAny(rest, " ,") {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(rest[:digits], 16, 64)
	return time.UnixMilli(ms).UTC(), err == nil && ms >= 0
}
