package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Erase implements admin.Privacy: the keys of a person are destroyed in every log on
// data_dir. A log that another process writes is an error, and nothing is done
// anywhere.
func (a *App) Erase(ctx context.Context, actor string, e admin.Erasure) (out admin.Erased, err error) {
	if e.Subject == "" && len(e.Keys) == 0 || e.Basis == "" {
		return out, operated("erasing a person", errors.New("name the subject, or keys, and the legal basis"))
	}
	err = a.act(ctx, []gate.Event{{Kind: "privacy.request", Actor: actor, Detail: "erase: " + e.Basis}}, func() error {
		out.Keys, out.Refused, err = a.erase(ctx, actor, e)
		return err
	})
	out.Elsewhere = []string{
		"an API key of that name: doorward key revoke",
		"a revoked subject: the list needs the name to turn it away",
		"approvals and what a session has read: they end by themselves (approvals.expire, trust.flow_memory)",
		"incidents about the person, which are sealed: closed ones are kept for 400 days (doorward incident list --all)",
		"copies of the log: what was sealed in them is unreadable, too; copies of data_dir hold keys, and the log destroys them again when it opens",
	}
	return out, operated("erasing a person", err)
}

// erase goes through all logs: first it looks whether it can, then it does.
func (a *App) erase(ctx context.Context, actor string, e admin.Erasure) (total int, refused []admin.Refusal, err error) {
	found, err := a.logs()
	if err != nil {
		return 0, nil, err
	}
	ids, err := erased(found, e)
	if err != nil {
		return 0, nil, err
	}
	if refused, err = a.withhold(ctx, found, ids, e.Subject); err != nil {
		return 0, nil, err
	}
	for _, r := range refused {
		e := gate.Event{Kind: "privacy.refuse", Actor: actor, Detail: r.Key + " is under legal hold " + r.Hold + ": " + r.Reason, Status: "refused"}
		if err := a.trail.Event(ctx, e); err != nil {
			return 0, nil, err
		}
	}
	for i, one := range found {
		if len(ids[i]) == 0 {
			continue
		}
		gone, err := a.eraseIn(one.dir, func(l *audit.Log) (int, error) { return l.Erase(ctx, ids[i], e.Basis, actor) })
		if total += gone; err != nil {
			return total, refused, fmt.Errorf("%s: %w (run it again when no other process writes that log)", one.dir, err)
		}
	}
	return total, refused, nil
}

// erased are the ids to destroy, by log.
func erased(found []sealedLog, e admin.Erasure) ([][]audit.SubjectID, error) {
	ids := make([][]audit.SubjectID, len(found))
	for i, one := range found {
		if e.Subject != "" {
			ids[i] = one.ring.Of(e.Subject)
		}
		if len(e.Keys) == 0 {
			continue
		}
		all := ids[i]
		ids[i] = nil
		for _, key := range e.Keys {
			id, err := audit.ParseSubjectID(key)
			if err != nil {
				return nil, err
			}
			if one.ring.Has(id) && (e.Subject == "" || slices.Contains(all, id)) {
				ids[i] = append(ids[i], id)
			}
		}
	}
	return ids, nil
}

// eraseIn hands out the log of a directory: the gateway's own, or one that nobody
// writes now.
func (a *App) eraseIn(dir string, do func(*audit.Log) (int, error)) (int, error) {
	if dir == a.audit.Dir() {
		return do(a.audit)
	}
	l, err := audit.Open(a.auditConfig(dir))
	if err != nil {
		return 0, err
	}
	gone, err := do(l)
	return gone, errors.Join(err, l.Close())
}
