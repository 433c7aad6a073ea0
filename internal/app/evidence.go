package app

import (
	"context"
	"encoding/hex"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

// maxConcerned bounds the records of one incident, in all logs together.
const maxConcerned = 20_000

// before is how long before the first that is known of an incident is looked at: who
// finds a way in tries for a while.
const before = time.Hour

// IncidentRecords implements admin.Investigation.
func (a *App) IncidentRecords(ctx context.Context, actor string, q admin.IncidentQuery) (out admin.IncidentRecords, err error) {
	var one store.Incident
	s, err := a.incidents(ctx)
	if err == nil {
		one, err = s.Get(ctx, q.Incident)
	}
	if err != nil {
		return out, operated("looking for an incident's records", incidentFault(q.Incident, err))
	}
	if q.Until.IsZero() {
		// Before it is put on record that somebody looks: what is earlier is in the log by then,
		// and whoever looks again finds the same.
		q.Until = lookedUntil(&one)
	}
	e := gate.Event{Kind: "incident.records", Actor: actor, Detail: one.ID}
	err = a.act(ctx, []gate.Event{e}, func() error {
		logs, err := a.logs()
		if err == nil {
			out, err = concerned(ctx, &one, q, logs)
		}
		return err
	})
	return out, operated("looking for an incident's records", err)
}

// lookedUntil is the end of what an incident is looked for in, where nobody names it.
func lookedUntil(one *store.Incident) time.Time {
	now := time.Now()
	if end := one.Closed.Add(time.Second); !one.Closed.IsZero() && end.Before(now) {
		return end // with the record that it was closed
	}
	return now
}

// concerned finds the records of an incident in all logs, before q.Until.
func concerned(ctx context.Context, one *store.Incident, q admin.IncidentQuery, logs []sealedLog) (admin.IncidentRecords, error) {
	out := admin.IncidentRecords{Since: q.Since, Until: q.Until, Logs: []admin.LogRecords{}}
	c := newInquiry(one)
	if out.Since.IsZero() {
		first := one.Opened
		for _, l := range logs {
			if err := audit.Read(ctx, l.dir, audit.Query{Until: one.Opened.Add(before)}, func(r *audit.Record) error {
				if at := c.begins(r); !at.IsZero() && at.Before(first) {
					first = at
				}
				return nil
			}); err != nil {
				return out, err
			}
		}
		out.Since = first.Add(-before)
	}
	left := maxConcerned
	for _, l := range logs {
		c.enter(l.ring)
		err := audit.Read(ctx, l.dir, audit.Query{Since: out.Since, Until: out.Until}, func(r *audit.Record) error {
			own, call := c.own(r), c.call(r)
			switch {
			case !own && !call:
				return nil
			case left == 0:
				out.Cut = true
				return audit.ErrStop
			}
			left--
			c.take(r, own)
			return nil
		})
		if err != nil {
			return out, err
		}
		if len(c.list.Own)+len(c.list.Calls) > 0 {
			c.list.Log = filepath.Base(l.dir)
			out.Logs = append(out.Logs, c.list)
		}
	}
	return out, nil
}

// inquiry is what an incident's records are known by.
type inquiry struct {
	id        string
	alerts    map[string]bool // ids
	exchanges map[string]bool // named in it, and those whose first record was taken
	suspects  []store.IncidentSubject
	prefixes  []netip.Prefix

	// Of the log at hand.
	ring *audit.Keyring
	keys map[audit.SubjectID]string // of suspects: the subject
	list admin.LogRecords
}

func newInquiry(one *store.Incident) *inquiry {
	c := &inquiry{id: one.ID, alerts: map[string]bool{}, exchanges: map[string]bool{}, suspects: slices.Clone(one.About)}
	for i := range one.Containments {
		if s := one.Containments[i].IncidentSubject; !slices.Contains(c.suspects, s) {
			c.suspects = append(c.suspects, s)
		}
	}
	c.suspects = slices.DeleteFunc(c.suspects, func(s store.IncidentSubject) bool { return s.Erased != "" }) // nothing says whose records
	for i := range one.Steps {
		if id := one.Steps[i].Alert; id != "" {
			c.alerts[id] = true
		}
		for _, id := range one.Steps[i].Exchanges {
			c.exchanges[id] = true
		}
	}
	for _, s := range c.suspects {
		if s.Kind != store.OfAddress {
			continue
		}
		if p, err := store.ParseContained(s.Value); err == nil {
			c.prefixes = append(c.prefixes, p)
		}
	}
	return c
}

// begins is when what a record is about began, where the incident names it; else the
// zero time.
func (c *inquiry) begins(r *audit.Record) time.Time {
	if n, ok := c.alert(r); ok {
		return n.First
	}
	if c.named(r.Exchange) {
		return r.Time
	}
	return time.Time{}
}

func (c *inquiry) alert(r *audit.Record) (monitor.Noted, bool) {
	if r.Event != "alert.raised" {
		return monitor.Noted{}, false
	}
	n, ok := monitor.ReadNoted(r.Detail)
	return n, ok && c.alerts[n.ID]
}

// named tells whether an exchange, or the batch that it was in, is one of the
// incident's.
func (c *inquiry) named(exchange string) bool {
	batch, _, _ := strings.Cut(exchange, ".")
	return exchange != "" && (c.exchanges[exchange] || c.exchanges[batch])
}

// enter begins a log: its people have keys of their own.
func (c *inquiry) enter(ring *audit.Keyring) {
	c.ring, c.keys, c.list = ring, map[audit.SubjectID]string{}, admin.LogRecords{Own: []uint64{}, Calls: []uint64{}}
	for _, s := range c.suspects {
		if s.Kind == store.OfPrincipal {
			for _, id := range ring.Of(s.Value) {
				c.keys[id] = s.Value
			}
		}
	}
}

// own tells whether a record is about the incident itself.
func (c *inquiry) own(r *audit.Record) bool {
	if strings.HasPrefix(r.Event, "incident.") {
		id, _, _ := strings.Cut(r.Detail, " ")
		return id == c.id
	}
	_, ok := c.alert(r)
	return ok
}

// call tells whether a record is of whom or what the incident is about, or of an
// exchange that it names.
func (c *inquiry) call(r *audit.Record) bool {
	if r.Kind == audit.KindStart {
		return false
	}
	if c.named(r.Exchange) {
		return true
	}
	subject, keyed := c.keys[r.Key]
	for i := range c.suspects {
		s := &c.suspects[i]
		if keyed && s.Kind == store.OfPrincipal && s.Value == subject && maybe(s, r) || suspected(s, r) {
			return true
		}
	}
	return c.sealed(r)
}

// maybe tells whether a record of a suspect's name is theirs, or may be: of the realm and
// the tenant.
func maybe(s *store.IncidentSubject, r *audit.Record) bool {
	by, err := r.Principal.Realm()
	return (err != nil || s.Realm == "" || by == s.Realm) && (s.Tenant == "" || r.Principal.Tenant == s.Tenant)
}

// suspected compares what is not sealed.
func suspected(s *store.IncidentSubject, r *audit.Record) bool {
	switch s.Kind {
	case store.OfPrincipal:
		return r.Principal.Subject == s.Value && s.Value != "" && maybe(s, r) // a log whose identities are plain
	case store.OfKey:
		return r.Principal.Credential == s.Value
	case store.OfSession:
		return r.Session != ([16]byte{}) && hex.EncodeToString(r.Session[:]) == strings.ToLower(s.Value)
	case store.OfUpstream:
		return r.Upstream == s.Value && r.Kind != audit.KindEvent
	case store.OfTool:
		return r.Upstream == s.Realm && r.Item == s.Value
	case store.OfTenant:
		return r.Principal.Tenant == s.Value
	case store.OfEverything:
		return r.Kind != audit.KindEvent
	}
	return false
}

// sealed compares what has to be opened for it: the address, and who was refused as
// suspended, whose record an earlier gateway sealed under the key of that day's
// strangers.
func (c *inquiry) sealed(r *audit.Record) bool {
	refused := proved(gate.Code(r.Code))
	if len(c.prefixes) == 0 && !refused {
		return false
	}
	open := *r
	if c.ring.Reveal(&open) != nil {
		return false
	}
	by, err := open.Principal.Realm()
	if refused && slices.ContainsFunc(c.suspects, func(s store.IncidentSubject) bool {
		return s.Kind == store.OfPrincipal && s.Value == open.Principal.Subject && (s.Realm == "" || err == nil && s.Realm == by) &&
			(s.Tenant == "" || open.Principal.Tenant == "" || open.Principal.Tenant == s.Tenant) // an earlier gateway kept none
	}) {
		return true
	}
	addr := open.Remote.Unmap() // the zero address is in no prefix
	return slices.ContainsFunc(c.prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// proved tells of the refusals of a suspended caller whose proof was good.
func proved(code gate.Code) bool {
	return code == gate.CodeContainedPrincipal || code == gate.CodeContainedKey || code == gate.CodeContainedTenant
}

// take keeps a record's number. What follows in its exchange is taken, too: an outcome
// does not say again where it came from.
func (c *inquiry) take(r *audit.Record, own bool) {
	if own {
		c.list.Own = append(c.list.Own, r.Seq)
		return
	}
	c.list.Calls = append(c.list.Calls, r.Seq)
	if r.Kind == audit.KindIntent {
		c.exchanges[strings.Clone(r.Exchange)] = true
	}
}
