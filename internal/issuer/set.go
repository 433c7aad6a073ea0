package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
)

// Config is all the issuers, and what else tokens are judged with.
type Config struct {
	Issuers        []Settings                // at least one
	Replays        Replays                   // of DPoP proofs; nil: no proof can be judged
	DPoPAlgorithms []string                  // empty: ES256, RS256, PS256, EdDSA
	Log            *slog.Logger              // nil: nothing is logged
	Alert          func(kind, detail string) // kind is one of the Alert constants; must not wait; may be nil
}

// Replays remembers what may be used once.
type Replays interface {
	// Use uses key, which is unique to what is used. made is when the client
	// says that it was made, until is when it need not be remembered any more.
	// fresh is false when it was used before, or made before the memory began.
	// An error means that it cannot be known.
	Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error)
}

// Set is the issuers at work. It is safe for concurrent use.
type Set struct {
	authorities []*authority
	asked       *authority // who has opaque tokens; nil: nobody
	replays     Replays
	proofAlgs   []string
	verified    *otter.Cache[cacheKey, *remembered]
	webs        []*web
	flights     *flights
}

// New checks the configuration and begins to fetch keys. It does not wait for
// them: see Healthy.
func New(cfg Config) (*Set, error) { return open(cfg, dial) }

// open is New with another way to the issuers.
func open(cfg Config, dial dialer) (*Set, error) {
	if len(cfg.Issuers) == 0 {
		return nil, errors.New("no issuer is configured")
	}
	s := &Set{replays: cfg.Replays, proofAlgs: slices.Clone(cfg.DPoPAlgorithms)}
	if len(s.proofAlgs) == 0 {
		s.proofAlgs = proofAlgorithms
	}
	if err := checkAlgorithms(s.proofAlgs); err != nil {
		return nil, fmt.Errorf("DPoP: %w", err)
	}
	for _, settings := range cfg.Issuers {
		if err := s.add(settings); err != nil {
			return nil, err
		}
	}
	s.flights = newFlights()
	s.verified = newCache(func(r *remembered) time.Duration { return time.Until(r.until) })
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for _, a := range s.authorities {
		if err := s.start(a, dial, log, guarded(cfg.Alert)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// add checks one issuer and its place among the others.
func (s *Set) add(settings Settings) error {
	a, err := newAuthority(settings)
	if err != nil {
		return err
	}
	for _, other := range s.authorities {
		if other.settings.Issuer == a.settings.Issuer {
			return fmt.Errorf("issuer %s is configured twice", a.settings.Issuer)
		}
	}
	if a.settings.Introspection != nil {
		if s.asked != nil {
			return fmt.Errorf("issuers %s and %s both have introspection: an opaque token does not say whose it is", s.asked.settings.Issuer, a.settings.Issuer)
		}
		s.asked = a
	}
	s.authorities = append(s.authorities, a)
	return nil
}

// start starts one issuer's work.
func (s *Set) start(a *authority, dial dialer, log *slog.Logger, alert func(kind, detail string)) error {
	w := newWeb(dial, a.settings.RootCAs)
	s.webs = append(s.webs, w)
	if a.settings.Introspection != nil {
		a.asker = newAsker(a, w, s.flights)
	}
	k := &keeper{
		issuer: a.settings.Issuer, jwksURL: a.settings.JWKSURL, keys: len(a.settings.Algorithms) > 0,
		stale: a.settings.Stale, web: w, log: log, alert: alert, wake: make(chan struct{}, 1),
	}
	k.want.keys = k.keys && k.jwksURL == ""
	k.want.introspection = a.settings.Introspection != nil && a.settings.Introspection.URL == ""
	if !k.keys && !k.want.introspection {
		return nil
	}
	a.keeper = k
	ctx, done, err := s.flights.begin()
	if err != nil {
		return err
	}
	k.start()
	go func() {
		defer done()
		k.run(ctx)
	}()
	return nil
}

// guarded is alert, which may be nil, and whose panic is its own.
func guarded(alert func(kind, detail string)) func(kind, detail string) {
	return func(kind, detail string) {
		defer func() { _ = recover() }()
		if alert != nil {
			alert(kind, detail)
		}
	}
}

// Close ends all work and waits for it. Nothing is fetched or asked afterwards;
// keys that are there are used until they are old.
func (s *Set) Close() error {
	s.flights.end()
	for _, a := range s.authorities {
		if a.asker != nil {
			a.asker.close()
		}
	}
	s.verified.StopAllGoroutines()
	for _, w := range s.webs {
		w.close()
	}
	return nil
}

// Healthy is nil when every issuer has what its tokens are judged with: keys,
// and metadata, that were fetched and are not too old.
func (s *Set) Healthy() error {
	now := time.Now()
	var faults []error
	for _, a := range s.authorities {
		if a.keeper != nil {
			faults = append(faults, a.keeper.healthy(now))
		}
	}
	return errors.Join(faults...)
}
