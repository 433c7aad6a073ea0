package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// trusted is the set, if it is fresh enough to judge with.
func (k *keeper) trusted(now time.Time) (*keyset, error) {
	set := k.set.Load()
	if set == nil {
		return nil, fmt.Errorf("issuer %s: its keys were never fetched", k.issuer)
	}
	if now.Sub(set.at) > k.stale {
		return nil, fmt.Errorf("issuer %s: its keys were last fetched at %s", k.issuer, set.at.UTC().Format(time.RFC3339))
	}
	return set, nil
}

// key returns the key for a header. It waits, at most 3 s in all, for the first
// set, and for one fetch when the key is not known.
func (k *keeper) key(ctx context.Context, h header, now time.Time) (*key, error) {
	set, err := k.trusted(now)
	if err == nil {
		found, err := set.pick(h)
		if !errors.Is(err, errUnknownKey) {
			return found, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range 2 { // a fetch that ran already may have begun before the key was there
		done := k.demand(set != nil)
		if done != nil {
			select {
			case <-done:
			case <-ctx.Done():
				return nil, fmt.Errorf("issuer %s: waiting for its keys: %w", k.issuer, ctx.Err())
			}
		}
		if set, err = k.trusted(now); err == nil { // also without a wait: one may have ended just now
			found, err := set.pick(h)
			if !errors.Is(err, errUnknownKey) {
				return found, err
			}
		}
		if done == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trouble != nil {
		return nil, fmt.Errorf("issuer %s: a key that is not known, and none can be fetched: %w", k.issuer, k.trouble)
	}
	return nil, errUnknownKey
}

// questioned returns where the issuer answers questions. It waits, at most 3 s,
// for metadata that is on its way: who comes first after a start is no stranger.
func (k *keeper) questioned(ctx context.Context) (string, error) {
	address, err := k.introspection(time.Now())
	if err == nil {
		return address, nil
	}
	if done := k.demand(false); done != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for its metadata: %w", ctx.Err())
		}
	}
	return k.introspection(time.Now()) // also without a wait: a fetch may have ended just now
}

// demand returns what to wait for: the fetch that runs, or else, if start and at
// most once in 30 s, one that begins now. It is nil when there is none.
func (k *keeper) demand(start bool) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running != nil {
		return k.running
	}
	if k.ended || !start || !k.asked.IsZero() && time.Since(k.asked) < demandEvery {
		return nil
	}
	k.asked = time.Now()
	k.running = make(chan struct{})
	select {
	case k.wake <- struct{}{}:
	default: // run is on its way
	}
	return k.running
}
