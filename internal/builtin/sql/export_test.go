package sql

import (
	"context"
	"time"

	"doorward/internal/dsn"
)

// RunUnjudged runs statements one by one where nothing but the transaction holds them back,
// and returns the first error.
func RunUnjudged(ctx context.Context, text string, statements ...string) error {
	cfg, err := dsn.MySQL(text)
	if err != nil {
		return err
	}
	return visiting(ctx, cfg, func(v *visit) error {
		if err := v.settle(ctx, time.Minute); err != nil {
			return err
		}
		if err := v.begin(ctx); err != nil {
			return err
		}
		for _, stmt := range statements {
			if err := v.run(ctx, stmt); err != nil {
				return err
			}
		}
		return nil
	})
}

// MayOnlyRead tells whether a line of SHOW GRANTS gives no more than reading, and whether
// with masks nobody reads what they name.
func MayOnlyRead(line string, mask map[string][]string) (reads, masked bool) {
	g, ok := grantOf(line)
	if !ok {
		return false, false
	}
	return true, (&my{set: &Settings{Mask: mask}}).masksHold("shop", g) == nil
}

// Names for the tests.
var (
	CostOf   = costOf
	LookedAt = lookedAt
	Stays    = stays
)
