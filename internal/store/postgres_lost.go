package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Behind tells whether a list is older than the ledger knows, or gone. It changes nothing.
// key is what the list is opened with; one whose HMAC does not hold is an error.
func (p *Postgres) Behind(ctx context.Context, kept Kept, key [32]byte, ledger *Ledger) (bool, error) {
	l, err := lostList(p, kept, key, ledger)
	behind := false
	if err == nil {
		_, err = l.locked(ctx, func(_ pgx.Tx, now *listState, _ time.Time) (*listState, error) {
			behind = now.generation < ledger.Least(kept)
			return nil, nil //nolint:nilnil // it stays as it is
		})
	}
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", kept, err)
	}
	return behind, nil
}

// GoOn goes on with a list that somebody has accepted is older than it was, gone, or another
// than the one before: one that is older counts as changed once more than the ledger knows,
// one that is gone begins empty, and any other is taken as it is. From then on the ledger
// knows it. key is what the list is opened with.
func (p *Postgres) GoOn(ctx context.Context, kept Kept, key [32]byte, ledger *Ledger) error {
	l, err := lostList(p, kept, key, ledger)
	if err == nil {
		_, err = l.locked(ctx, func(tx pgx.Tx, now *listState, _ time.Time) (*listState, error) {
			least := ledger.Least(kept)
			if now.generation >= max(1, least) {
				return nil, ledger.Saw(kept, now.generation)
			}
			next := now.with(&listChange{})
			next.generation = least + 1
			return next, l.keep(ctx, tx, next, &listChange{with: func(ctx context.Context, tx pgx.Tx) error {
				if kept != KeptApprovals {
					return nil
				}
				return dropOrphans(ctx, tx)
			}})
		})
	}
	if err != nil {
		return fmt.Errorf("going on with %s: %w", kept, err)
	}
	return nil
}

// lostList is a list of which something may be missing, within the bounds of the largest.
func lostList(p *Postgres, kept Kept, key [32]byte, ledger *Ledger) (*postgresList, error) {
	return newPostgresList(p, kept, key[:], ledger, listBounds{2 * maxRevoked, maxIncidentSize + sealOverhead, maxIncidentsFile})
}
