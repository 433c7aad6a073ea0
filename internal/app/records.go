package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Bounds of one answer of Calls: how many, and the bytes of their arguments and
// longer texts together.
const (
	maxCalls     = 50_000
	maxCallBytes = 64 << 20
)

// rolesSince is the first format of the audit log that has a principal's groups,
// roles and scopes.
const rolesSince = 4

// Calls implements admin.Records: the calls of every log on data_dir that match,
// with their arguments, once it is on record that they are opened.
func (a *App) Calls(ctx context.Context, actor string, q admin.CallQuery) (admin.CallList, error) {
	var list admin.CallList
	logs, err := a.logs()
	if err != nil {
		return list, operated("opening calls", err)
	}
	keys := keysOf(logs, q.Principal)
	e := gate.Event{Kind: "audit.open", Actor: actor, Upstream: q.Upstream, Exchange: q.Exchange, Detail: asked(q, keys)}
	err = a.act(ctx, []gate.Event{e}, func() error {
		found, err := a.calling(ctx, q, logs)
		if err == nil {
			list = found
		}
		return err
	})
	return list, operated("opening calls", err)
}

// asked is a query in a line, for the record. It names whoever it is about by their
// keys.
func asked(q admin.CallQuery, keys []string) string {
	var b strings.Builder
	word := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s %s", name, value)
		}
	}
	moment := func(name string, t time.Time) {
		if !t.IsZero() {
			word(name, t.UTC().Format(time.RFC3339))
		}
	}
	moment("since", q.Since)
	moment("until", q.Until)
	word("exchange", q.Exchange)
	word("upstream", q.Upstream)
	if q.Limit > 0 {
		word("limit", strconv.Itoa(q.Limit))
	}
	switch {
	case q.Principal != "" && len(keys) == 0:
		word("principal", "unknown")
	default:
		word("principal", strings.Join(keys, ","))
	}
	return "calls" + b.String()
}

// calling finds the calls that match in all logs.
func (a *App) calling(ctx context.Context, q admin.CallQuery, logs []sealedLog) (admin.CallList, error) {
	c := calls{q: q, limit: maxCalls, list: admin.CallList{Calls: []admin.Call{}}}
	if q.Limit > 0 {
		c.limit = min(q.Limit, maxCalls)
	}
	for _, one := range logs {
		c.format, c.going, c.ring = 0, map[string]int{}, one.ring
		read := c.all
		if q.Exchange != "" {
			read = c.one(a.search)
		}
		if err := read(ctx, one.dir); err != nil {
			return admin.CallList{}, err
		}
	}
	slices.SortStableFunc(c.list.Calls, func(a, b admin.Call) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Exchange, b.Exchange))
	})
	return c.list, nil
}

// all reads every record of a log: a call's outcome says nothing of what it was.
func (c *calls) all(ctx context.Context, dir string) error {
	return audit.Read(ctx, dir, audit.Query{}, c.take)
}

// one reads the records of the exchange that is asked for. Each segment begins with a
// record that says the format.
func (c *calls) one(search searching) func(ctx context.Context, dir string) error {
	return func(ctx context.Context, dir string) error {
		return search(ctx, dir, audit.Query{Exchange: c.q.Exchange}, func(r *audit.Record) error {
			if c.format == 0 {
				begun := audit.Query{Kind: audit.KindStart, To: r.Seq, Newest: true, Limit: 1}
				err := audit.Read(ctx, dir, begun, func(start *audit.Record) error {
					c.format = start.Format
					return nil
				})
				if err != nil {
					return err
				}
			}
			return c.take(r)
		})
	}
}

// calls joins intents and outcomes as they come.
type calls struct {
	q      admin.CallQuery
	ring   *audit.Keyring // of the log
	limit  int
	bytes  int
	format int            // of the log, by its last start record
	going  map[string]int // by exchange: calls whose outcome has not come yet, as places in list
	list   admin.CallList
}

// take is handed every record, oldest first.
func (c *calls) take(r *audit.Record) error {
	at, going := c.going[r.Exchange]
	switch {
	case r.Kind == audit.KindStart:
		c.format = r.Format
	case r.Kind == audit.KindOutcome && going:
		delete(c.going, r.Exchange)
		end(&c.list.Calls[at], r)
	case r.Kind == audit.KindIntent, r.Kind == audit.KindOutcome && r.Transport != "": // it had no intent
		err := c.ring.Reveal(r)
		if err == nil || errors.Is(err, audit.ErrErased) || errors.Is(err, audit.ErrOtherKey) {
			err = c.begin(r)
		}
		if err != nil {
			return fmt.Errorf("exchange %s: %w", r.Exchange, err)
		}
	}
	if c.list.Cut && len(c.going) == 0 {
		return audit.ErrStop
	}
	return nil
}

func (c *calls) match(r *audit.Record) bool {
	q := &c.q
	return r.Item != "" &&
		(q.Since.IsZero() || !r.Time.Before(q.Since)) &&
		(q.Until.IsZero() || r.Time.Before(q.Until)) &&
		(q.Exchange == "" || q.Exchange == r.Exchange) &&
		(q.Upstream == "" || q.Upstream == r.Upstream) &&
		(q.Principal == "" || q.Principal == r.Principal.Subject || q.Principal == r.Principal.Credential)
}

// begin takes up a call by the first record of it.
func (c *calls) begin(r *audit.Record) error {
	if c.list.Cut || !c.match(r) {
		return nil
	}
	if len(c.list.Calls) == c.limit {
		c.list.Cut = true
		return nil
	}
	call := admin.Call{
		Exchange: strings.Clone(r.Exchange), Time: r.Time, Method: strings.Clone(r.Method), Era: strings.Clone(r.Era),
		Transport: strings.Clone(r.Transport), Profile: strings.Clone(r.Profile), Agent: strings.Clone(r.Agent),
		Principal: caller(r, c.format), Upstream: strings.Clone(r.Upstream), Kind: strings.Clone(r.ItemKind), Name: strings.Clone(r.Item),
	}
	if r.Remote.IsValid() {
		call.Address = r.Remote.String()
	}
	if r.Pin != (gate.Digest{}) {
		call.Pin = r.Pin.String()
	}
	if err := c.arguments(&call, r); err != nil {
		return err
	}
	end(&call, r)
	if c.bytes += size(&call); c.bytes > maxCallBytes {
		c.list.Cut = true
		return nil
	}
	if r.Kind == audit.KindIntent {
		c.going[call.Exchange] = len(c.list.Calls)
	}
	c.list.Calls = append(c.list.Calls, call)
	return nil
}

// arguments opens what the call said, and tells whether it is all there.
func (c *calls) arguments(call *admin.Call, r *audit.Record) error {
	switch r.Method {
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		call.Kept = r.WholeItem()
		return nil
	}
	arguments, err := c.ring.Arguments(r)
	switch {
	case errors.Is(err, audit.ErrNotKept), errors.Is(err, audit.ErrErased):
		return nil
	case errors.Is(err, audit.ErrOtherKey):
		c.list.OtherKey++
		return nil
	case err != nil:
		return err
	case len(arguments) > 0 && !json.Valid(arguments):
		return audit.ErrTampered
	}
	call.Arguments, call.Kept = arguments, r.WholeItem()
	return nil
}

// end adds how the call ended, and what was decided about it.
func end(call *admin.Call, r *audit.Record) {
	call.Status, call.Code = strings.Clone(r.Status), strings.Clone(r.Code)
	call.Rule, call.Policy, call.Observed = strings.Clone(r.Rule), strings.Clone(r.Policy), clones(r.Observed)
}

func caller(r *audit.Record, format int) admin.Caller {
	p := &r.Principal
	who, err := r.Who()
	if err != nil {
		who = &gate.Principal{
			Method: p.Method, Realm: p.Issuer, Subject: p.Subject, Tenant: p.Tenant, Client: p.Client, Credential: p.Credential,
			Groups: r.Groups, Scopes: r.Scopes, Roles: r.Roles,
		}
	}
	return admin.Caller{
		Method: strings.Clone(who.Method), Realm: strings.Clone(who.Realm), Subject: strings.Clone(who.Subject),
		Tenant: strings.Clone(who.Tenant), Client: strings.Clone(who.Client), Credential: strings.Clone(who.Credential),
		Groups: clones(who.Groups), Scopes: clones(who.Scopes), Roles: clones(who.Roles),
		Whole: err == nil && format >= rolesSince,
	}
}

// clones copies texts that are kept: those of a record hold its whole line.
func clones(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = strings.Clone(s)
	}
	return out
}

// size is what counts towards maxCallBytes.
func size(call *admin.Call) int {
	n := len(call.Arguments) + len(call.Name) + len(call.Agent) + len(call.Rule)
	for _, list := range [...][]string{call.Principal.Groups, call.Principal.Scopes, call.Principal.Roles, call.Observed} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}
