package monitor

import (
	"cmp"
	"slices"
	"time"
)

// Watch holds events to the rules. It has no clock, no goroutine and no disk of its
// own: the same events in the same order raise the same alerts. One goroutine at a
// time uses it.
type Watch struct {
	set      Settings
	key      Key
	start    time.Time
	now      time.Duration // of the event at hand, since start
	watched  []*watched
	byName   map[string]*watched
	learning []profileRule
	profiles *recent[profileKey, *profile]
	loops    *recent[loopKey, *loop]
	silence  silence
	fill     fill
	clock    clock
	verified verification
	alerts   []Alert
	further  []Alert
	changed  bool // profiles or verified, since they were saved
}

// watched is a rule at work.
type watched struct {
	rule
	counter   *counter
	governors []*governor // the first is for what is of no tenant in Settings.Tenants
}

// governor is the one that an alert about a subject passes by.
func (r *watched) governor(of Subject) *governor {
	if tenant := of.Whose(); tenant != "" {
		for _, g := range r.governors[1:] {
			if g.tenant == tenant {
				return g
			}
		}
	}
	return r.governors[0]
}

// apart has governors for these tenants. What those of others kept is told.
func (r *watched) apart(tenants []string, emit func(*Alert)) {
	all := r.governors[:1:1]
	for _, g := range r.governors[1:] {
		if slices.Contains(tenants, g.tenant) {
			all = append(all, g)
		} else {
			g.flush(emit)
		}
	}
	for _, name := range tenants {
		if !slices.ContainsFunc(all, func(g *governor) bool { return g.tenant == name }) {
			all = append(all, &governor{tenant: name})
		}
	}
	r.governors = all
}

// NewWatch begins a watch. What it learned under one key it knows under no other.
func NewWatch(s *Settings, now time.Time, key Key) *Watch {
	w := &Watch{
		key: key, start: now, byName: map[string]*watched{}, learning: profileRules(),
		profiles: newRecent[profileKey, *profile](maxProfiles), loops: newRecent[loopKey, *loop](maxLoops), verified: verification{at: now},
	}
	for _, r := range rules() {
		one := &watched{rule: r, governors: []*governor{{}}}
		one.counter = newCounter(r.name, func(a *Alert) { one.governor(a.Subject).pass(a, w.now, w.emit, w.among) })
		w.watched = append(w.watched, one)
		w.byName[r.name] = one
	}
	w.Set(s)
	return w
}

// Set makes other settings count from now on. What was counted and learned stays.
func (w *Watch) Set(s *Settings) {
	w.set = *s
	for _, r := range w.watched {
		r.counter.set(r.limit(s), s.Repeat)
		r.apart(s.Tenants, w.emit)
	}
}

func (w *Watch) emit(a *Alert) { w.alerts = append(w.alerts, *a) }

func (w *Watch) among(a *Alert) { w.further = append(w.further, *a) }

// Further are the alerts since it was called last of which people are told as one. There
// are no more than events and standing subjects.
func (w *Watch) Further() []Alert {
	out := w.further
	w.further = nil
	return out
}

// Take holds one event to the rules.
func (w *Watch) Take(e *Event) {
	w.now = e.At.Sub(w.start)
	if e.Kind == kindVerify && e.Status == statusOK {
		w.verified, w.changed = verification{at: e.At.Round(0)}, true
	}
	for _, r := range w.watched {
		if r.weigh == nil || !r.counter.limit.on() {
			continue
		}
		n := r.weigh(e)
		if n <= 0 {
			continue
		}
		if s, ok := r.subject(e); ok {
			r.counter.hit(s, n, e, w.now)
			if r.further && len(w.set.CountBy) > 0 {
				further(e, s, w.set.CountBy, func(s Subject) { r.counter.hit(s, n, e, w.now) })
			}
		}
	}
	w.repeat(e)
	w.profile(e)
}

const (
	statusOK    = "ok"
	statusError = "error" // carried out; the upstream answered with an error
)

// profile holds a call that was carried out to what its principal does, and learns
// from it.
func (w *Watch) profile(e *Event) {
	if e.Kind != "" || e.Who == nil || e.Upstream == "" || e.Status != statusOK && e.Status != statusError {
		return
	}
	if !w.set.UnusualTools && !w.set.UnusualVolume && !w.set.UnusualHours && !w.set.NewNetworks && !w.set.ScopeGrowth {
		return
	}
	key := w.key.principal(e.Who.Key())
	p, ok := w.profiles.get(key)
	if !ok {
		p = &profile{}
		w.profiles.put(key, p)
	}
	learned := p.learned(&w.set, e.At)
	for _, r := range w.learning {
		if !learned || !r.on(&w.set) {
			continue
		}
		if n := r.unusual(p, e, &w.key); n > 0 {
			s, _ := principalOf(e)
			w.byName[r.name].counter.hit(s, n, e, w.now)
		}
	}
	p.learn(e, &w.key)
	w.changed = true
}

// Tick tells what only the passing of time shows. Somebody calls it about once a
// second.
func (w *Watch) Tick(now time.Time, p Pulse) {
	w.now = now.Sub(w.start)
	of := Event{At: now}
	if most := w.set.AuditSilence; most > 0 && w.silence.look(p, now, most, w.set.Repeat) {
		w.gateway(auditSilence().name, 1, &of)
	}
	if within := w.set.VerifiedWithin; within > 0 && w.verified.overdue(now, within) {
		w.gateway(auditUnverified().name, 1, &of)
	}
	if level := w.fill.look(p.DiskUsed); level > 0 {
		w.byName[diskSpace().name].counter.hit(diskAt(level), 1, &of, w.now)
	}
	if w.clock.stepped(p.Ahead) {
		w.gateway(clockStep().name, 1, &of)
	}
	for _, r := range w.watched {
		r.counter.tick(w.now)
		for _, g := range r.governors {
			g.tick(w.now, w.set.Repeat, w.emit)
		}
	}
}

// Missed tells that so many events were not held to the rules.
func (w *Watch) Missed(n int64, now time.Time) {
	w.now = now.Sub(w.start)
	w.gateway(missed().name, n, &Event{At: now})
}

func (w *Watch) gateway(rule string, n int64, e *Event) {
	w.byName[rule].counter.hit(Subject{Kind: OfGateway}, n, e, w.now)
}

// Flush tells at once what would have been told later.
func (w *Watch) Flush() {
	for _, r := range w.watched {
		r.counter.flush()
		for _, g := range r.governors {
			g.flush(w.emit)
		}
	}
}

// Alerts are those that were raised since the last call, without ids.
func (w *Watch) Alerts() []Alert {
	out := w.alerts
	w.alerts = nil
	return out
}

// Standing is how a rule stands.
type Standing struct {
	Rule     string
	Text     string
	On       bool
	Limit    int64 // 0: the first is told
	Window   time.Duration
	Subjects int        // that something is kept of
	Top      []Counting // those with the most, at most maxTop
}

// Counting is what was counted of one subject.
type Counting struct {
	Subject Subject
	Count   int64 // in the window; or since the alert that stands
	Open    bool  // an alert stands
}

// maxTop bounds Standing.Top.
const maxTop = 10

// Standings are how the rules stand, and of how many principals it is known what
// they do.
func (w *Watch) Standings(now time.Time) (all []Standing, profiles, learned int) {
	for _, r := range w.watched {
		c := r.counter
		s := Standing{Rule: r.name, Text: r.text, On: c.limit.on(), Window: c.limit.Per, Subjects: c.tallies.size()}
		if c.limit.N > 1 {
			s.Limit = c.limit.N
		}
		c.tallies.all(func(_ Subject, t *tally) {
			t.window.expire(now.Sub(w.start), c.limit.Per)
			n := t.window.sum
			if t.open {
				n = t.more
			}
			if n > 0 || t.open {
				s.Top = append(s.Top, Counting{t.subject, n, t.open})
			}
		})
		slices.SortStableFunc(s.Top, func(a, b Counting) int { return cmp.Compare(b.Count, a.Count) })
		s.Top = s.Top[:min(len(s.Top), maxTop)]
		all = append(all, s)
	}
	w.profiles.all(func(_ profileKey, p *profile) {
		if p.learned(&w.set, now) {
			learned++
		}
	})
	return all, w.profiles.size(), learned
}
