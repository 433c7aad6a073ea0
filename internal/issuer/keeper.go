package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// How often keys are fetched.
const (
	refreshEvery = 10 * time.Minute
	retryFirst   = time.Second // after a failure; then twice as long each time
	retryLast    = 30 * time.Second
	demandEvery  = 30 * time.Second // for keys that a token names and that are not known (AUT-33)
)

// The kinds of alert.
const (
	AlertBadKey   = "issuer.bad_key"          // a key in a key set is not fit for use
	AlertMetadata = "issuer.metadata_changed" // the issuer's metadata names another place
)

// keeper keeps an issuer's keys and metadata fresh. One goroutine fetches; all
// others read, and wait for it only when they have no key.
type keeper struct {
	issuer  string
	jwksURL string // empty: the metadata's
	keys    bool   // it has keys
	want    wanted // nothing: no metadata
	stale   time.Duration
	web     *web
	log     *slog.Logger
	alert   func(kind, detail string)

	set  atomic.Pointer[keyset]   // nil until the first
	meta atomic.Pointer[metadata] // nil until the first
	wake chan struct{}            // room for one: fetch now

	mu      sync.Mutex    // guards the rest
	running chan struct{} // closed when the fetch that runs or was asked for ends; nil: none
	asked   time.Time     // when one was last asked for
	trouble error         // why the last one failed; nil: it did not
	ended   bool          // there will be no more

	told map[string]bool // bad keys of the last set; of run alone
}

// run fetches until ctx ends. start must have been called before.
func (k *keeper) run(ctx context.Context) {
	defer k.end()
	delay := retryFirst
	for ctx.Err() == nil {
		k.start()
		err := k.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := min(refreshEvery, k.stale/2)
		if err != nil {
			wait, delay = delay, min(2*delay, retryLast)
		} else {
			delay = retryFirst
		}
		k.finish(err)
		timer := time.NewTimer(wait - rand.N(wait/4+1)) //nolint:gosec // jitter, not a secret
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-k.wake:
		}
		timer.Stop()
	}
}

// start marks a fetch as running.
func (k *keeper) start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		k.running = make(chan struct{})
	}
}

// finish notes how a fetch went and lets go those who waited for it. Whoever
// asked for one meanwhile was waiting for this one.
func (k *keeper) finish(err error) {
	k.mu.Lock()
	before := k.trouble
	k.trouble = err
	select {
	case <-k.wake:
	default:
	}
	close(k.running)
	k.running = nil
	k.mu.Unlock()
	switch {
	case err != nil && before == nil:
		k.log.Warn("issuer cannot be used", "issuer", k.issuer, "error", err)
	case err == nil && before != nil:
		k.log.Info("issuer can be used again", "issuer", k.issuer)
	}
}

// end lets go those who wait, for good.
func (k *keeper) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended, k.trouble = true, errClosed
	if k.running != nil {
		close(k.running)
		k.running = nil
	}
}

// fetch fetches what there is to fetch. A panic is a failure.
func (k *keeper) fetch(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("fetching keys panicked (%T)", p)
		}
	}()
	var m *metadata
	if k.want != (wanted{}) {
		if m, err = k.metadata(ctx); err != nil && (k.want.keys || !k.keys) {
			return err
		}
	}
	if !k.keys {
		return nil
	}
	address := k.jwksURL
	if address == "" {
		address = m.keys
	}
	return both(err, k.fetchKeys(ctx, address))
}

func (k *keeper) fetchKeys(ctx context.Context, address string) error {
	raw, err := k.web.get(ctx, address, "application/json", "application/jwk-set+json")
	if err != nil {
		return fmt.Errorf("fetching keys: %w", err)
	}
	keys, bad, err := readKeys(raw)
	if err != nil {
		return err
	}
	k.replace(keys)
	k.tell(bad)
	return nil
}

// metadata is the issuer's, read again when it is old and when the last fetch
// failed: the keys may have moved.
func (k *keeper) metadata(ctx context.Context) (*metadata, error) {
	k.mu.Lock()
	failed := k.trouble != nil
	k.mu.Unlock()
	old := k.meta.Load()
	if old != nil && !failed && time.Since(old.at) < metadataLife {
		return old, nil
	}
	m, err := k.web.discover(ctx, k.issuer, k.want)
	if err != nil {
		return nil, err
	}
	if old != nil && (m.keys != old.keys || m.introspection != old.introspection) {
		k.alert(AlertMetadata, fmt.Sprintf("the metadata of issuer %s names another jwks_uri or introspection_endpoint than before", k.issuer))
	}
	k.meta.Store(m)
	return m, nil
}

// replace puts a new set in the place of the old. A key that stays keeps its
// identity, so that what it verified stays remembered; one that left is marked.
func (k *keeper) replace(keys []*key) {
	old := k.set.Load()
	set := &keyset{named: map[string]*key{}, at: time.Now()}
	var left []*key
	if old != nil {
		left = append(left, old.all...)
	}
	for _, fresh := range keys {
		for i, before := range left {
			if before.same(fresh) {
				fresh = before
				left = append(left[:i], left[i+1:]...)
				break
			}
		}
		set.all = append(set.all, fresh)
		if fresh.kid != "" {
			set.named[fresh.kid] = fresh
		}
	}
	k.set.Store(set)
	for _, gone := range left {
		gone.gone.Store(true)
	}
}

// tell alerts to the bad keys that the last set did not have.
func (k *keeper) tell(bad []string) {
	told := map[string]bool{}
	for _, detail := range bad {
		if !k.told[detail] && !told[detail] {
			k.alert(AlertBadKey, fmt.Sprintf("issuer %s: %s", k.issuer, detail))
		}
		told[detail] = true
	}
	k.told = told
}

// introspection is where the issuer answers questions, by its metadata.
func (k *keeper) introspection(now time.Time) (string, error) {
	m := k.meta.Load()
	if m == nil {
		return "", errors.New("its metadata was never read")
	}
	if now.Sub(m.at) > metadataLife+k.stale {
		return "", fmt.Errorf("its metadata was last read at %s", m.at.UTC().Format(time.RFC3339))
	}
	return m.introspection, nil
}

// healthy is nil when there is what tokens are judged with.
func (k *keeper) healthy(now time.Time) error {
	if k.keys {
		if _, err := k.trusted(now); err != nil {
			return err
		}
	}
	if k.want.introspection {
		if _, err := k.introspection(now); err != nil {
			return fmt.Errorf("issuer %s: %w", k.issuer, err)
		}
	}
	return nil
}
