package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// holds are the legal holds that last. One that is on record and not in the file is an
// error: whoever lost the file must not lose what is held.
func (a *App) holds() ([]store.Hold, error) {
	all, err := a.held.List()
	if err != nil {
		return nil, err
	}
	for id := range a.audit.Holds() {
		if !slices.ContainsFunc(all, func(h store.Hold) bool { return h.ID == id }) {
			return nil, fmt.Errorf("legal hold %s is on record and not in holds.json: restore that file, or release the hold", id)
		}
	}
	return all, nil
}

// heldNow tells which records are under a hold now.
func (a *App) heldNow() (func(*audit.Record) bool, error) {
	all, err := a.holds()
	if err != nil {
		return nil, err
	}
	keys, subjects := map[audit.SubjectID]bool{}, map[string]bool{}
	var spans []store.Hold
	for _, h := range all {
		for _, key := range h.Keys {
			id, err := audit.ParseSubjectID(key)
			if err != nil {
				return nil, err
			}
			keys[id] = true
		}
		if h.Subject != "" {
			subjects[h.Subject] = true
		}
		if !h.Since.IsZero() {
			spans = append(spans, h)
		}
	}
	return func(r *audit.Record) bool {
		return keys[r.Key] || subjects[r.Principal.Subject] ||
			slices.ContainsFunc(spans, func(h store.Hold) bool { return !r.Time.Before(h.Since) && r.Time.Before(h.Until) })
	}, nil
}

// AddHold implements admin.Retaining.
func (a *App) AddHold(ctx context.Context, actor string, req admin.HoldRequest) (admin.Hold, error) {
	free, err := a.held.Turn(ctx) // before anybody looks for keys: who has it may destroy them
	if err != nil {
		return admin.Hold{}, operated("holding records", err)
	}
	defer free()
	one := store.Hold{ID: store.NewHoldID(), Since: req.Since.UTC(), Until: req.Until.UTC(), Reason: req.Reason, By: actor, Created: time.Now()}
	if req.Subject != "" {
		logs, err := a.logs()
		if err != nil {
			return admin.Hold{}, operated("holding records", err)
		}
		one.Keys = keysOf(logs, req.Subject)
		switch plain := a.Config.Audit.Identity == "plain"; {
		case plain:
			one.Subject = req.Subject
		case len(one.Keys) == 0:
			return admin.Hold{}, operated("holding records", errors.New("nothing is on record of anybody of that name"))
		}
	}
	if err := one.Check(); err != nil { // before anything is on record
		return admin.Hold{}, operated("holding records", err)
	}
	e := gate.Event{Kind: audit.EventHold, Actor: actor, Detail: fmt.Sprintf("%s %s; %s", one.ID, one.Reason, heldWhat(&one))}
	err = a.act(ctx, []gate.Event{e}, func() error { return a.held.Add(one) })
	return shownHold(&one), operated("holding records", err)
}

// heldWhat is what a hold is of, for the record: it names nobody.
func heldWhat(h *store.Hold) string {
	if !h.Since.IsZero() {
		return "records from " + h.Since.Format(time.RFC3339) + " to " + h.Until.Format(time.RFC3339)
	}
	return fmt.Sprintf("a person with keys %v", h.Keys)
}

func shownHold(h *store.Hold) admin.Hold {
	return admin.Hold{
		ID: h.ID, Keys: h.Keys, Subject: h.Subject, Since: h.Since, Until: h.Until,
		Reason: h.Reason, By: h.By, Created: h.Created.UTC().Truncate(time.Second),
	}
}

// ListHolds implements admin.Retaining. A list that lacks a hold that is on record is none.
func (a *App) ListHolds(context.Context) ([]admin.Hold, error) {
	all, err := a.holds()
	out := make([]admin.Hold, 0, len(all))
	for i := range all {
		out = append(out, shownHold(&all[i]))
	}
	return out, operated("listing legal holds", err)
}

// ReleaseHold implements admin.Retaining. One that is on record alone can be released,
// too.
func (a *App) ReleaseHold(ctx context.Context, actor string, r admin.Release) error {
	if r.ID == "" || r.Reason == "" {
		return operated("releasing a hold", errors.New("name the hold, and the reason"))
	}
	recorded := a.audit.Holds()[r.ID]
	e := gate.Event{Kind: audit.EventRelease, Actor: actor, Detail: r.ID + " " + r.Reason}
	err := a.act(ctx, []gate.Event{e}, func() error {
		err := a.held.Release(r.ID)
		if recorded && errors.Is(err, store.ErrNoHold) {
			return nil
		}
		return err
	})
	return operated("releasing a hold", err)
}

// withhold takes out of the keys to erase those that a hold keeps, and tells which and
// why (Art. 17(3) GDPR). ids are by log, as found is.
func (a *App) withhold(ctx context.Context, found []sealedLog, ids [][]audit.SubjectID, subject string) ([]admin.Refusal, error) {
	all, err := a.holds()
	if err != nil {
		return nil, err
	}
	var refused []admin.Refusal
	for i := range found {
		w := withheld{ids: ids[i], subject: subject, by: map[audit.SubjectID]*store.Hold{}}
		for h := range all {
			if err := w.add(ctx, found[i].dir, &all[h]); err != nil {
				return nil, err
			}
		}
		ids[i] = slices.DeleteFunc(ids[i], func(id audit.SubjectID) bool {
			h := w.by[id]
			if h != nil {
				refused = append(refused, admin.Refusal{Key: id.String(), Hold: h.ID, Reason: h.Reason})
			}
			return h != nil
		})
	}
	return refused, nil
}

// withheld are keys of one log that somebody wants erased, and the holds on them.
type withheld struct {
	ids     []audit.SubjectID
	subject string // whose they are; empty: they were named by themselves
	by      map[audit.SubjectID]*store.Hold
}

// add finds those that a hold keeps: of its person, and with a record in its time.
func (w *withheld) add(ctx context.Context, dir string, h *store.Hold) error {
	for _, id := range w.ids {
		if slices.Contains(h.Keys, id.String()) || h.Subject != "" && h.Subject == w.subject {
			w.by[id] = h
		}
	}
	if h.Since.IsZero() || len(w.ids) == 0 {
		return nil
	}
	return audit.Read(ctx, dir, audit.Query{Since: h.Since, Until: h.Until}, func(r *audit.Record) error {
		if slices.Contains(w.ids, r.Key) {
			w.by[r.Key] = h
		}
		return nil
	})
}

// heldBy is a hold of a person, by their name in clear or by a key of theirs; nil where
// there is none.
func (s *somebody) heldBy(holds []store.Hold, logs []sealedLog) *store.Hold {
	for i := range holds {
		h := &holds[i]
		if h.Subject != "" && h.Subject == s.Subject {
			return h
		}
		for _, key := range h.Keys {
			id, err := audit.ParseSubjectID(key)
			if err != nil {
				return h // nobody knows whose it is
			}
			for _, one := range logs {
				if s.exact && one.ring.Is(id, s.Person) || s.loose && one.ring.Named(id, s.Subject) {
					return h
				}
			}
		}
	}
	return nil
}
