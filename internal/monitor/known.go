package monitor

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"doorward/internal/gate"
)

// Known is what was learned of one principal. Tools, roles and scopes are there as
// digests, and so only their number can be told.
type Known struct {
	First    time.Time      `json:"first_seen"`
	Calls    int64          `json:"calls"`
	Tools    int            `json:"tools"`
	Networks []netip.Prefix `json:"networks"`
	Grants   int            `json:"roles_and_scopes"`
	Hours    []int          `json:"hours_utc"`          // of the day in which it called
	Most     int64          `json:"busiest_hour_bytes"` // in the hour with the most
}

// Known is what is known of a principal; ok is false for nothing.
func (m *Monitor) Known(p *gate.Principal) (k Known, ok bool, err error) {
	m.looking.Lock()
	defer m.looking.Unlock()
	w, err := m.whole()
	if err != nil {
		return Known{}, false, err
	}
	if m.watch != nil {
		m.look(time.Now()) // what waits belongs to it
	}
	w.profiles.all(func(key profileKey, one *profile) { // get would make it the latest
		if key != w.key.principal(p.Key()) {
			return
		}
		ok = true
		k = Known{
			First: one.First, Calls: one.Calls, Tools: len(one.Tools.All), Networks: slices.Clone(one.Networks.All),
			Grants: len(one.Grants.All), Most: max(one.Most, one.Bytes), Hours: []int{},
		}
		for hour := range 24 {
			if one.Hours&(1<<hour) != 0 {
				k.Hours = append(k.Hours, hour)
			}
		}
	})
	return k, ok, nil
}

// Forget takes a principal out of what was learned, on disk too, and out of what is
// counted; ok tells whether something was learned. What they do afterwards is learned
// anew. What an alert about them would have told more of is told without a name. After
// an error the file may still have it: Forget again.
func (m *Monitor) Forget(p *gate.Principal) (ok bool, err error) {
	m.looking.Lock()
	w, err := m.whole()
	if err != nil {
		m.looking.Unlock()
		return false, err
	}
	if m.watch != nil {
		m.look(time.Now()) // what waits is of before
	}
	ok = w.forget(p)
	what := learned{w.Save(), m.turn}
	if what.content != nil {
		m.turn++
		what.turn = m.turn
	}
	m.looking.Unlock()
	if what.content == nil {
		return ok, nil
	}
	if err := m.save(what); err != nil {
		return ok, fmt.Errorf("forgetting what a principal does: %w", err)
	}
	return ok, nil
}

// forget takes a principal out, and tells whether something was learned of it.
func (w *Watch) forget(p *gate.Principal) bool {
	s := Subject{Kind: OfPrincipal, Value: p.Subject, Realm: p.Realm, Tenant: p.Tenant}.bounded()
	for _, r := range w.watched {
		r.counter.forget(s)
	}
	for i := range w.alerts {
		if a := &w.alerts[i]; a.Subject == s {
			a.Subject, a.Credential, a.Address = Subject{Kind: OfPrincipal}, "", ""
		}
	}
	who := w.key.principal(p.Key())
	w.unrepeat(who)
	known := w.profiles.remove(who)
	w.changed = w.changed || known
	return known
}

// forget drops what was counted of a subject. What an alert of it has not told yet is
// told without a name.
func (c *counter) forget(s Subject) {
	t, ok := c.tallies.get(s)
	if !ok {
		return
	}
	c.tallies.remove(s)
	delete(c.open, s)
	if t.open && t.more > 0 {
		t.subject, t.seen.credential, t.seen.latest.Address = Subject{Kind: s.Kind}, "", netip.Addr{}
		c.alert(t, t.more, true)
	}
}

// whole is the watch; of a monitor that does not run, one with what the file has. Its
// caller holds looking.
func (m *Monitor) whole() (*Watch, error) {
	if m.watch != nil {
		return m.watch, nil
	}
	w := NewWatch(m.cfg.Settings(), time.Now(), m.cfg.Key)
	if m.cfg.Path == "" {
		return w, nil
	}
	content, err := readFile(m.cfg.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w, nil
	case err != nil:
		return nil, fmt.Errorf("reading profiles: %w", err)
	}
	return w, w.Load(content)
}
