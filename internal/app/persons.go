package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Bounds of what is remembered of one person while their records are looked through.
const (
	maxAddresses   = 10_000
	maxCredentials = 10_000
)

// somebody is a person as the logs know them.
type somebody struct {
	audit.Person
	keys        map[string][]audit.SubjectID // by the directory of the log
	addresses   map[netip.Addr]bool
	credentials map[string]bool
	exact       bool // who vouched for them, and in which tenant, is known
	loose       bool // else: everybody of the name is meant, of whatever tenant
	held        bool // a legal hold keeps a key of theirs
}

func (s *somebody) principal() *gate.Principal {
	return &gate.Principal{Realm: s.Realm, Tenant: s.Tenant, Subject: s.Subject}
}

func (s *somebody) shown(named bool) admin.Someone {
	out := admin.Someone{Issuer: s.Realm, Tenant: s.Tenant, Keys: s.ids()}
	if named {
		out.Subject = s.Subject
	}
	return out
}

func (s *somebody) ids() []string {
	ids := []string{}
	for _, of := range s.keys {
		for _, id := range of {
			ids = append(ids, id.String())
		}
	}
	slices.Sort(ids)
	return ids
}

// persons finds everybody whom an operator means. It looks at every record: who vouched
// for a person, and in which tenant, is in their records alone.
func (a *App) persons(ctx context.Context, w admin.Whom, logs []sealedLog) ([]*somebody, error) {
	if w.Subject == "" && len(w.Keys) == 0 {
		return nil, errors.New("name the subject, or keys")
	}
	named := map[audit.SubjectID]bool{}
	for _, key := range w.Keys {
		id, err := audit.ParseSubjectID(key)
		if err != nil {
			return nil, err
		}
		named[id] = true
	}
	f := finder{whom: w, named: named, realms: a.realms(), met: map[audit.Person]*somebody{}}
	for _, one := range logs {
		if err := f.look(ctx, one); err != nil {
			return nil, err
		}
	}
	return f.found(), nil
}

// realms are those who can have vouched for somebody.
func (a *App) realms() []string {
	all := []string{gate.RealmKeys, gate.RealmMTLS, gate.RealmAnonymous, gate.RealmLocal}
	for _, i := range a.current.Load().cfg.Identity.Issuers {
		all = append(all, i.Issuer)
	}
	return all
}

// finder finds persons, log after log.
type finder struct {
	whom   admin.Whom
	named  map[audit.SubjectID]bool
	realms []string
	met    map[audit.Person]*somebody
}

// look goes through one log.
func (f *finder) look(ctx context.Context, one sealedLog) error {
	ids := map[audit.SubjectID]bool{} // that are meant, and whether a record has said whose
	if f.whom.Subject != "" {
		for _, id := range one.ring.Of(f.whom.Subject) {
			ids[id] = false
		}
	}
	if len(f.named) > 0 {
		asked := ids
		ids = map[audit.SubjectID]bool{}
		for id := range f.named {
			if _, ok := asked[id]; one.ring.Has(id) && (ok || f.whom.Subject == "") {
				ids[id] = false
			}
		}
	}
	err := audit.Read(ctx, one.dir, audit.Query{}, func(r *audit.Record) error {
		if !f.meant(ids, r) {
			return nil
		}
		p, ok := one.ring.Whose(r, f.realms)
		if !ok {
			return nil
		}
		s := f.meet(p, one.dir, r.Key)
		s.exact = true
		ids[r.Key] = true
		s.note(r)
		return nil
	})
	if err != nil {
		return err
	}
	for id, said := range ids { // no record says whose it is
		if !said && id != (audit.SubjectID{}) {
			f.meet(audit.Person{Subject: f.whom.Subject}, one.dir, id).loose = len(f.named) == 0
		}
	}
	return nil
}

// meant tells whether a record is of one of the keys, or has the name as text.
func (f *finder) meant(ids map[audit.SubjectID]bool, r *audit.Record) bool {
	if _, ok := ids[r.Key]; ok && r.Key != (audit.SubjectID{}) {
		return true
	}
	return f.whom.Subject != "" && len(f.named) == 0 && r.Principal.Subject == f.whom.Subject
}

func (f *finder) meet(p audit.Person, dir string, key audit.SubjectID) *somebody {
	s := f.met[p]
	if s == nil {
		own := audit.Person{Realm: strings.Clone(p.Realm), Tenant: strings.Clone(p.Tenant), Subject: strings.Clone(p.Subject)}
		s = &somebody{Person: own, keys: map[string][]audit.SubjectID{}, addresses: map[netip.Addr]bool{}, credentials: map[string]bool{}}
		f.met[own] = s
	}
	if key != (audit.SubjectID{}) && !slices.Contains(s.keys[dir], key) {
		s.keys[dir] = append(s.keys[dir], key)
	}
	return s
}

// note remembers what else a person is known by.
func (s *somebody) note(r *audit.Record) {
	if r.Remote.IsValid() && len(s.addresses) < maxAddresses {
		s.addresses[r.Remote] = true
	}
	if c := r.Principal.Credential; c != "" && len(s.credentials) < maxCredentials && !s.credentials[c] {
		s.credentials[strings.Clone(c)] = true
	}
}

// found are those of the tenant and issuer that were asked for.
func (f *finder) found() []*somebody {
	var all []*somebody
	for p, s := range f.met {
		if (f.whom.Tenant == nil || *f.whom.Tenant == p.Tenant && s.exact) && (f.whom.Issuer == "" || f.whom.Issuer == p.Realm) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *somebody) int {
		return cmp.Or(cmp.Compare(a.Realm, b.Realm), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

// onePerson is the one whom an operator means. Several of one name are never mixed.
func (a *App) onePerson(ctx context.Context, w admin.Whom, logs []sealedLog) (*somebody, error) {
	all, err := a.persons(ctx, w, logs)
	if err == nil && len(all) == 0 && (w.Tenant == nil || w.Issuer != "") {
		all = a.unrecorded(w)
	}
	const say = "say it with --issuer and --tenant ('' for none)"
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0 && len(w.Keys) > 0:
		return nil, errors.New("nobody of that key is on record")
	case len(all) == 0:
		return nil, errors.New("nobody of that name is on record: whoever is meant all the same, " + say)
	case len(all) > 1:
		var who []string
		for _, s := range all {
			who = append(who, fmt.Sprintf("issuer %q tenant %q key %s", s.Realm, s.Tenant, strings.Join(s.ids(), ",")))
		}
		return nil, fmt.Errorf("that name is of %d people: say which with --issuer and --tenant, or --key: %s", len(all), strings.Join(who, "; "))
	case !all[0].exact:
		return nil, errors.New("no record says at which issuer and tenant that is: " + say)
	}
	return all[0], nil
}

// unrecorded are those whom an operator can mean and of whom perhaps no log knows: they
// may have an API key, an approval or a revocation all the same.
func (a *App) unrecorded(w admin.Whom) []*somebody {
	var all []*somebody
	realms := a.realms()
	if w.Issuer != "" {
		realms = []string{w.Issuer}
	}
	switch {
	case w.Subject == "" || len(w.Keys) > 0:
	case w.Tenant == nil:
		all = append(all, &somebody{Person: audit.Person{Realm: w.Issuer, Subject: w.Subject}, loose: true})
	default:
		for _, realm := range realms {
			all = append(all, &somebody{Person: audit.Person{Realm: realm, Tenant: *w.Tenant, Subject: w.Subject}, exact: true})
		}
	}
	return all
}

// clockOf is a time for a file: UTC, whole seconds.
func clockOf(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
