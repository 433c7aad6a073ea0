package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// maxRevokedText bounds a revocation as JSON: its three texts with every byte escaped in
// six, and its times.
const maxRevokedText = 6*(maxRealm+maxValue+maxBy) + 512

// revokedPostgres keeps the list in PostgreSQL, each revocation by the SHA-256 of its name.
type revokedPostgres struct {
	list  *postgresList
	most  int                    // that are in force
	shown *listState             // what known was made of
	known map[string]revokedText // all of it, also what has ended
}

// OpenPostgresRevocations opens the list in p. key is 32 random bytes that every gateway
// with the same database has, and nobody else: names that were forgotten are hashed with
// it, and who changes the list without it is noticed. nil makes a ledger for it alone.
// Close it before p.
func OpenPostgresRevocations(ctx context.Context, p *Postgres, key [32]byte, ledger *Ledger) (*Revocations, error) {
	return openPostgresRevocations(ctx, p, key, revokedBounds(maxRevoked), ledger)
}

// revokedBounds are those of a list of so many that are in force. What has ended is dropped
// with the next change: until then it takes room of its own.
func revokedBounds(most int) listBounds { return listBounds{2 * most, maxRevokedText, maxRevokedFile} }

func openPostgresRevocations(ctx context.Context, p *Postgres, key [32]byte, bounds listBounds, ledger *Ledger) (*Revocations, error) {
	blind, err := newBlinder(key[:], blinding)
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	list, err := newPostgresList(p, KeptRevocations, key[:], ledger, bounds)
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	return openRevocations(ctx, &Revocations{from: &revokedPostgres{list: list, most: bounds.texts / 2}, blind: blind, log: p.log}, lookPostgresEvery)
}

func (s *revokedPostgres) read(ctx context.Context, have revokedList) (revokedList, error) {
	now, _, err := s.list.read(ctx)
	if err != nil {
		return nil, err
	}
	if now == s.shown {
		return have, nil
	}
	if s.known, err = s.parsed(now); err != nil {
		return nil, err
	}
	s.shown = now
	list := make(revokedList, len(s.known))
	for _, k := range s.known {
		list[k.says.name()] = k.says
	}
	return list, nil
}

// parsed is what the texts of a state say. One that is known is not parsed again.
func (s *revokedPostgres) parsed(now *listState) (map[string]revokedText, error) {
	known := make(map[string]revokedText, len(now.texts))
	for id, text := range now.texts {
		k, met := s.known[id]
		if !met || k.text != text {
			var r Revocation
			if err := json.Unmarshal([]byte(text), &r, json.RejectUnknownMembers(true)); err != nil {
				return nil, fmt.Errorf("postgres: revocation %.64q: %w", id, err)
			}
			if err := r.check(); err != nil {
				return nil, fmt.Errorf("postgres: revocation %.64q: %w", id, err)
			}
			if id != r.name().field() {
				return nil, errors.New("postgres: a revocation is that of another name")
			}
			k = revokedText{text, &r}
		}
		known[id] = k
	}
	return known, nil
}

func (s *revokedPostgres) add(ctx context.Context, r *Revocation) error {
	return s.edit(ctx, nil, r)
}

func (s *revokedPostgres) replace(ctx context.Context, old, by *Revocation) error {
	return s.edit(ctx, old, by)
}

// edit puts one in the place of another, or of none, unless it is in force for as long
// already, and drops what has ended.
func (s *revokedPostgres) edit(ctx context.Context, old, by *Revocation) error {
	_, err := s.list.change(ctx, func(now *listState, at time.Time) (*listChange, error) {
		known, err := s.parsed(now)
		if err != nil {
			return nil, err
		}
		s.known = known
		c := &listChange{put: map[string]string{}}
		id := by.name().field()
		if have, ok := known[id]; !ok || !have.says.outlasts(by) {
			text, err := json.Marshal(by)
			if err != nil {
				return nil, err
			}
			c.put[id] = string(text)
		} else if old == nil {
			return nil, nil //nolint:nilnil // nothing is to be changed
		}
		live := 0
		for other, k := range known {
			switch {
			case other == id:
			case old != nil && other == old.name().field(), !k.says.Until.IsZero() && at.Sub(k.says.Until) > dropAfter:
				c.drop = append(c.drop, other)
			default:
				live++
			}
		}
		if _, met := known[id]; !met && live >= s.most {
			return nil, fmt.Errorf("%d revocations are in force already", s.most)
		}
		return c, nil
	})
	return err
}
