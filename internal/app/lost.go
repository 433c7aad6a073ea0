package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// unlost refuses a state in files of which something is gone: a list of what is suspended
// or revoked that the audit log says was written. Without it nothing of that would be in
// force any more, and nobody would notice.
func unlost(dir string, owed audit.Owed) error {
	var errs []error
	for _, kept := range inForce() {
		acts, list := actsOn(owed, kept), listOf(kept)
		if acts == 0 {
			continue
		}
		there, err := kept.There(dir)
		if err == nil && !there {
			err = fmt.Errorf("%s is gone, and by the audit log it was written %d times: what it suspended or revoked would be let in. "+
				"Restore it from a backup; or, if it is lost for good or was in redis or postgres before, begin with an empty list: doorward incident accept-loss %s --reason TEXT, "+
				"and suspend and revoke again what doorward audit search --event %s shows", filepath.Join(dir, string(kept)), acts, list, shownBy(list))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// inForce are the lists without which somebody would be let in, wherever they are kept.
func inForce() []store.Kept { return []store.Kept{store.KeptIncidents, store.KeptRevocations} }

// actsOn is how often something was put on a list, by what is on record.
func actsOn(owed audit.Owed, kept store.Kept) uint64 {
	return map[store.Kept]uint64{store.KeptIncidents: owed.Incidents, store.KeptRevocations: owed.Revocations}[kept]
}

// unmoved refuses a database that is new to a gateway whose lists are elsewhere, or were:
// in files of its own, which nobody has put away, or, by the audit log, in redis. What they
// suspend or revoke would be let in, whatever the database has of other gateways.
func unmoved(dir string, owed audit.Owed, wrote *store.Ledger) error {
	var errs []error
	for _, kept := range inForce() {
		list := listOf(kept)
		there, err := kept.There(dir)
		switch {
		case err != nil:
		case there:
			err = fmt.Errorf("%s is there, and state.kind is postgres: what it suspends or revokes is not in the database, and would be let in. "+
				"Move it out of data_dir, and suspend and revoke again, before this gateway serves, what doorward audit search --event %s shows", filepath.Join(dir, string(kept)), shownBy(list))
		case elsewhere(owed, wrote, kept):
			err = fmt.Errorf("the list of %s was written %d times by the audit log, and never in this database (state.kind): what it suspended or revoked in redis or elsewhere would be let in. "+
				"Go on with the list that the database has: doorward incident accept-loss %s --reason TEXT, and suspend and revoke again what doorward audit search --event %s shows", list, actsOn(owed, kept), list, shownBy(list))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// elsewhere tells whether, by the audit log, a list was written where nobody counts changes:
// in redis, for one.
func elsewhere(owed audit.Owed, wrote *store.Ledger, kept store.Kept) bool {
	return actsOn(owed, kept) > 0 && wrote.Least(kept) == 0
}

// shownBy is the event that tells what was on a list.
func shownBy(list string) string {
	switch list {
	case audit.ListIncidents:
		return "incident.contain"
	case audit.ListKeys:
		return "key.revoke"
	case audit.ListApprovals:
		return "approval.grant"
	}
	return "identity.revoke"
}

// lists are those that are counted, by their names on record and on the command line.
func lists() map[string]store.Kept {
	return map[string]store.Kept{
		audit.ListIncidents: store.KeptIncidents, audit.ListRevocations: store.KeptRevocations, audit.ListKeys: store.KeptKeys,
		audit.ListApprovals: store.KeptApprovals,
	}
}

// listOf is the name of a list on record.
func listOf(kept store.Kept) string {
	if kept == store.KeptAlerts {
		return audit.ListAlerts
	}
	for name, one := range lists() {
		if one == kept {
			return name
		}
	}
	return ""
}

// ledger knows how often lists were changed by what is on record, and puts on record that
// they were.
func (a *App) ledger() *store.Ledger {
	was := a.audit.Owed().Written
	least := map[store.Kept]uint64{store.KeptIncidents: was.Incidents, store.KeptRevocations: was.Revocations, store.KeptKeys: was.Keys, store.KeptAlerts: was.Alerts, store.KeptApprovals: was.Approvals}
	return store.NewLedger(least, func(list store.Kept, generation uint64) error {
		return a.trail.Event(context.WithoutCancel(a.ctx), gate.Event{
			Kind: audit.EventWritten, Actor: "doorward", Status: "ok", Detail: listOf(list) + " " + strconv.FormatUint(generation, 10),
		})
	})
}

// restorable adds to the error of a list that is older than it was what there is to do.
func restorable(err error) error {
	stale, ok := errors.AsType[*store.StaleError](err)
	if !ok {
		return err
	}
	list := listOf(stale.List)
	lost, again := "what was suspended or revoked since would be let in", "suspend and revoke again"
	if stale.List == store.KeptApprovals {
		lost, again = "a yes that was used or taken back since could be used again", "deny again"
	}
	return fmt.Errorf("%w: %s. Put the newest copy back; or, if there is none, go on with this one: "+
		"doorward incident accept-loss %s --reason TEXT, and %s what doorward audit search --event %s shows", err, lost, list, again, shownBy(list))
}

// AcceptLoss implements admin.Losses. It opens no state: that would be refused.
func (a *App) AcceptLoss(ctx context.Context, actor string, l admin.Loss) error {
	const op = "accepting a loss"
	kept, ok := lists()[l.List]
	switch {
	case !ok:
		return operated(op, fmt.Errorf("there is no list %q: %q", gate.Visible(l.List), names(lists())))
	case strings.TrimSpace(l.Reason) == "":
		return operated(op, errors.New("say why, with --reason"))
	}
	e := gate.Event{Kind: audit.EventAccepted, Actor: actor, Detail: l.List + " " + gate.Visible(l.Reason)}
	state := a.current.Load().cfg.State
	switch {
	case kept != store.KeptKeys && state.Kind == config.PostgresState:
		return operated(op, a.goOnInPostgres(ctx, kept, e))
	case kept != store.KeptKeys && state.Redis != "":
		return operated(op, errors.New("the list is in redis (state.redis), and not in data_dir"))
	case kept == store.KeptApprovals:
		return operated(op, errors.New("approvals are counted in PostgreSQL alone (state.kind)"))
	}
	there, err := kept.There(a.shared.dir)
	if err == nil {
		err = a.missed(kept, there)
	}
	if err != nil {
		return operated(op, err)
	}
	return operated(op, a.act(ctx, []gate.Event{e}, func() error {
		if !there {
			if err := kept.Begin(a.shared.dir); err != nil {
				return err
			}
		}
		return kept.GoOn(a.shared.dir, a.shared.incidentKey, a.shared.wrote)
	}))
}

// goOnInPostgres goes on with a list of the database as it is there, once it has seen that
// something is lost. That is on record first, as e.
func (a *App) goOnInPostgres(ctx context.Context, kept store.Kept, e gate.Event) (err error) {
	snap := a.current.Load()
	p, err := a.shared.database(ctx, snap.cfg.State, snap.secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	key := a.shared.key
	if kept == store.KeptIncidents {
		key = a.shared.incidentKey
	}
	behind, err := p.Behind(ctx, kept, key, a.shared.wrote)
	switch {
	case err != nil:
		return err
	case !behind && !elsewhere(a.shared.owed, a.shared.wrote, kept):
		return fmt.Errorf("the list of %s in PostgreSQL is as new as the audit log knows: nothing of it is lost", listOf(kept))
	}
	return a.act(ctx, []gate.Event{e}, func() error { return p.GoOn(ctx, kept, key, a.shared.wrote) })
}

// tellOfLosses says, once something serves, what was accepted as lost since that was last
// said: whoever is told of alerts was not while nothing did.
func (a *App) tellOfLosses(ctx context.Context) error {
	n := a.audit.Owed().Accepted
	if n == 0 {
		return nil
	}
	return a.trail.Event(ctx, gate.Event{
		Kind: audit.EventInForce, Actor: "doorward", Status: "ok",
		Detail: fmt.Sprintf("%d accepted losses: see %s and %s", n, audit.EventAccepted, audit.EventLoss),
	})
}

// missed is nil where a list is gone that was written, by what is on record, or is there
// and was changed less often.
func (a *App) missed(kept store.Kept, there bool) error {
	least, path := a.shared.wrote.Least(kept), filepath.Join(a.shared.dir, string(kept))
	if !there {
		if least == 0 && actsOn(a.shared.owed, kept) == 0 {
			return fmt.Errorf("%s is not on record as written: nothing of it is lost", path)
		}
		return nil
	}
	generation, err := kept.Generation(a.shared.dir)
	if err == nil && generation >= least {
		err = fmt.Errorf("%s is there: nothing of it is lost", path)
	}
	return err
}
