package limit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/gate"
)

// Budgets keeps what was taken of each budget. The app hands over store's.
type Budgets interface {
	// Take takes the cost of every budget, or of none; ok says which. standing has as
	// many elements as all, and says of each how it stands now.
	Take(ctx context.Context, all []gate.Budget, standing []gate.Standing) (ok bool, err error)
	// Spend takes the costs also where less than that is left.
	Spend(ctx context.Context, all []gate.Budget) error
}

// Config is what the stage is made of. Budgets is required.
type Config struct {
	Rules   Rules
	Budgets Budgets
	// Refused is told of each refusal, with the name of the limit (one of Kinds); nil:
	// nobody is.
	Refused func(kind string)
}

// Stage implements gate.Stage and gate.ReplyStage. It is immutable; what was spent is in
// Budgets, so that a reload forgets nothing.
type Stage struct {
	rules   compiled
	budgets Budgets
	refused func(kind string)
	pool    sync.Pool // of *hand
}

// New makes the stage.
func New(cfg Config) (*Stage, error) {
	if cfg.Budgets == nil {
		return nil, errors.New("limit: budgets are required")
	}
	s := &Stage{rules: compile(&cfg.Rules), budgets: cfg.Budgets, refused: cfg.Refused}
	if s.refused == nil {
		s.refused = func(string) {}
	}
	s.pool.New = func() any { return new(hand) }
	return s, nil
}

// Name is "limit".
func (*Stage) Name() string { return "limit" }

// Applies to whatever the method table has limits for.
func (*Stage) Applies(r gate.Route) bool { return r.Stages&gate.OnLimit != 0 }

// Judge takes from all budgets that the exchange counts against, or refuses.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Principal == nil || ex.Call.Message == nil {
		return gate.Verdict{}, errors.New("limiting: the exchange has no principal or message")
	}
	h := s.hand()
	defer s.putDown(h)
	s.count(h, ex)
	if len(h.budgets) == 0 {
		return gate.Pass(), nil
	}
	ok, err := s.budgets.Take(ctx, h.budgets, h.standings())
	if err != nil {
		return gate.Verdict{}, down(err)
	}
	if !ok {
		return s.refuse(h, gate.CodeLimitRate), nil
	}
	ex.Allowance = h.least()
	return gate.Pass(), nil
}

// Review takes what is sent to the client from the quotas of bytes, whatever is left of
// them: the call was made, and the next one is refused.
func (s *Stage) Review(ctx context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	if !s.rules.bytes || ex.Principal == nil || !call(&ex.Call.Route) {
		return nil, gate.Pass(), nil
	}
	h := s.hand()
	defer s.putDown(h)
	for i := range s.rules.quotas {
		if r := &s.rules.quotas[i]; r.kind == QuotaBytes {
			h.add(r, int64(len(m.Raw))).Who = ex.Principal
		}
	}
	// The answer is the caller's, also when this cannot be noted; the next call asks again.
	// Whoever hangs up is charged too.
	_ = s.budgets.Spend(context.WithoutCancel(ctx), h.budgets)
	return nil, gate.Pass(), nil
}

// call tells whether a method reaches one thing of an upstream by its name: what people
// count as a call. Looking after a task that a call has begun is none.
func call(r *gate.Route) bool {
	return r.Action == gate.Relay && r.NameAt != "" && !r.Task
}

// count puts into h what the exchange counts against.
func (s *Stage) count(h *hand, ex *gate.Exchange) {
	c, full := &s.rules, call(&ex.Call.Route)
	cost := int64(1)
	if full {
		cost = callUnits
	}
	who := ex.Principal
	if c.principal != nil {
		h.add(c.principal, cost).Who = who
	}
	if c.key != nil && who.Realm == gate.RealmKeys {
		h.add(c.key, cost).Of = who.Credential
	}
	if c.tenant != nil && who.Tenant != "" {
		h.add(c.tenant, cost).Of = who.Tenant
	}
	for i := range c.profiles {
		if r := &c.profiles[i]; r.match == ex.Inbound.Profile {
			h.add(r, cost).Of = r.match
		}
	}
	if !full {
		return
	}
	for i := range c.upstreams {
		if r := &c.upstreams[i]; r.match == ex.Target.Upstream {
			h.add(r, cost).Of = r.match
		}
	}
	s.countCall(h, ex, cost)
}

// countCall adds what counts calls alone: the rules of tools, and quotas.
func (s *Stage) countCall(h *hand, ex *gate.Exchange, cost int64) {
	c, price := &s.rules, int64(1)
	if it := ex.Target.Item; it != nil && it.Kind == gate.Tool && len(c.tools)+len(c.cost) > 0 {
		tool := it.Upstream + "/" + it.Name
		for i := range c.tools {
			if r := &c.tools[i]; doublestar.MatchUnvalidated(r.match, tool) {
				h.add(r, cost).Who = ex.Principal
			}
		}
		price = c.price(tool)
	}
	for i := range c.quotas {
		r, units := &c.quotas[i], int64(1)
		switch r.kind {
		case QuotaBytes:
			units = int64(ex.Tally.RequestBytes)
		case QuotaCost:
			units = price
		}
		h.add(r, units).Who = ex.Principal
	}
}

// refuse says which budget had too little left: the one that takes longest to have it.
func (s *Stage) refuse(h *hand, code gate.Code) gate.Verdict {
	at := 0
	for i := range h.standing {
		if h.standing[i].Wait > h.standing[at].Wait {
			at = i
		}
	}
	r, a := h.rules[at], h.allowance(at)
	if h.budgets[at].Lasting {
		code = gate.CodeLimitQuota
	}
	s.refused(r.kind)
	v := gate.Refuse(code, fmt.Sprintf("%s: %d in %v are spent", r.name, r.Most, r.Per), public(&a))
	v.Allowance = &a
	return v
}

// down is the error of budgets that cannot be asked.
func down(err error) error {
	return &gate.Error{Code: gate.CodeLimitDown, Op: "asking what is left", Err: err}
}
