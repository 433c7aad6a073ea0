package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/flow"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

// Erase implements admin.Privacy: every other store forgets a person, and then their keys
// are destroyed in every log on data_dir. The keys go last: they are what a person is
// found by, so that whatever fails on the way, the same command finishes it. A log that
// another process writes is an error.
func (a *App) Erase(ctx context.Context, actor string, e admin.Erasure) (out admin.Erased, err error) {
	if e.Subject == "" && len(e.Keys) == 0 || e.Basis == "" {
		return out, operated("erasing a person", errors.New("name the subject, or keys, and the legal basis"))
	}
	err = a.act(ctx, []gate.Event{{Kind: "privacy.request", Actor: actor, Detail: "erase: " + e.Basis}}, func() error {
		logs, err := a.logs()
		if err != nil {
			return err
		}
		all, err := a.persons(ctx, e.Whom, logs)
		if err != nil {
			return err
		}
		free, err := a.held.Turn(ctx)
		if err != nil {
			return err
		}
		defer free()
		if err := a.unheld(ctx, actor, logs, all, &out); err != nil {
			return err
		}
		for _, s := range all {
			out.Persons = append(out.Persons, s.shown(e.Subject != ""))
		}
		whom, err := a.forgettable(e.Whom, logs, all)
		if err != nil {
			return err
		}
		for _, s := range whom {
			if err := a.forget(ctx, actor, e, s, &out); err != nil {
				return err
			}
		}
		a.forgetAnswers() // answers that were kept for them
		out.Keys, err = a.destroy(ctx, actor, e.Basis, logs, all)
		return err
	})
	slices.Sort(out.Elsewhere) // who is met twice is told of once
	out.Elsewhere = append(slices.Compact(out.Elsewhere), a.elsewhere()...)
	return out, operated("erasing a person", err)
}

// elsewhere are the places that an erasure does not reach.
func (a *App) elsewhere() []string {
	cfg := a.current.Load().cfg
	all := []string{
		"that a conversation has read something of a label stays known until trust.flow_memory, under a keyed hash of who they are: no name, and nothing of what was read",
		"copies of the log: what was sealed in them is unreadable, too; copies of data_dir hold keys, and the log destroys them again when it opens",
		"a backup of data_dir that is older than this, log and keys together: restore it, then doorward privacy erase --again with a newer copy of the log",
		"Doorward's own log on standard error, and the alerts that were delivered: who has them",
	}
	if cfg.State.Redis != "" {
		all = append(all, "the logs and profiles of the other gateways that share state.redis: run the same command on each; what they share is done")
	}
	return all
}

// unheld takes the keys of people that a legal hold keeps out of what is erased, on
// record and told. Whoever has such a key is forgotten nowhere else either.
func (a *App) unheld(ctx context.Context, actor string, logs []sealedLog, all []*somebody, out *admin.Erased) error {
	holds, err := a.holds()
	if err != nil {
		return err
	}
	for _, s := range all {
		ids := make([][]audit.SubjectID, len(logs))
		for i, one := range logs {
			ids[i] = slices.Clone(s.keys[one.dir])
		}
		refused, err := a.withhold(ctx, logs, ids, s.Subject)
		if err != nil {
			return err
		}
		if h := s.heldBy(holds, logs); h != nil && len(refused) == 0 { // of a name in clear, which has no key
			refused = append(refused, admin.Refusal{Hold: h.ID, Reason: h.Reason})
		}
		for _, r := range refused {
			e := gate.Event{Kind: "privacy.refuse", Actor: actor, Detail: cmp.Or(r.Key, "a name in clear") + " is under legal hold " + r.Hold + ": " + r.Reason, Status: "refused"}
			if err := a.trail.Event(ctx, e); err != nil {
				return err
			}
		}
		out.Refused = append(out.Refused, refused...)
		for i, one := range logs {
			if s.keys != nil {
				s.keys[one.dir] = ids[i]
			}
		}
		s.held = len(refused) > 0
	}
	return nil
}

// destroy goes through all logs.
func (a *App) destroy(ctx context.Context, actor, basis string, logs []sealedLog, all []*somebody) (total int, err error) {
	for _, one := range logs {
		var ids []audit.SubjectID
		for _, s := range all {
			ids = append(ids, s.keys[one.dir]...)
		}
		if len(ids) == 0 {
			continue
		}
		gone, err := a.eraseIn(one.dir, func(l *audit.Log) (int, error) { return l.Erase(ctx, ids, basis, actor) })
		if total += gone; err != nil {
			return total, fmt.Errorf("%s: %w (run it again when no other process writes that log)", one.dir, err)
		}
	}
	return total, nil
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

// forgettable are those of all, and whoever else may be in the other stores, whom no
// legal hold keeps there. Where it keeps one of a name, no other is meant by the name alone.
func (a *App) forgettable(w admin.Whom, logs []sealedLog, all []*somebody) (whom []*somebody, err error) {
	holds, err := a.holds()
	if err != nil {
		return nil, err
	}
	held := slices.ContainsFunc(all, func(s *somebody) bool { return s.held })
	for _, s := range append(slices.Clone(all), a.unrecorded(w)...) {
		s.loose = s.loose && !held
		if s.Subject != "" && !s.held && (s.exact || s.loose) && s.heldBy(holds, logs) == nil {
			whom = append(whom, s)
		}
	}
	return whom, nil
}

// forget takes somebody out of every store but the logs.
func (a *App) forget(ctx context.Context, actor string, e admin.Erasure, s *somebody, out *admin.Erased) error {
	held, err := a.opened(ctx)
	if err != nil {
		return err
	}
	n, err := held.Forget(ctx, func(realm, subject, key string) bool { return s.is(realm, subject, key) })
	if err != nil {
		return err
	}
	out.Approvals += n
	if n, err = a.shared.now.Load().revoked.Forget(ctx, s.Realm, s.Subject); err != nil {
		return err
	}
	out.Revocations += n
	if s.exact {
		if n, err = a.shared.now.Load().taints.Forget(ctx, s.principal().Key(), flow.Words()); err != nil {
			return err
		}
		out.Labels += n
		was, err := a.monitor.Forget(s.principal())
		if err != nil {
			return err
		}
		if was {
			out.Profiles++
		}
	}
	if n, err = a.delivery.Forget(s.alerted); err != nil {
		return err
	}
	out.Alerts += n
	kept, err := a.incidents(ctx)
	if err != nil {
		return err
	}
	n, err = kept.Forget(ctx, store.Forgotten{Is: s.concerns, Name: s.Subject})
	if out.Incidents += n; err != nil {
		return err
	}
	if s.Realm == "" || s.Realm == gate.RealmKeys && s.Tenant == "" {
		return a.forgetKeys(ctx, actor, e, s.Subject, out)
	}
	return nil
}

// is tells whether somebody in a store is this person: by who vouched, the name and
// Principal.Key.
func (s *somebody) is(realm, subject, key string) bool {
	if s.exact {
		return s.principal().HasKey(key)
	}
	return s.loose && subject == s.Subject && (s.Realm == "" || s.Realm == realm)
}

// alerted tells whether an alert is about this person, or says an address of theirs.
func (s *somebody) alerted(a *monitor.Alert) bool {
	if a.Subject.Kind == monitor.OfPrincipal {
		who := gate.Principal{Realm: a.Subject.Realm, Tenant: a.Subject.Tenant, Subject: a.Subject.Value}
		if s.is(who.Realm, who.Subject, who.Key()) {
			return true
		}
	}
	if a.Credential != "" && s.credentials[a.Credential] {
		return true
	}
	text, _, _ := strings.Cut(a.Subject.Value, "/")
	for _, text := range [...]string{a.Address, text} {
		if at, err := netip.ParseAddr(text); err == nil && s.at(at) {
			return true
		}
	}
	return false
}

// at tells whether the person came from an address, or from its /64 of IPv6.
func (s *somebody) at(at netip.Addr) bool {
	if s.addresses[at] {
		return true
	}
	const network = 64 // bits; see monitor
	if !at.Is6() {
		return false
	}
	near, err := at.Prefix(network)
	return err == nil && s.in(near)
}

// forgetKeys takes the name off API keys that are good no more.
func (a *App) forgetKeys(ctx context.Context, actor string, e admin.Erasure, name string, out *admin.Erased) error {
	n, live, err := a.keys.Forget(name)
	if out.APIKeys += n; err != nil || len(live) == 0 {
		return err
	}
	if !e.Revoke {
		out.Elsewhere = append(out.Elsewhere, fmt.Sprintf(
			"API keys that let somebody in under that name (%s): end them with doorward key revoke and run this again, or use --revoke", strings.Join(live, ", ")))
		return nil
	}
	for _, id := range live {
		if err := a.RevokeKey(ctx, actor, id); err != nil {
			return err
		}
	}
	n, _, err = a.keys.Forget(name)
	out.APIKeys += n
	return err
}
