package monitor

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// maxSubjects bounds what one rule keeps, about 4 MB. The subject that was quiet
// longest leaves. What an address had counted counts for OfMany then, so that an attack
// from very many is seen too; principals are not made at will.
const maxSubjects = 4096

// counter counts what one rule finds, for each subject, and makes alerts of it.
type counter struct {
	rule    string
	limit   Limit
	repeat  time.Duration
	raise   func(*Alert)
	tallies *recent[Subject, *tally]
	open    map[Subject]*tally // those of which an alert stands
}

// tally is what was counted of one subject.
type tally struct {
	subject Subject
	window  window
	seen    trace // of what is in the window, or since the last alert
	open    bool  // an alert stands: what follows is counted for the next
	opened  time.Duration
	more    int64 // counted since the alert
	hot     bool  // the limit was reached again since the alert
}

// trace is what an alert says beside its count.
type trace struct {
	first, last time.Time
	exchanges   []mark // the latest, at most maxExchanges
	latest      Event  // the last that counted; its principal is forgotten
	credential  string
}

// mark is one exchange that counted.
type mark struct {
	at time.Time
	id string
}

func newCounter(rule string, raise func(*Alert)) *counter {
	return &counter{rule: rule, raise: raise, tallies: newRecent[Subject, *tally](maxSubjects), open: map[Subject]*tally{}}
}

// set makes a limit the one that counts from now on. What was counted stays.
func (c *counter) set(limit Limit, repeat time.Duration) { c.limit, c.repeat = limit, repeat }

// hit counts n for a subject. now is the event's time since the start of the watch.
func (c *counter) hit(s Subject, n int64, e *Event, now time.Duration) {
	if !c.limit.on() {
		return
	}
	s = s.bounded()
	t, ok := c.tallies.get(s)
	if !ok {
		s = s.own()
		t = &tally{subject: s}
		if gone, full := c.tallies.put(s, t); full {
			c.leave(gone.value, e, now)
		}
	}
	sum := t.window.add(now, c.limit.Per, n)
	if t.open {
		t.more += n
		t.hot = t.hot || sum >= c.limit.N
		t.seen.add(e)
		return
	}
	if sum == n {
		t.seen = trace{} // what it knew is out of the window
	}
	t.seen.add(e)
	if sum < c.limit.N {
		return
	}
	t.seen.forget(e.At.Add(t.window.since() - now))
	c.alert(t, sum, false)
	t.stand(now)
	c.open[t.subject] = t
}

// stand begins the time for which an alert stands.
func (t *tally) stand(now time.Duration) {
	*t = tally{subject: t.subject, open: true, opened: now}
}

// leave is for a subject that there is no room for any more.
func (c *counter) leave(t *tally, e *Event, now time.Duration) {
	if t.open {
		c.close(t)
		return
	}
	t.window.expire(now, c.limit.Per)
	if t.window.sum > 0 && t.subject.Kind == OfAddress {
		c.hit(Subject{Kind: OfMany}, t.window.sum, e, now)
	}
}

// tick tells what followed an alert, once it has stood long enough. Where the limit was
// reached again the next one stands; else it is over.
func (c *counter) tick(now time.Duration) {
	for _, t := range c.standing(now - c.repeat) {
		if !t.hot {
			c.close(t)
			continue
		}
		c.alert(t, t.more, true)
		t.stand(now)
	}
}

// flush tells at once what followed alerts.
func (c *counter) flush() {
	for _, t := range c.standing(math.MaxInt64) {
		c.close(t)
	}
}

// standing are those of which an alert stands since then or before, the oldest first.
func (c *counter) standing(since time.Duration) []*tally {
	var out []*tally
	for _, t := range c.open {
		if t.opened <= since {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *tally) int {
		return cmp.Or(cmp.Compare(a.opened, b.opened), cmp.Compare(a.subject.Kind, b.subject.Kind), cmp.Compare(a.subject.Value, b.subject.Value))
	})
	return out
}

func (c *counter) close(t *tally) {
	if t.more > 0 {
		c.alert(t, t.more, true)
	}
	*t = tally{subject: t.subject}
	delete(c.open, t.subject)
}

func (c *counter) alert(t *tally, n int64, again bool) {
	a := &Alert{Rule: c.rule, Subject: t.subject, Count: n, Window: Span(c.limit.Per), Again: again}
	if c.limit.N > 1 {
		a.Limit = c.limit.N
	}
	if again {
		a.Window = Span(c.repeat)
	}
	t.seen.tell(a)
	c.raise(a)
}

func (t *trace) add(e *Event) {
	if t.first.IsZero() || e.At.Before(t.first) {
		t.first = e.At
	}
	if e.At.After(t.last) {
		t.last = e.At
	}
	if n := len(t.exchanges); e.Exchange != "" && (n == 0 || t.exchanges[n-1].id != e.Exchange) {
		if n == maxExchanges {
			t.exchanges = append(t.exchanges[:0], t.exchanges[1:]...)
		}
		t.exchanges = append(t.exchanges, mark{e.At, clip(e.Exchange)})
	}
	if e.Who != nil && e.Who.Credential != t.credential {
		t.credential = clip(e.Who.Credential)
	}
	t.latest = Event{Kind: e.Kind, Address: e.Address, Upstream: e.Upstream, Tool: e.Tool, Code: e.Code}
}

// forget takes out what was before the window.
func (t *trace) forget(before time.Time) {
	if t.first.Before(before) {
		t.first = before
	}
	t.exchanges = slices.DeleteFunc(t.exchanges, func(m mark) bool { return m.at.Before(before) })
}

func (t *trace) tell(a *Alert) {
	l := &t.latest
	a.First, a.Last, a.Credential = t.first.UTC(), t.last.UTC(), t.credential
	for _, m := range t.exchanges {
		a.Exchanges = append(a.Exchanges, m.id)
	}
	a.Upstream, a.Tool, a.Code, a.Event = clip(l.Upstream), clip(l.Tool), clip(string(l.Code)), clip(l.Kind)
	if l.Address.IsValid() {
		a.Address = l.Address.Unmap().WithZone("").String()
	}
}
