package app

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"doorward/internal/anchor"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/cosignature"
	"doorward/internal/secret"
	"doorward/internal/webhook"
)

// lastCheckpoint is how long Close waits for those outside to take the last checkpoint.
const lastCheckpoint = 5 * time.Second

// openAnchors asks witnesses and anchors what they have seen of the log, and begins to
// take its checkpoints outside. Who has seen another log keeps the gateway from serving.
// A process beside the gateway has a log of its own, which nobody outside knows.
func (a *App) openAnchors(ctx context.Context, cfg *config.Config, secrets *secret.Store) error {
	if !a.primary {
		return nil
	}
	c := &cfg.Audit.Checkpoint
	made := anchor.Config{
		Log: outside{a}, Quorum: c.Cosignatures, Every: time.Duration(c.Every), AlertAfter: time.Duration(c.AlertAfter),
		Keep:   func(note string) error { return audit.WriteCosigned(a.logDir, note) },
		Record: a.trail.Event, Said: a.Log,
	}
	for i := range c.Witness {
		w, err := witness(&c.Witness[i])
		if err != nil {
			return fmt.Errorf("audit.checkpoint.witness[%d]: %w", i, err)
		}
		made.Witnesses = append(made.Witnesses, w)
	}
	for i := range c.Anchors {
		p, err := a.placeOf(&c.Anchors[i], secrets)
		if err != nil {
			return fmt.Errorf("audit.checkpoint.anchors[%d]: %w", i, err)
		}
		made.Anchors = append(made.Anchors, anchor.Anchor{Name: c.Anchors[i].Name, Place: p, Every: time.Duration(c.Anchors[i].Every)})
	}
	k, err := anchor.New(made)
	if err != nil {
		return err
	}
	a.anchors.Store(k)
	if err := k.Begin(ctx); err != nil {
		if _, ok := errors.AsType[*anchor.Misfit](err); ok {
			return fmt.Errorf("%w\nThe gateway does not serve with a log that others contradict. Keep %s as evidence, find out who changed it, "+
				"and put the newer log back in its place; or begin another log under another name, with audit.checkpoint.origin", err, a.logDir)
		}
		return err
	}
	k.Start(context.WithoutCancel(a.ctx)) // Close ends it, after everybody who writes records
	return nil
}

func witness(c *config.Witness) (*anchor.Witness, error) {
	pool, err := roots(c.CA)
	if err != nil {
		return nil, err
	}
	key, err := cosignature.ParseKey(c.Key)
	if err != nil {
		return nil, err
	}
	return anchor.NewWitness(anchor.WitnessConfig{URL: c.URL, Key: key, Roots: pool})
}

// placeOf makes what keeps the checkpoints of one anchor, once its secret is such that
// it can.
func (a *App) placeOf(c *config.Anchor, secrets *secret.Store) (anchor.Place, error) {
	switch c.Kind {
	case "file":
		return anchor.NewFile(c.Path)
	case "git":
		return anchor.NewGit(anchor.GitConfig{Dir: c.Dir, Remote: c.Remote, Environment: a.Environment})
	case "http":
		s, err := secrets.Get(c.Secret)
		if err == nil {
			err = webhook.CheckSecret(s)
		}
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		pool, err := roots(c.CA)
		if err != nil {
			return nil, err
		}
		target, err := webhook.NewTarget(signed(webhook.TargetConfig{URL: c.URL, Roots: pool}, a.secretsNow, c.Secret))
		if err != nil {
			return nil, err
		}
		return anchor.NewHTTP(target), nil
	}
	return nil, fmt.Errorf("there is no kind %q", c.Kind)
}

// outside is this process's log, as those outside are shown it.
type outside struct{ *App }

// Newest implements anchor.Log.
func (o outside) Newest(ctx context.Context) (anchor.Checkpoint, error) {
	c, err := o.audit.Checkpoint(ctx)
	return anchor.Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root, Note: c.Note}, err
}

// Consistency implements anchor.Log.
func (o outside) Consistency(ctx context.Context, from uint64, to anchor.Checkpoint) ([]string, error) {
	proof, err := audit.Consistency(ctx, o.logDir, from, audit.Checkpoint{Origin: to.Origin, Size: to.Size, Root: to.Root})
	hashes := make([]string, 0, len(proof))
	for _, h := range proof {
		hashes = append(hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	return hashes, err
}

// Compare implements anchor.Log.
func (o outside) Compare(ctx context.Context, note string) (size uint64, holds bool, err error) {
	c, err := audit.ParseCheckpoint(note)
	if err != nil {
		return 0, false, err
	}
	err = audit.Holds(ctx, o.logDir, c)
	if errors.Is(err, audit.ErrShorter) || errors.Is(err, audit.ErrUnproven) {
		return c.Size, false, nil
	}
	return c.Size, err == nil, err
}
