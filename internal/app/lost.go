package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// unlost refuses a state in files of which something is gone: a list of what is suspended
// or revoked that the audit log says was written. Without it nothing of that would be in
// force any more, and nobody would notice.
func unlost(dir string, owed audit.Owed) error {
	var errs []error
	for _, one := range []struct {
		kept store.Kept
		list string
		acts uint64
	}{
		{store.KeptIncidents, audit.ListIncidents, owed.Incidents},
		{store.KeptRevocations, audit.ListRevocations, owed.Revocations},
	} {
		if one.acts == 0 {
			continue
		}
		there, err := one.kept.There(dir)
		if err == nil && !there {
			err = fmt.Errorf("%s is gone, and by the audit log it was written %d times: what it suspended or revoked would be let in. "+
				"Restore it from a backup; or, if it is lost for good or was in redis before, begin with an empty list: doorward incident accept-loss %s --reason TEXT, "+
				"and suspend and revoke again what doorward audit search --event %s shows", filepath.Join(dir, string(one.kept)), one.acts, one.list, shownBy(one.list))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// shownBy is the event that tells what was on a list.
func shownBy(list string) string {
	if list == audit.ListIncidents {
		return "incident.contain"
	}
	return "identity.revoke"
}

// AcceptLoss implements admin.Losses. It opens no state: that would be refused.
func (a *App) AcceptLoss(ctx context.Context, actor string, l admin.Loss) error {
	const op = "accepting a loss"
	kept, ok := map[string]store.Kept{audit.ListIncidents: store.KeptIncidents, audit.ListRevocations: store.KeptRevocations}[l.List]
	switch {
	case !ok:
		return operated(op, fmt.Errorf("there is no list %q: %s or %s", gate.Visible(l.List), audit.ListIncidents, audit.ListRevocations))
	case strings.TrimSpace(l.Reason) == "":
		return operated(op, errors.New("say why, with --reason"))
	case a.current.Load().cfg.State.Redis != "":
		return operated(op, errors.New("the lists are in redis (state.redis), and not in data_dir"))
	}
	there, err := kept.There(a.shared.dir)
	if err == nil && there {
		err = fmt.Errorf("%s is there: nothing of it is lost", filepath.Join(a.shared.dir, string(kept)))
	}
	if err != nil {
		return operated(op, err)
	}
	e := gate.Event{Kind: audit.EventAccepted, Actor: actor, Detail: l.List + " " + gate.Visible(l.Reason)}
	return operated(op, a.act(ctx, []gate.Event{e}, func() error { return kept.Begin(a.shared.dir) }))
}
