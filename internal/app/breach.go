package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// maxTouched bounds each list of a Breach.
const maxTouched = 50_000

// noticeWithin is how long a controller has (GDPR, article 33(1)).
const noticeWithin = 72 * time.Hour

// Breach implements admin.Privacy. That it was asked for is on record before anything
// that is sealed is opened.
func (a *App) Breach(ctx context.Context, actor string, t admin.Touch) (admin.Breach, error) {
	s, err := newSuspect(&t)
	if err != nil {
		return admin.Breach{}, operated("looking at a breach", err)
	}
	logs, err := a.logs()
	if err != nil {
		return admin.Breach{}, operated("looking at a breach", err)
	}
	asked := t
	asked.Principal, asked.Address = "", "" // the record names nobody
	if t.Session != "" {
		asked.Session = hex.EncodeToString(s.session[:]) // an id would let somebody go on with it
	}
	e := gate.Event{Kind: "privacy.breach", Actor: actor, Remote: s.network.Addr(), Detail: inALine(&asked, keysOf(logs, t.Principal))}
	x := &touching{suspect: s, open: t.Open, realms: a.realms(), persons: map[touchedBy]*admin.Touched{}, items: map[touchedItem]*admin.TouchItem{}}
	x.findings, x.access, x.statuses = map[string]int{}, map[string]int{}, map[string]int{}
	err = a.act(ctx, []gate.Event{e}, func() error {
		for _, one := range logs {
			if err := x.look(ctx, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return admin.Breach{}, operated("looking at a breach", err)
	}
	b := x.told()
	b.Asked, b.Made, b.Aware = t, clockOf(time.Now()), clockOf(t.Aware)
	if t.Aware.IsZero() {
		b.Aware = b.Made
	}
	b.Notify = b.Aware.Add(noticeWithin)
	p := &a.current.Load().cfg.Privacy
	b.Controller, b.Contact = p.Controller, p.Contact
	b.ToSay = []string{
		"the nature of the breach (article 33(3)(a)): what happened, and how it was found",
		"its likely consequences (article 33(3)(c))",
		"what was done about it (article 33(3)(d)): see key.revoke and identity.revoke in the log",
		"whether the people must be told (article 34)",
		"what the upstreams hold of other people behind these tools and resources: ask who runs them",
	}
	return b, nil
}

// suspect is what somebody looks for in records.
type suspect struct {
	credential, principal string
	session               [16]byte
	network               netip.Prefix
	since, until          time.Time
}

func newSuspect(t *admin.Touch) (s suspect, err error) {
	set := 0
	for _, text := range [...]string{t.Credential, t.Session, t.Principal, t.Address} {
		if text != "" {
			set++
		}
	}
	if set != 1 {
		return s, errors.New("name one of a credential, a session, a principal and an address")
	}
	s = suspect{credential: t.Credential, principal: t.Principal, since: t.Since, until: t.Until}
	if t.Session != "" {
		raw, err := hex.DecodeString(t.Session)
		if err != nil || copy(s.session[:], raw) != len(raw) || len(raw) != len(s.session) {
			sum := sha256.Sum256([]byte(t.Session))
			copy(s.session[:], sum[:])
		}
	}
	if t.Address != "" {
		if s.network, err = netip.ParsePrefix(t.Address); err != nil {
			at, err := netip.ParseAddr(t.Address)
			if err != nil {
				return s, fmt.Errorf("%q is neither an address nor a network", t.Address)
			}
			s.network = netip.PrefixFrom(at.Unmap(), at.Unmap().BitLen())
		}
	}
	return s, nil
}

// inALine is a question in a line, for the record.
func inALine(t *admin.Touch, keys []string) string {
	words := []string{"breach"}
	for _, w := range [...]struct{ name, value string }{
		{"credential", t.Credential}, {"session", t.Session}, {"keys", strings.Join(keys, ",")},
	} {
		if w.value != "" {
			words = append(words, w.name+" "+w.value)
		}
	}
	if t.Open {
		words = append(words, "with names")
	}
	return strings.Join(words, " ")
}

// is tells whether a record is one that is looked for. One that is sealed was revealed
// where it could be.
func (s *suspect) is(r *audit.Record, keys []audit.SubjectID) bool {
	switch {
	case s.credential != "":
		return r.Principal.Credential == s.credential
	case s.session != [16]byte{}:
		return r.Session == s.session
	case s.principal != "":
		return r.Principal.Subject == s.principal || r.Key != (audit.SubjectID{}) && slices.Contains(keys, r.Key)
	}
	return r.Remote.IsValid() && s.network.Contains(r.Remote)
}

// touchedBy is who acted, in one log; touchedItem what they asked for.
type (
	touchedBy struct {
		log string
		key audit.SubjectID
		who audit.Person // where the key is not known: of a log with names as text
	}
	touchedItem struct{ upstream, kind, name string }
)

// touching adds up what could be touched.
type touching struct {
	suspect
	open     bool
	realms   []string
	persons  map[touchedBy]*admin.Touched
	items    map[touchedItem]*admin.TouchItem
	findings map[string]int
	access   map[string]int
	statuses map[string]int
	out      admin.Breach
}

// look goes through one log. An outcome does not say what its intent said, so what is
// under way is remembered.
func (x *touching) look(ctx context.Context, one sealedLog) error {
	keys := one.ring.Of(x.principal)
	going := map[string]bool{}
	return audit.Read(ctx, one.dir, audit.Query{}, func(r *audit.Record) error {
		if r.Kind == audit.KindStart {
			return nil
		}
		follows := r.Kind == audit.KindOutcome && going[r.Exchange]
		if !follows && (!x.since.IsZero() && r.Time.Before(x.since) || !x.until.IsZero() && !r.Time.Before(x.until)) {
			return nil
		}
		gone := r.Key != (audit.SubjectID{}) && !one.ring.Has(r.Key)
		if err := one.ring.Reveal(r); err != nil && !errors.Is(err, audit.ErrErased) && !errors.Is(err, audit.ErrOtherKey) {
			return err
		}
		if !follows && !x.is(r, keys) {
			return nil
		}
		switch {
		case follows:
			delete(going, r.Exchange)
		case r.Kind == audit.KindIntent:
			going[strings.Clone(r.Exchange)] = true
		}
		if gone {
			x.out.Erased++
		}
		x.record(one, r, follows)
		return nil
	})
}

// record adds one record.
func (x *touching) record(one sealedLog, r *audit.Record, follows bool) {
	x.out.Records++
	if x.out.First.IsZero() || r.Time.Before(x.out.First) {
		x.out.First = r.Time
	}
	if r.Time.After(x.out.Last) {
		x.out.Last = r.Time
	}
	x.person(one, r)
	for _, f := range r.Findings {
		rule, _, _ := strings.Cut(f, " ")
		x.count(x.findings, rule)
	}
	if r.Status != "" && r.Kind == audit.KindOutcome {
		x.count(x.statuses, r.Status)
	}
	if r.Kind == audit.KindEvent {
		return
	}
	if !follows {
		x.count(x.access, strings.TrimSpace(r.Principal.Method+" "+r.Principal.Credential))
	}
	x.item(r, follows)
}

// count adds one to a list that is not too long.
func (x *touching) count(of map[string]int, what string) {
	if _, there := of[what]; !there && len(of) >= maxTouched {
		x.out.Cut = true
		return
	}
	of[strings.Clone(what)]++
}

func (x *touching) person(one sealedLog, r *audit.Record) {
	if r.Principal.Subject == "" && len(r.Person) == 0 {
		x.out.Strangers++
		return
	}
	by := touchedBy{log: filepath.Base(one.dir), key: r.Key}
	who, known := one.ring.Whose(r, x.realms)
	if r.Key == (audit.SubjectID{}) {
		by.who = who
	}
	p := x.persons[by]
	if p == nil {
		if len(x.persons) >= maxTouched {
			x.out.Cut = true
			return
		}
		p = &admin.Touched{Log: by.log, Issuer: strings.Clone(r.Principal.Issuer), Tenant: strings.Clone(r.Principal.Tenant), First: r.Time}
		if r.Key != (audit.SubjectID{}) {
			p.Key = r.Key.String()
		}
		x.persons[by] = p
	}
	if known {
		p.Issuer = strings.Clone(who.Realm)
		if x.open {
			p.Subject = strings.Clone(who.Subject)
		}
	}
	p.Records++
	p.Last = r.Time
}

func (x *touching) item(r *audit.Record, follows bool) {
	if r.Upstream == "" && r.Item == "" {
		return
	}
	name := touchedItem{r.Upstream, r.ItemKind, r.Item}
	it := x.items[name]
	if it == nil {
		if len(x.items) >= maxTouched {
			x.out.Cut = true
			return
		}
		own := touchedItem{strings.Clone(r.Upstream), strings.Clone(r.ItemKind), strings.Clone(r.Item)}
		it = &admin.TouchItem{Upstream: own.upstream, Kind: own.kind, Name: own.name, First: r.Time}
		x.items[own] = it
	}
	if !follows {
		it.Calls++
	}
	if r.Kind == audit.KindOutcome {
		it.BytesOut += r.BytesOut
		if r.Status == "ok" || r.Status == "error" {
			it.Carried++
		}
	}
	it.Last = r.Time
}

// told is what was added up, in an order of its own.
func (x *touching) told() admin.Breach {
	b := x.out
	b.Persons, b.Items = []admin.Touched{}, []admin.TouchItem{}
	for p := range maps.Values(x.persons) {
		b.Persons = append(b.Persons, *p)
	}
	slices.SortFunc(b.Persons, func(a, b admin.Touched) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Log, b.Log))
	})
	for it := range maps.Values(x.items) {
		b.Items = append(b.Items, *it)
	}
	slices.SortFunc(b.Items, func(a, b admin.TouchItem) int {
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	b.Findings, b.Access, b.Statuses = counts(x.findings), counts(x.access), counts(x.statuses)
	return b
}

// counts are the entries of a map, the most frequent first.
func counts(of map[string]int) []admin.TouchCount {
	all := []admin.TouchCount{}
	for what, n := range of {
		all = append(all, admin.TouchCount{What: what, Count: n})
	}
	slices.SortFunc(all, func(a, b admin.TouchCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.What, b.What))
	})
	return all
}
