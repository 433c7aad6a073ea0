package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Source is one login's tokens: the newest that is kept for what the request
// says, renewed when its time is nearly over. It keeps nothing in memory, so a
// login in another process is the next token here.
type Source struct {
	keeper *Keeper
	test   func(*entry) bool
}

// Source finds the login for the gateway of the request, narrowed down by what
// else it says; Machine finds a job's alone, Browser and Device a person's, and
// NoFlow either. Whether there is one shows when a token is asked for.
func (k *Keeper) Source(r Request, f Flow) (*Source, error) {
	target, err := r.target()
	if err != nil {
		return nil, err
	}
	return &Source{keeper: k, test: r.matches(target.String(), f)}, nil
}

// Token is an access token and its end; zero when that is not known. The error
// is ErrSignIn where somebody must sign in.
func (s *Source) Token(ctx context.Context) (access string, expires time.Time, err error) {
	t, err := s.Current(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	return t.Access, t.Expires, nil
}

// Current is Token with all that is known of it.
func (s *Source) Current(ctx context.Context) (*Token, error) {
	dir, e, err := s.newest()
	if err != nil {
		return nil, err
	}
	if e.good() {
		return e.token(), nil
	}
	return s.keeper.renew(ctx, dir, e, e.Access)
}

// Renew is a token in the place of one that the gateway refused. It asks for one
// only when no other process has done so.
func (s *Source) Renew(ctx context.Context, refused string) (access string, expires time.Time, err error) {
	dir, e, err := s.newest()
	if err != nil {
		return "", time.Time{}, err
	}
	t := e.token()
	if e.Access == refused || !e.good() {
		if t, err = s.keeper.renew(ctx, dir, e, refused); err != nil {
			return "", time.Time{}, err
		}
	}
	return t.Access, t.Expires, nil
}

// Scopes are those that the login asked for; nil without one.
func (s *Source) Scopes() []string {
	_, e, err := s.newest()
	if err != nil {
		return nil
	}
	return e.Asked
}

func (s *Source) newest() (directory, *entry, error) {
	dir, err := openDir(s.keeper.opts.Dir)
	if err != nil {
		return "", nil, err
	}
	found, err := dir.find(s.test)
	if err != nil {
		return "", nil, err
	}
	if len(found) == 0 {
		return "", nil, ErrNone
	}
	return dir, found[0], nil
}

// young is the age at which a token that is refused is not replaced: a gateway
// that refuses every token must not make every message a question to the
// authorization server.
const young = 10 * time.Second

// renew gets a token in the place of old, unless somebody else has while this
// process waited for its turn.
func (k *Keeper) renew(ctx context.Context, dir directory, e *entry, old string) (*Token, error) {
	name := e.name()
	unlock, err := dir.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if e, err = dir.read(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignIn, err)
	}
	if e.Access != old && e.good() {
		return e.token(), nil
	}
	if e.good() && time.Since(e.Obtained) < young {
		return nil, fmt.Errorf("%w: the gateway refuses a token that is new", ErrSignIn)
	}
	if !e.renewable() {
		return nil, fmt.Errorf("%w: the login's time is over", ErrSignIn)
	}
	g, err := k.again(ctx, e)
	if refuses(err, "invalid_grant") || e.Client == "" && refuses(err, "invalid_client") {
		// The server will not take it again: it was revoked, used twice, or is too old;
		// or the server has forgotten the client that registered itself.
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrSignIn, err), dir.remove(e))
	}
	if err != nil {
		return nil, fmt.Errorf("renewing the token: %w", err)
	}
	e.take(g)
	if err := dir.write(e); err != nil {
		return nil, err
	}
	return e.token(), nil
}

// again asks the entry's own authorization server for a new token.
func (k *Keeper) again(ctx context.Context, e *entry) (*granted, error) {
	p, err := k.prove(e)
	if err != nil {
		return nil, err
	}
	w := newWeb(k.opts.Roots, k.opts.Agent, e.Reach)
	defer w.rest()
	if e.Machine {
		g, err := w.grant(ctx, e.Endpoint, p, machineForm(e.Asked), e.Audience)
		if err == nil {
			g.refresh = ""
		}
		return g, err
	}
	return w.grant(ctx, e.Endpoint, p, url.Values{"grant_type": {grantRefresh}, "refresh_token": {e.Refresh}}, e.Audience)
}

// prove makes the proof of the client whose login it is.
func (k *Keeper) prove(e *entry) (*proof, error) {
	p := &proof{id: e.ClientID, method: e.Method, secret: e.Secret, issuer: e.Issuer}
	if err := k.equip(p, e.SecretFrom, e.KeyFrom); err != nil {
		return nil, err
	}
	if p.key != nil {
		if err := p.key.choose(strings.Fields(e.Algorithms)); err != nil {
			return nil, err
		}
	}
	return p, nil
}
