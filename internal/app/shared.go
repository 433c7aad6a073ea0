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

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/store"
)

// shared is what the gateways of one installation agree on: what was used once,
// what was revoked and what is left of limits. One gateway alone keeps it in its process
// and data directory. The zero value knows nothing, and refuses.
type shared struct {
	dir   string
	owed  audit.Owed    // what the audit log says must be in dir
	wrote *store.Ledger // how often its lists were changed, by the audit log
	key   [32]byte      // that approvals are sealed with where they are shared
	log   *slog.Logger

	incidentKey [32]byte // that incidents are sealed with
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
	incidents *store.Incidents
	budgets   budgets
	sessions  *store.RedisSessions // nil without redis
	redis     *store.Redis         // nil without one
	postgres  *store.Postgres      // nil without one
}

// errNoMemory is that of a gateway that is not connected to its state.
var errNoMemory = errors.New("the state is not open")

// connect opens it: in Redis where one is configured, and in PostgreSQL, else here. A
// second call does nothing.
func (s *shared) connect(ctx context.Context, state config.State, secrets *secret.Store) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.Load() != nil {
		return nil
	}
	if state.Redis == "" {
		m, err := s.files()
		if err == nil {
			s.now.Store(m)
		}
		return err
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
	m := &memory{nonces: store.NewRedisNonces(r, 0), sessions: store.NewRedisSessions(r), redis: r}
	if err = s.inRedis(ctx, m); err == nil && state.Kind == config.PostgresState {
		err = s.inPostgres(ctx, m, state, secrets)
	} else if err == nil {
		err = s.listsInRedis(ctx, m)
	}
	if err != nil {
		return errors.Join(err, m.close())
	}
	s.now.Store(m)
	return nil
}

// memory is the state that operators act on, connected where this process does not serve.
func (a *App) memory(ctx context.Context) (*memory, error) {
	snap := a.current.Load()
	if err := a.shared.connect(ctx, snap.cfg.State, snap.secret); err != nil {
		return nil, err
	}
	m := a.shared.now.Load()
	if m == nil {
		return nil, errNoMemory
	}
	return m, nil
}

// files opens what one gateway keeps itself.
func (s *shared) files() (_ *memory, err error) {
	if err := unlost(s.dir, s.owed); err != nil {
		return nil, err
	}
	m := &memory{nonces: store.NewMemoryNonces(0)}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	defer func() { err = restorable(err) }()
	if m.revoked, err = store.OpenFileRevocations(s.dir, s.wrote, s.log); err != nil {
		return nil, err
	}
	if m.approvals, err = store.OpenFileApprovals(s.dir); err != nil {
		return nil, err
	}
	if m.taints, err = store.OpenFileTaints(s.dir); err != nil {
		return nil, err
	}
	if m.budgets, err = store.OpenFileBudgets(s.dir, s.log); err != nil {
		return nil, err
	}
	m.incidents, err = store.OpenFileIncidents(s.dir, s.incidentKey, s.wrote, s.log)
	return m, err
}

// inRedis opens what is asked about with each call, and ends by itself.
func (s *shared) inRedis(ctx context.Context, m *memory) (err error) {
	if m.taints, err = store.OpenRedisTaints(ctx, m.redis, s.key); err != nil {
		return err
	}
	m.budgets, err = store.OpenRedisBudgets(ctx, m.redis, s.key)
	return err
}

// listsInRedis opens what must outlive every gateway where there is no database.
func (s *shared) listsInRedis(ctx context.Context, m *memory) (err error) {
	if m.revoked, err = store.OpenRedisRevocations(ctx, m.redis, s.key); err != nil {
		return err
	}
	if m.approvals, err = store.OpenRedisApprovals(ctx, m.redis, s.key); err != nil {
		return err
	}
	m.incidents, err = store.OpenRedisIncidents(ctx, m.redis, s.incidentKey)
	return err
}

// inPostgres opens it in the database of the configuration.
func (s *shared) inPostgres(ctx context.Context, m *memory, state config.State, secrets *secret.Store) (err error) {
	if err := unmoved(s.dir, s.owed, s.wrote); err != nil {
		return err
	}
	if m.postgres, err = s.database(ctx, state, secrets); err != nil {
		return err
	}
	defer func() { err = restorable(err) }()
	if m.revoked, err = store.OpenPostgresRevocations(ctx, m.postgres, s.key, s.wrote); err != nil {
		return err
	}
	if m.approvals, err = store.OpenPostgresApprovals(ctx, m.postgres, s.key, s.wrote); err != nil {
		return err
	}
	m.incidents, err = store.OpenPostgresIncidents(ctx, m.postgres, s.incidentKey, s.wrote)
	return err
}

// database connects to the database of the configuration.
func (s *shared) database(ctx context.Context, state config.State, secrets *secret.Store) (*store.Postgres, error) {
	dsn, err := secrets.Get(state.DSN)
	if err != nil {
		return nil, fmt.Errorf("state.dsn: %w", err)
	}
	pool, err := roots(state.CA)
	if err != nil {
		return nil, fmt.Errorf("state.%w", err)
	}
	return store.OpenPostgres(ctx, store.PostgresConfig{
		DSN: dsn.Reveal(), Roots: pool, Log: s.log,
		Renewed: func() (string, error) {
			dsn, err := secrets.Get(state.DSN)
			return dsn.Reveal(), err
		},
	})
}

// close lets go of what is open.
func (m *memory) close() error {
	var errs []error
	if m.incidents != nil {
		errs = append(errs, m.incidents.Close())
	}
	if m.approvals != nil {
		errs = append(errs, m.approvals.Close())
	}
	if m.revoked != nil {
		errs = append(errs, m.revoked.Close())
	}
	if m.redis != nil {
		errs = append(errs, m.redis.Close())
	}
	if m.postgres != nil {
		errs = append(errs, m.postgres.Close())
	}
	return errors.Join(errs...)
}

// close lets go of it.
func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.now.Swap(nil)
	if m == nil {
		return nil
	}
	return m.close()
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
	return errors.Join(m.nonces.Healthy(ctx), m.revoked.Healthy(), m.approvals.Healthy(ctx), m.taints.Healthy(ctx), m.incidents.Healthy())
}
