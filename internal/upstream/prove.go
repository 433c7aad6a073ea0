package upstream

import (
	"context"
	"errors"
	"net"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
)

// missing are the layers that a command runs without; of runsc none, whose version alone may
// be let go.
func (c *Confinement) missing() []string {
	if c.Runsc {
		return nil
	}
	return sandbox.Missing(c.Weaker)
}

// errUnproven is a command that is not started, for nothing shows that its sandbox holds.
var errUnproven = errors.New("not confined as it should be")

// prove has a probe try a plan before the first command is started by it. A command whose
// proof is not on record is not started, nor is the next one without another.
func (s *server) prove(ctx context.Context, plan *sandbox.Plan) error {
	if !sandbox.Probes {
		return nil
	}
	env := s.inherited()
	return s.pool.prover.Prove(ctx, plan, env, func(probed sandbox.Plan) error {
		proof, err := s.pool.maker.Prove(ctx, probed, env, s.pool.spawner.start)
		if err == nil {
			err = proof.Err()
		}
		return errors.Join(err, s.proven(ctx, &proof, err))
	})
}

// proven puts on record what a probe found.
func (s *server) proven(ctx context.Context, proof *sandbox.Proof, err error) error {
	e := gate.Event{Kind: "sandbox.proven", Actor: "doorward", Upstream: s.set.Name, Status: "ok", Detail: strings.Join(proof.Names(sandbox.Held), ", ")}
	if missing := s.set.Sandbox.missing(); len(missing) > 0 {
		e.Detail = "without " + strings.Join(missing, ", ") + "; " + e.Detail
	}
	if err != nil {
		e.Kind, e.Status, e.Detail = "sandbox.unproven", "refused", printable([]byte(err.Error()), 5*maxShown)
		s.log.ErrorContext(ctx, "upstream is not started, as its sandbox does not hold", "upstream", s.set.Name, "error", err)
	} else {
		s.log.InfoContext(ctx, "sandbox proven", "upstream", s.set.Name, "held", proof.Names(sandbox.Held), "lacking", proof.Names(sandbox.Lacking))
	}
	return s.pool.cfg.Events(ctx, e)
}

// ProvenBy are the plan that an upstream's command would be started by now, and the
// variables that it would inherit; environment is Doorward's own. Nothing is started.
func ProvenBy(set Settings, environment []string) (plan sandbox.Plan, inherited []string, err error) {
	p := &Pool{cfg: Config{Environment: environment, Egress: func(string, []string, net.Listener) {}}}
	s := &server{pool: p, set: set}
	r, err := p.identify(s)
	if err != nil {
		return plan, nil, err
	}
	plan, err = p.plan(&set, r)
	return plan, s.inherited(), err
}
