package app

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/index"
)

// indexing keeps the search index of this process's log. No call waits for it, and
// without it searches read the log.
type indexing struct {
	begun    sync.Once
	follower *index.Follower
}

// searching is audit.Read, or what does the same with an index.
type searching func(ctx context.Context, dir string, q audit.Query, yield func(*audit.Record) error) error

// search reads a log with its index, where one is kept.
func (a *App) search(ctx context.Context, dir string, q audit.Query, yield func(*audit.Record) error) error {
	if !a.indexes() {
		return audit.Read(ctx, dir, q, yield)
	}
	return index.Read(ctx, dir, q, a.Log, yield)
}

func (a *App) indexes() bool { return a.Config.Audit.Index == "on" }

// keepIndex keeps the index until the gateway ends. Where none is wanted the one that is
// there goes: nobody would keep it.
func (a *App) keepIndex() {
	if !a.indexes() {
		if err := index.Remove(index.Path(a.logDir)); err != nil {
			a.Log.Warn("the search index cannot be removed", "error", err)
		}
		return
	}
	a.indexing.begun.Do(func() {
		covered := func() uint64 {
			s := a.audit.Stats()
			return s.Size - s.Behind
		}
		size := func() uint64 { return a.audit.Stats().Size }
		f := index.NewFollower(index.Log{Dir: a.logDir, Size: size, Covered: covered}, a.Log)
		a.indexing.follower = f
		a.own(func() { f.Run(a.ctx) })
	})
}

// RebuildIndex implements admin.Indexing.
func (a *App) RebuildIndex(ctx context.Context, actor string) (admin.Rebuilding, error) {
	out := admin.Rebuilding{Log: filepath.Base(a.logDir)}
	if !a.indexes() {
		return out, operated("making the search index anew", errors.New("audit.index is off"))
	}
	err := a.act(ctx, []gate.Event{{Kind: "audit.index", Actor: actor, Detail: "make it anew"}}, func() error {
		a.keepIndex()
		if _, err := a.audit.Checkpoint(ctx); err != nil { // so that everything up to now is covered
			return err
		}
		var err error
		out.Through, err = a.indexing.follower.Rebuild(ctx)
		return err
	})
	return out, operated("making the search index anew", err)
}
