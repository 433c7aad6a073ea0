package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/store"
)

// shared is what the gateways of one installation agree on: what was used once,
// and what was revoked. One gateway alone keeps both in its process and data
// directory. The zero value knows nothing, and refuses.
type shared struct {
	dir string
	key [32]byte // that approvals are sealed with where they are shared
	log *slog.Logger
	// stands tells whether an approver's yes still counts; nil: all do.
	stands func(*gate.Approval, gate.Consent) bool
	// waiting is told of a call that waits for people; nil: nobody is.
	waiting func(gate.Approval)

	mu  sync.Mutex // held while it connects or closes
	now atomic.Pointer[memory]
}

// memory is where it is.
type memory struct {
	nonces interface {
		Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error)
		Healthy(ctx context.Context) error
	}
	revoked   *store.Revocations
	approvals *store.Approvals
	taints    *store.Taints
	redis     *store.Redis // nil without one
}

// errNoMemory is that of a gateway that is not connected to its state.
var errNoMemory = errors.New("the state is not open")

// connect opens it: in Redis where one is configured, else here. A second call
// does nothing.
func (s *shared) connect(ctx context.Context, state config.State, secrets *secret.Store) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.Load() != nil {
		return nil
	}
	if state.Redis == "" {
		revoked, err := store.OpenFileRevocations(s.dir, s.log)
		if err != nil {
			return err
		}
		held, err := store.OpenFileApprovals(s.dir)
		if err != nil {
			return errors.Join(err, revoked.Close())
		}
		read, err := store.OpenFileTaints(s.dir)
		if err != nil {
			return errors.Join(err, held.Close(), revoked.Close())
		}
		s.now.Store(&memory{nonces: store.NewMemoryNonces(0), revoked: revoked, approvals: held, taints: read})
		return nil
	}
	url, err := secrets.Get(state.Redis)
	if err != nil {
		return fmt.Errorf("state.redis: %w", err)
	}
	pool, err := roots(state.CA)
	if err != nil {
		return err
	}
	r, err := store.OpenRedis(ctx, store.RedisConfig{URL: url.Reveal(), Log: s.log, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	if err != nil {
		return err
	}
	revoked, err := store.OpenRedisRevocations(ctx, r)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	held, err := store.OpenRedisApprovals(ctx, r, s.key)
	if err != nil {
		return errors.Join(err, revoked.Close(), r.Close())
	}
	read, err := store.OpenRedisTaints(ctx, r, s.key)
	if err != nil {
		return errors.Join(err, held.Close(), revoked.Close(), r.Close())
	}
	s.now.Store(&memory{nonces: store.NewRedisNonces(r, 0), revoked: revoked, approvals: held, taints: read, redis: r})
	return nil
}

// close lets go of it.
func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.now.Swap(nil)
	if m == nil {
		return nil
	}
	err := errors.Join(m.approvals.Close(), m.revoked.Close())
	if m.redis != nil {
		err = errors.Join(err, m.redis.Close())
	}
	return err
}

// Use implements identify.Once and issuer.Replays.
func (s *shared) Use(ctx context.Context, key string, made, until time.Time) (bool, error) {
	m := s.now.Load()
	if m == nil {
		return false, errNoMemory
	}
	return m.nonces.Use(ctx, key, made, until)
}

// isRevoked tells whether a principal's credential, or its subject, was revoked.
func (s *shared) isRevoked(p *gate.Principal) (bool, error) {
	if p.Realm == gate.RealmAnonymous || p.Realm == gate.RealmLocal {
		return false, nil // the configuration lets them in, and nothing else
	}
	m := s.now.Load()
	switch {
	case m == nil:
		return false, errNoMemory
	case p.Realm == gate.RealmKeys:
		return m.revoked.Check(store.RevokedKey, "", p.Credential)
	}
	if p.Subject != "" { // of a certificate that only goes with a token nobody has read the name
		if gone, err := m.revoked.Check(store.RevokedSubject, p.Realm, p.Subject); err != nil || gone {
			return gone, err
		}
	}
	return m.revoked.Check(store.RevokedToken, p.Realm, p.Credential)
}

// healthy tells why it cannot be asked, for readiness.
func (s *shared) healthy(ctx context.Context) error {
	m := s.now.Load()
	if m == nil {
		return errNoMemory
	}
	return errors.Join(m.nonces.Healthy(ctx), m.revoked.Healthy(), m.approvals.Healthy(ctx), m.taints.Healthy(ctx))
}
